"""MLflow: an experiment for the search, a run for each trial, and one for the winner, with its classifier as artefact."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from tune.folder import ABOUT, SearchFolder
from tune.tracking.tracker import Tracker, held_out

ENVIRONMENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "DO_NOT_TRACK": "true"}
STATES = {"complete": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
CLASSIFIER = "classifier"


class MLflowTracker(Tracker):
    """Tells a tracking server or store.

    Args:
        uri: Its address, as MLflow takes it.
        name: The search's, and so the experiment's.
        folder: The search's. If the address is a store and no server, artefacts stand in it: they would else wherever we were
            started. And another search of the same name, in another storage say, has another.
    """

    def __init__(self, uri: str, name: str, folder: Path) -> None:
        for key, value in (ENVIRONMENT | {"MLFLOW_DISABLE_TELEMETRY": "true"}).items():
            os.environ.setdefault(key, value)
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # stdout is for results
        from mlflow import MlflowClient

        self._client, self._name = MlflowClient(tracking_uri=uri), name
        there = uri.startswith(("http:", "https:", "databricks"))
        self._artefacts = None if there else (folder / "mlflow").absolute().as_uri()
        self._folder, self._experiment = SearchFolder(folder), ""
        self._runs: dict[int, str] = {}

    def check(self) -> None:
        """Finds the search's experiment, or makes it."""
        found = self._client.get_experiment_by_name(self._name)
        self._experiment = (
            found.experiment_id if found else self._client.create_experiment(self._name, artifact_location=self._artefacts)
        )

    def begin(self, trial: int, hparams: Mapping[str, Any]) -> None:
        """Starts the trial's run; of a search that is resumed, it goes on."""
        from mlflow.entities import Param

        self._runs[trial], there = self._run(f"trial {trial}", {"trial": str(trial)})
        if not there:
            self._client.log_batch(self._runs[trial], params=[Param(name, str(value)) for name, value in hparams.items()])

    def report(self, trial: int, epoch: int, figures: Mapping[str, float]) -> None:
        """Logs metrics, the epoch being the step."""
        from mlflow.entities import Metric

        now = int(1_000 * time.time())
        self._client.log_batch(self._runs[trial], [Metric(name, value, now, epoch) for name, value in figures.items()])

    def end(self, trial: int, state: str, reason: str, best: Mapping[str, float]) -> None:
        """Ends the run: finished, killed where the scheduler stopped it, or failed."""
        from mlflow.entities import Metric, RunTag

        now, run = int(1_000 * time.time()), self._runs.pop(trial)
        metrics = [Metric(f"best_{name}", value, now, 0) for name, value in best.items()]
        self._client.log_batch(run, metrics, tags=[RunTag("state", state), RunTag("reason", reason)])
        self._client.set_terminated(run, STATES[state])

    def finish(self, result: Mapping[str, Any], classifier: Path) -> None:
        """Logs the winner's figures and its classifier's folder."""
        run, _ = self._run("winner", {"result": "winner"})
        self._client.set_tag(run, "winner", str(result["trial"]))
        for side, figures in held_out(result).items():
            for name, value in figures.items():
                self._client.log_metric(run, f"{side}_{name}", value)
        self._client.log_artifacts(run, str(classifier), CLASSIFIER)
        self._client.set_terminated(run)

    @cached_property
    def _search(self) -> str:
        """When the search was started, which tells it from another of its name; nothing where it has not begun."""
        return str(self._folder.read_json(ABOUT)["created"]) if (self._folder.path / ABOUT).exists() else ""

    def _run(self, name: str, tags: dict[str, str]) -> tuple[str, bool]:
        """Goes on with the search's run of such tags, or starts one; returns its id, and whether it was there."""
        tags = tags | {"search": self._search}
        query = " and ".join(f"tags.{tag} = '{value}'" for tag, value in tags.items())
        if found := self._client.search_runs([self._experiment], query, max_results=1):
            self._client.update_run(found[0].info.run_id, status="RUNNING")
            return str(found[0].info.run_id), True
        return str(self._client.create_run(self._experiment, run_name=name, tags=tags).info.run_id), False

    def close(self) -> None:
        """Runs that were cut short stay as they are: the search may be resumed."""
