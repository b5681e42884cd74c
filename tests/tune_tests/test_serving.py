"""Answering over HTTP: a real server, asked as its users ask it."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from disturbances.faults import named
from ports import free_port
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from data.corpus import Corpus
from model.classifier import Classifier
from model.experiment import run_experiment
from tune.cli import run
from tune.serving.door import LARGEST_BODY, TOO_LARGE, Door
from tune.serving.front import build
from tune.serving.questions import MOST_TEXTS, Question

SMALL = {"embedding_size": 8, "lstm_size": 4, "pooling": "max", "dense_layers": 0, "max_length": 50, "batch_size": 16}


def ask(address: str, body: Any = None) -> tuple[int, Any]:
    """Returns the status and what was answered, JSON read."""
    data = body if body is None or isinstance(body, bytes | Iterator) else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            status, text = reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except json.JSONDecodeError:
        return status, text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus) -> Path:
    path = tmp_path_factory.mktemp("served") / "small"
    run_experiment(corpus, epochs=14, learning_rate=0.02, **SMALL).classifier.save(path)
    return path


@contextmanager
def answering(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Starts a server, and yields it when it answers."""
    command = [sys.executable, "-m", "tune", "serve", str(folder), "--port", str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as server:
        try:
            assert server.stderr
            said = []
            for line in server.stderr:
                said.append(line)
                if "answers at" in line:
                    break
            else:
                raise AssertionError("".join(said))
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """A server, ended as systemd ends it; Ctrl-C is answered by the same handler."""
    port = free_port()
    with answering(folder, port) as server:
        assert server.stdout
        assert server.stderr
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGTERM)
        rest = server.stderr.read()
        assert server.wait(60) == 0, rest
        assert rest == "Ended.\n"
        assert server.stdout.read() == ""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_answers_over_http_are_those_of_the_classifier(address: str, folder: Path, corpus: Corpus) -> None:
    classifier = Classifier.load(folder)
    texts = [*corpus.texts[:40], "", "🙂 naïve"]
    expected = classifier.predict(texts, top=2)
    status, told = ask(f"{address}/predict", {"texts": texts, "top": 2})
    assert status == 200
    for answer, prediction in zip(told["answers"], expected, strict=True):
        assert answer["label"] == prediction.label
        assert [one["label"] for one in answer["top"]] == [label for label, _ in prediction.top]
        assert answer["probability"] == pytest.approx(prediction.probability, abs=1e-5)
        assert answer["words"] is None
    assert ask(f"{address}/predict", {"texts": []}) == (200, {"answers": []})


def counted(address: str) -> float:
    """The texts that a server says to have answered."""
    _, metrics = ask(f"{address}/metrics")
    return sum(map(float, re.findall(r"^topknot_texts_total\{.*\} (\S+)$", metrics, re.MULTILINE)))


def test_each_of_many_who_ask_at_once_gets_his_own_answer_and_is_counted(address: str, folder: Path, corpus: Corpus) -> None:
    before, texts = counted(address), list(corpus.texts[:60])
    expected = [prediction.label for prediction in Classifier.load(folder).predict(texts)]
    with ThreadPoolExecutor(20) as threads:
        told = list(threads.map(lambda text: ask(f"{address}/predict", {"text": text}), texts))
        assert [answer["answers"][0]["label"] for _, answer in told] == expected
        parts = [range(first, first + 1 + first % 3) for first in range(57)]
        told = list(threads.map(lambda part: ask(f"{address}/predict", {"texts": [texts[row] for row in part]}), parts))
    for part, (_, answer) in zip(parts, told, strict=True):
        assert [one["label"] for one in answer["answers"]] == [expected[row] for row in part]
    assert counted(address) - before == len(texts) + sum(map(len, parts))


def test_the_question_of_the_documentation_has_the_answer_that_stands_there(address: str) -> None:
    page = (Path(__file__).parents[2] / "docs/serving.md").read_text(encoding="utf-8")
    (question,) = re.findall(r"^    (curl .*)$", page, re.MULTILINE)
    (answer,) = re.findall(r"```json\n(.*)\n```", page)
    done = subprocess.run(
        ["/bin/bash", "-c", question.replace("localhost:8000", address)], capture_output=True, text=True, check=True
    )
    (told,), (written,) = json.loads(done.stdout)["answers"], json.loads(answer.replace(", ...", ""))["answers"]
    assert told.keys() == written.keys()
    assert told["top"][0].keys() == written["top"][0].keys()
    assert len(told["top"]) == json.loads(shlex.split(question)[-1])["top"]


def test_words_are_explained(address: str) -> None:
    text = "filler1 sign2of0"
    _, told = ask(f"{address}/predict", {"text": text, "explain": True})
    words = told["answers"][0]["words"]
    assert [text[word["start"] : word["end"]] for word in words] == [word["word"] for word in words] == text.split()
    assert max(words, key=lambda word: word["weight"])["word"] == "sign2of0"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 422, "give either 'text' or 'texts'"),
        ({"text": "a", "texts": ["b"]}, 422, "give either 'text' or 'texts'"),
        ({"text": 5}, 422, "valid string"),
        ({"text": "a", "": 2}, 422, "there is no ''; there are text, texts, top, explain"),
        ({"text": "a", "topp": 2}, 422, "there is no 'topp'; there are text, texts, top, explain"),
        ({"text": "a", "top": 0}, 422, "greater than or equal to 1"),
        ({"texts": ["a"] * (MOST_TEXTS + 1)}, 422, "at most 1000 items"),
        ({"texts": ["a"] * 17, "explain": True}, 422, "'explain' is for 16 texts at most"),
        (b"{", 422, "JSON decode error"),
        (b'{"text": "\xff"}', 400, ""),
        (b'{"text": "a", "top": NaN}', 422, "finite number"),
        (b'{"text": "cut \\ud83d"}', 422, "unicode"),
        (b" " * (LARGEST_BODY + 1), 413, "16 MiB at most"),
    ],
)
def test_what_cannot_be_answered_says_why(address: str, body: Any, status: int, message: str) -> None:
    told = ask(f"{address}/predict", body)
    assert told[0] == status
    assert message in json.dumps(told[1])


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        pytest.param({"text": "a"} | {f"{row:039}{'x' * 9}": row for row in range(100_000)}, 1, id="unknown fields"),
        pytest.param({"texts": [0] * 100_000}, MOST_TEXTS + 1, id="no texts"),
    ],
)
def test_of_very_many_mistakes_few_are_told(body: Any, errors: int) -> None:
    with pytest.raises(ValidationError) as told:
        Question.model_validate(body)
    assert told.value.error_count() <= errors


