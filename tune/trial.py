"""The adapter between a Ray trial and a training. One worker process runs many trials, one after another."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

from ray.actor import exit_actor
from ray.tune import Trainable

from data.clock import now
from data.dataset import Dataset
from model.hparams import HParams
from tune.allowance import watch_memory
from tune.attributes import trained_part
from tune.ending import CRASHED, TIME_LIMIT, Rules, cut_short
from tune.means import Means
from tune.memory import own_memory
from tune.searcher import BAR, ENDED, HPARAMS, NUMBER, REPORTED, SIZE
from tune.snapshots import Kept, SnapshotFile
from tune.trial_files import TrialFiles
from tune.trial_seed import trial_seed
from tune.weights import write_trained

if TYPE_CHECKING:
    from model.training import Training

logger = logging.getLogger(__name__)


class LSTMTrial(Trainable):
    """A trial's epochs, one a step. It brings TensorFlow, unless the process has imported it as it started."""

    def setup(
        self,
        config: dict[str, Any],
        *,
        dataset: Dataset,
        weights: TrialFiles,
        snapshots: TrialFiles,
        seed: int,
        rules: Rules,
        means: Means,
        each_epoch: bool = False,
    ) -> None:
        """Starts the process's first trial.

        Args:
            config: The trial's number and hyperparameters.
            dataset: What Ray's object store holds, not copied.
            weights: Take each trial's best weights.
            snapshots: Take what a trial needs to go on in another process.
            seed: Of the search; a trial's own comes of it and of its number.
            rules: When a trial ends of itself.
            means: What to compute with. A trial ends within a step of their deadline; one that takes much more memory than
                theirs (`tune.allowance`) is given up.
            each_epoch: Whether each epoch is to outlive the process, whatever that costs.
        """
        self._means, self._memory = means, means.prepare()
        self._dataset, self._weights, self._snapshots, self._seed = dataset, weights, snapshots, seed
        self._rules, self._each_epoch = rules, each_epoch
        self._training: Training | None = None
        self._failure, self._outgrown = "", False
        self._best, self._best_epoch = math.inf, 0
        watch_memory(self._memory, self._give_up)
        self._start(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Starts another trial in this process; or, if it has grown too large, leaves the trial to another."""
        self.cleanup()
        self._outgrown = own_memory() > self._memory
        if not self._outgrown:
            self._start(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Runs an epoch and reports it. The last report says why the trial ended."""
        from model.training import OutOfTimeError

        if self._outgrown:
            exit_actor()  # Tune runs the trial in a new process (see `tune.tuning.RETRIES`)
        if self._training is None:
            return self._end_early(self._failure)
        if self._told < len(self._reports):
            return self._report()
        try:
            report = self._training.run_epoch(self._means.deadline, self._save_within, or_part=True)
        except OutOfTimeError as error:
            return self._end_early(f"{TIME_LIMIT}: in epoch {self._told + 1}", error.seconds)
        except OSError:
            raise  # the storage's, of which the trial is no cause
        except Exception as error:
            return self._end_early(_crash(error))
        self._reports.append({name: getattr(report, name) for name in report.__slots__} | {"at": time.time()})
        result = self._report(self._training)
        if not result["done"] and self._file.due:
            self._save(self._training)
        return result

    def cleanup(self) -> None:
        """Ends the training."""
        if self._training is not None:
            self._training.close()
            self._training = None

    def _start(self, config: dict[str, Any]) -> None:
        from model.training import Training

        self._number, self._reported, self._bar = config[NUMBER], config[REPORTED], config[BAR]
        self._best, self._best_epoch = math.inf, 0
        self._best_file = self._weights.writer(self._number)
        self._file = SnapshotFile(self._snapshots, self._number, each_epoch=self._each_epoch)
        self._reports: list[dict[str, float]] = []
        self._told = 0
        self._last: dict[str, Any] = {
            "epoch": 0,
            "train_loss": math.nan,
            "loss": math.nan,
            "accuracy": 0.0,
            "macro_f1": 0.0,
            "seconds": 0.0,
            "tokens": 0,
            "at": time.time(),
        }
        self._costs = {"size": config[SIZE]} if "size" in self._rules.objective.against else {}
        hparams = HParams.from_dict(config[HPARAMS])
        seed = trial_seed(self._seed, self._number)
        try:
            kept = self._file.read()  # first: it may say that there is no memory for the training
            if not kept and now() > self._means.deadline:
                self._failure = f"{TIME_LIMIT}: before it began"
                return
            self._training = Training(self._dataset, hparams, seed=seed, precision=self._means.precision)
            if kept:
                self._take_up(self._training, kept)
            if "latency" in self._rules.objective.against:
                self._costs["latency"] = self._training.latency()
        except Exception as error:
            self._failure = _crash(error)
            self.cleanup()

    def _save_within(self) -> None:
        if self._file.due_within and self._training:
            self._save(self._training)

    def _save(self, training: Training) -> None:
        self._file.write(Kept(training.snapshot(), self._reports))

    def _report(self, training: Training | None = None) -> dict[str, Any]:
        """Tells the next epoch: one that a training has come to just now, or did before the trial's process died."""
        epoch = self._told + 1
        self._last = {"epoch": epoch, **self._reports[self._told]}
        self._told = epoch
        cost = self._rules.objective.cost(self._last)
        if cost < self._best:
            self._best, self._best_epoch = cost, epoch
            # Above the bar nobody will ask for them; and of a trial that is run again, those of its best report are there.
            if training and cost <= min(self._bar, self._reported):
                write_trained(self._best_file, training.trained())
        if trained_part(self._last) < 1 and math.isfinite(self._last["loss"]):
            ended = cut_short(epoch)
        else:
            ended = self._rules.why_ended(epoch, self._last["loss"], self._best_epoch)
        return {**self._last, **self._costs, ENDED: ended, "done": bool(ended)}

    def _give_up(self, reason: str) -> None:
        """Leaves word, before the process ends, why the trial is not to be run again."""
        self._file.give_up(reason)

    def _take_up(self, training: Training, kept: Kept) -> None:
        """Goes on from the trial's snapshot."""
        try:
            training.restore(kept.snapshot)
        except ValueError as error:
            logger.warning("The snapshot of trial %d is of another network; it begins anew", self._number, exc_info=error)
        else:
            self._reports = kept.reports

    def _end_early(self, ended: str, seconds: float = 0.0) -> dict[str, Any]:
        """Returns a report that ends the trial within an epoch, on which so many seconds were spent."""
        return {**self._last, **self._costs, "seconds": seconds, "repeated": True, ENDED: ended, "done": True}


def _crash(error: Exception) -> str:
    """Says what an error was, in a line; the whole of it goes to Ray's log of this process."""
    logger.error("The trial crashed", exc_info=error)
    lines = str(error).strip().splitlines()
    return f"{CRASHED}: {type(error).__name__}: {lines[0][:200] if lines else ''}".rstrip(": ")
