"""The web application: it takes questions, counts them, and has a replica answer."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from tune.serving.door import Door
from tune.serving.questions import About, Answer, Answers, ExplainedWord, Health, Label, Question

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class Front:
    """What is answered at each path.

    Args:
        model: A handle of `tune.serving.replica.Replica`s.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._about: About | None = None
        self._registry = CollectorRegistry()
        self._texts = Counter("topknot_texts", "Texts answered, by label", ["label"], registry=self._registry)
        told = "Seconds from a question to its answer"
        self._seconds = Histogram("topknot_question_seconds", told, registry=self._registry, buckets=SECONDS)
        self._page = files("tune.serving").joinpath("page.html").read_text(encoding="utf-8")

    async def predict(self, question: Question) -> Answers:
        """Answer one text or several."""
        with self._seconds.time():
            classes, texts = (await self.about()).classes, question.asked()
            rows = await self._model.answer.remote(texts) if texts else []
            answers = [_answer(row, classes, question.top) for row in rows]
            if question.explain and texts:
                for answer, words in zip(answers, await self._model.explain.remote(texts), strict=True):
                    answer.words = [ExplainedWord(**word) for word in words]
        for answer in answers:
            self._texts.labels(answer.label).inc()
        return Answers(answers=answers)

    async def health(self) -> Health:
        """Tell whether a classifier answers."""
        await self._model.about.remote()
        return Health()

    async def about(self) -> About:
        """Tell what answers: its name, labels and figures."""
        if self._about is None:
            self._about = About(**await self._model.about.remote(), topknot=version("topknot"))
        return self._about

    async def metrics(self) -> Response:
        """Give counts and times as Prometheus reads them."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def page(self) -> HTMLResponse:
        """Give the page on which a text can be pasted."""
        return HTMLResponse(self._page, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})


def build(model: Any, token: str | None) -> FastAPI:
    """Builds the application.

    Args:
        model: A handle of `tune.serving.replica.Replica`s.
        token: What requests must bear; None for nothing.
    """
    front = Front(model)
    # FastAPI's pages of documentation would be fetched from elsewhere; /openapi.json is what they show.
    app = FastAPI(title="Topknot", version=version("topknot"), docs_url=None, redoc_url=None, description="Classifies texts.")
    app.add_middleware(Door, token=token)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_api_route("/predict", front.predict, methods=["POST"])
    for path, answer in {"/health": front.health, "/about": front.about}.items():
        app.add_api_route(path, answer)
    app.add_api_route("/metrics", front.metrics, response_class=Response)
    app.add_api_route("/", front.page, response_class=HTMLResponse, include_in_schema=False)
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    """Says what is wrong with a question, without the question: it may be long, or hold what JSON has no form for."""
    assert isinstance(error, RequestValidationError)
    told = [{name: one[name] for name in ("type", "loc", "msg")} for one in error.errors()]
    return Response(json.dumps({"detail": told}), status_code=422, media_type="application/json")


def _answer(row: npt.NDArray[np.float32], classes: list[str], top: int) -> Answer:
    best = np.argsort(-row, kind="stable")[:top]
    likeliest = [Label(label=classes[index], probability=min(1.0, float(row[index]))) for index in best]
    return Answer(label=likeliest[0].label, probability=likeliest[0].probability, top=likeliest)