def test_it_tells_of_itself_and_its_page_needs_nothing_from_elsewhere(address: str) -> None:
    assert ask(f"{address}/health") == (200, {"status": "ok"})
    _, about = ask(f"{address}/about")
    assert about["model"] == "small"
    assert about["classes"] == ["class 0", "class 1", "class 2"]
    assert 0 <= about["test"]["macro_f1"] <= 1
    assert set(ask(f"{address}/openapi.json")[1]["paths"]) == {"/predict", "/health", "/about", "/metrics"}
    status, page = ask(address)
    assert status == 200
    assert not re.search(r"https?://", page)
    assert ask(f"{address}/docs")[0] == 404


async def through(door: Door, chunks: list[bytes], headers: list[tuple[bytes, bytes]], path: str = "/predict") -> int:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"", "http_version": "1.1"}
    await door(scope, receive, send)
    status: int = sent[0]["status"]
    return status


async def reader(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200})


@pytest.mark.parametrize(
    ("token", "headers", "path", "status"),
    [
        (None, [], "/predict", 200),
        ("s3cret", [(b"authorization", b"Bearer s3cret")], "/predict", 200),
        ("s3cret", [(b"Authorization", b"Bearer s3cret")], "/predict", 200),
        ("s3cret", [(b"authorization", b"bearer s3cret")], "/predict", 200),
        ("s3cret", [(b"authorization", b"s3cret")], "/predict", 401),
        ("s3cret", [], "/predict", 401),
        ("s3cret", [(b"authorization", b"Bearer s3cre")], "/metrics", 401),
        ("s3cret", [(b"authorization", b"s3cret2")], "/openapi.json", 401),
        ("s3cret", [], "/health", 200),
    ],
)
def test_a_token_is_asked_for_where_there_is_one(
    token: str | None, headers: list[tuple[bytes, bytes]], path: str, status: int
) -> None:
    assert asyncio.run(through(Door(reader, token), [b"x"], headers, path)) == status


def test_a_body_that_does_not_tell_its_size_is_cut_off_as_well(address: str) -> None:
    chunk = b" " * (LARGEST_BODY // 4)
    assert ask(f"{address}/predict", iter([chunk] * 4))[0] == 422
    assert ask(f"{address}/predict", iter([chunk] * 5)) == (413, {"detail": TOO_LARGE})


def test_a_question_is_of_one_text_or_several() -> None:
    assert Question(text="").asked() == [""]
    assert Question(texts=["a", "b"]).asked() == ["a", "b"]


def test_a_server_whose_ray_has_ended_ends_too_so_that_whoever_keeps_it_starts_it_anew(folder: Path) -> None:
    with answering(folder, free_port()) as server:
        (raylet,) = named(server.pid, "raylet/raylet")
        os.kill(raylet, signal.SIGKILL)
        _, err = server.communicate(timeout=60)
    assert server.returncode == 1, err
    assert err.splitlines()[-1].endswith("Ray's node process has ended: killed, or out of memory. Begin again")


def test_a_token_file_closes_the_server(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, given = "0123456789abcdef", list[Any]()
    (tmp_path / "token").write_text(f"{token}\n")
    monkeypatch.setattr("tune.serving.server.serve_model", lambda *arguments: given.extend(arguments))
    assert run(["serve", str(folder), "--token-file", str(tmp_path / "token")]) == 0
    assert given[5] == token
    app = build(None, token)
    assert asyncio.run(through(app, [b"{}"], [], "/predict")) == 401  # type: ignore[arg-type]
    assert asyncio.run(through(app, [b"{}"], [(b"authorization", f"Bearer {token}".encode())], "/predict")) == 422  # type: ignore[arg-type]


def test_what_cannot_be_served_ends_with_2(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("short\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for flags, message in (
            (["--host", "0.0.0.0"], "Give --token-file FILE"),  # noqa: S104 - refused
            (["--host", "192.0.2.1"], "Give --token-file FILE"),
            (["--port", str(taken.getsockname()[1])], "cannot listen there: Address already in use"),
            (["--token-file", str(tmp_path / "token")], "16 characters or more"),
            (["--token-file", str(tmp_path / "none")], "cannot be read"),
        ):
            assert run(["serve", str(folder), *flags]) == 2
            assert message in capsys.readouterr().err
    shutil.copytree(folder, tmp_path / "damaged")
    (tmp_path / "damaged/network.keras").write_bytes(b"")
    assert run(["serve", str(tmp_path / "damaged"), "--port", str(free_port())]) == 2
    assert "network.keras has changed since it was written" in capsys.readouterr().err
    assert run(["serve", str(tmp_path)]) == 2
