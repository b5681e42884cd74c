"""Everything a search can be told, by YAML file and by flag: one type for both."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from data.errors import InputError
from model.hparams import Precision
from model.presets import SPACES
from tune.objective import Objective, parse_objective
from tune.program import program
from tune.setting_types import (
    MOST,
    ClusterAddress,
    DataFile,
    FilePath,
    Metric,
    Name,
    Seconds,
    StorageAddress,
    Trackers,
    Whole,
    WorkerCount,
)
from tune.shown_address import shown_address
from tune.storage import RemoteStorage
from tune.tracking.tracker import absolute_track, shown_tracks

EMBEDDING = "embedding_size"
DEFAULT_STORAGE = "runs"
DEFAULT_TRIALS = 60
Sampler = Literal["tpe", "random", "gp", "cmaes", "qmc", "hyperopt"]
AFTER = ("ensemble", "repeat", "repeat_top", "refit", "strong_baseline")
"""Settings of what follows the trials."""
SINGLE = {"cmaes", "hyperopt"}
"""Samplers that learn from one figure alone."""


class Settings(BaseModel):
    """The settings of a search. Every one can stand in a YAML file under its name, or be passed as a flag."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data: DataFile | None = Field(
        None,
        description="Labelled texts: CSV, TSV, JSON lines or Parquet, also .gz; a file, or s3://, gs:// or abfs://BUCKET/FILE "
        "[the embedded corpus]",
    )
    text: str = Field("text", description="The column of the texts")
    label: str = Field("label", description="The column of the labels")
    group: str | None = Field(None, description="A column whose equal values no split may part")
    drop_unlabelled: bool = Field(False, description="Leave out rows without a label")
    drop_empty: bool = Field(False, description="Leave out rows without a text")
    small_classes: Literal["refuse", "fold", "drop"] = Field(
        "refuse", description="What to do with classes too small to split: 'fold' makes them one class 'other'"
    )
    validation: float = Field(0.1, gt=0, lt=1, description="Fraction of the rows to rank trials on")
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of the rows to test the winner on, once")

    name: Name | None = Field(None, description="The search's name [data's name and the time]")
    storage: StorageAddress = Field(
        Path(DEFAULT_STORAGE), description="Where searches stand: a folder, or s3://, gs:// or abfs://BUCKET/PREFIX"
    )
    trials: int | None = Field(
        None, ge=1, lt=MOST, description="Configurations to try [60; no limit where there is a time limit]"
    )
    time_limit: Seconds | None = Field(
        None, description="Wall time for all of the search: 90s, 10m, 1h30m; a bare number is seconds"
    )
    max_epochs: Whole = Field(30, ge=1, description="Epochs of a trial, at most")
    patience: Whole = Field(4, ge=1, description="Epochs that are no better after which a trial ends")
    workers: WorkerCount = Field("auto", description="Trials at a time; 'auto' fills the cores")
    address: ClusterAddress | None = Field(
        None,
        description="A Ray cluster to run on: its head's HOST:PORT, 'auto' or 'local' [a submitted job's own, else local]",
    )
    cpus_per_trial: Whole = Field(1, ge=1, description="Cores, and so threads, of a trial")
    gpus_per_trial: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="GPUs of a trial: 0.25 runs four trials on each, 0 computes on cores"
    )
    precision: Precision = Field(
        "float32", description="What LSTM layers are computed in; float16 pays on GPUs, bfloat16 nowhere"
    )
    worker_memory: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="GiB above which a worker process is replaced [its part of the machine's]"
    )
    seed: Whole = Field(0, ge=0, description="Of the split, the sampler and the trials")

    preset: Literal["default", "question", "wide", "model_1", "model_2", "model_3", "baseline"] = Field(
        "default", description="What to start from: the first three are spaces to search, the others trainings of `train`"
    )
    space: dict[str, Any] = Field({}, description="Dimensions that replace the preset's, by name (YAML only)")
    portfolio: bool = Field(True, description="Begin with the preset's configurations that did well on other corpora")
    warm_start: Name | None = Field(
        None, description="Another search of the storage, whose best configurations are tried first"
    )
    vectors: FilePath | None = Field(
        None, description="Word vectors to begin with, in word2vec's format, text or binary, or GloVe's, also .gz"
    )
    sampler: Sampler = Field("tpe", description="What proposes configurations; gp needs PyTorch, hyperopt its package")
    study: str | None = Field(
        None, min_length=1, description="Where the Optuna study is kept: 'sqlite' or a URL [a journal in the folder]"
    )
    metric: Metric = Field(
        "loss",
        description="What ranks trials: loss, accuracy or macro_f1; with costs to weigh it against: macro_f1,size,latency",
    )
    track: Trackers | None = Field(
        None, description="Programs to tell of the search, with commas: tensorboard[:DIR], mlflow:URI, wandb[:PROJECT]"
    )
    scheduler: Literal["asha", "pasha", "hyperband", "median", "none"] = Field(
        "asha", description="What stops weak trials early"
    )
    grace_period: Whole = Field(3, ge=1, description="Epochs before the scheduler may stop a trial")
    reduction_factor: Whole = Field(3, ge=2, description="ASHA, PASHA and HyperBand let the best of so many go on at each rung")
    brackets: Whole = Field(
        1, ge=1, description="ASHA deals trials out to so many grace periods, each so many times longer; HyperBand to all"
    )
    keep: Whole = Field(10, ge=1, description="Trials whose best weights are kept")
    ensemble: Whole = Field(1, ge=1, description="Classifiers that answer together, at most, chosen among those kept")
    repeat: Whole = Field(0, ge=0, description="Other seeds to train the best configurations with again, after the search")
    repeat_top: Whole = Field(3, ge=1, description="Configurations that 'repeat' trains again")
    refit: bool = Field(False, description="Train the winner again on train and validation rows")
    strong_baseline: bool = Field(
        False, description="Compare with a linear SVM of words, pairs of words and runs of characters, too"
    )
    checkpoint_budget: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="GiB that kept weights may take; the best trial's are kept in any case"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("this is no truth value, as which YAML reads yes, no, on and off, too; put a name in quotes")
        return value

    @model_validator(mode="after")
    def _check(self) -> Settings:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation and test leave nothing to train on: {self.validation} + {self.test}")
        if self.gpus_per_trial > 1 and self.gpus_per_trial % 1:
            raise ValueError(f"gpus_per_trial must be 0 to 1, or a whole number, got {self.gpus_per_trial:g}")
        if self.brackets > 1 and self.scheduler != "asha":
            raise ValueError(f"brackets are of asha alone, and scheduler is {self.scheduler}; hyperband has all that there are")
        if self.brackets > self.rungs:
            raise ValueError(
                f"brackets must be 1 to {self.rungs}, got {self.brackets}: the last one's grace period would be longer than "
                f"{self.max_epochs} epochs (max_epochs), from {self.grace_period} (grace_period) on"
            )
        if self.objective.against and self.sampler in SINGLE:
            able = ", ".join(name for name in get_args(Sampler) if name not in SINGLE)
            raise ValueError(f"sampler {self.sampler} learns from one metric alone, not from {self.metric}; take {able}")
        if isinstance(self.storage, RemoteStorage) and (self.study or "").startswith("sqlite"):
            raise ValueError(
                f"study {self.study}: a database file cannot stand in an object store; leave it out (the study is then a "
                "journal that is sent there), or give the URL of a PostgreSQL or MySQL database"
            )
        return self

    @property
    def objective(self) -> Objective:
        """What trials are ranked by, and the costs that it is weighed against."""
        return parse_objective(self.metric)

    @property
    def rungs(self) -> int:
        """The epochs at which ASHA may stop a trial: how many there are."""
        longest = self.max_epochs / min(self.grace_period, self.max_epochs)
        return 1 + int(math.log(longest) / math.log(self.reduction_factor) + 1e-9)

    def with_absolute_paths(self) -> Settings:
        """Returns the same, to be used from any folder: paths made absolute."""
        study = self.study
        if study and (relative := re.fullmatch(r"(sqlite(?:\+\w+)?:///)(?![/$])(.+)", study)):
            study = f"{relative[1]}{Path(relative[2]).absolute()}"
        return self.model_copy(
            update={
                "data": self.data and self.data.absolute(),
                "vectors": self.vectors and self.vectors.absolute(),
                "study": study,
                "track": self.track and ",".join(map(absolute_track, self.track.split(","))),
            }
        )

    def without_passwords(self) -> Settings:
        """Returns the same, to be printed: passwords in the addresses of the study and of trackers are hidden."""
        shown = {"study": self.study and shown_address(self.study), "track": self.track and shown_tracks(self.track)}
        return self.model_copy(update=shown)

    def trial_limit(self) -> int | None:
        """Returns how many trials to run, or None for as many as the time limit allows."""
        return self.trials or (None if self.time_limit else DEFAULT_TRIALS)

    def written_space(self) -> dict[str, Any]:
        """Returns the space in its written form: the preset's, with what `space` replaces.

        Raises:
            InputError: If the preset is a single training.
        """
        if self.preset not in SPACES:
            raise InputError(
                f"--preset {self.preset} is one training, which `{program()} train --preset {self.preset}` runs; "
                f"a search starts from {', '.join(SPACES)}."
            )
        return SPACES[self.preset] | self.space

    def to_yaml(self) -> str:
        """Returns all settings, the whole space included, as a file that runs as it is."""
        values = self.model_dump(mode="json") | {"space": self.written_space()}
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
