"""What stops weak trials early."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from tune.outcome import TrialOutcome
from tune.searcher import NUMBER
from tune.settings import Settings

CREDIT_EPOCHS = 4
"""Epochs before which a configuration of the portfolio is not stopped."""


class CreditASHA(ASHAScheduler):
    """ASHA that gives the first so many trials credit for what they did on other corpora.

    A well regularised network learns slowly at first; among random draws, ASHA's first rungs prefer quick starters.
    """

    def __init__(self, credited: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._credited = credited

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decides whether a trial goes on; its loss counts for other trials' rungs in any case."""
        decision = super().on_trial_result(tune_controller, trial, result)
        credit = trial.config[NUMBER] < self._credited and result["epoch"] < min(CREDIT_EPOCHS, self._max_t)
        return str(TrialScheduler.CONTINUE if credit else decision)


def make_scheduler(settings: Settings, trials: Sequence[TrialOutcome], credited: int = 0) -> TrialScheduler:
    """Makes the scheduler: ASHA (Li et al., MLSys 2020) on the full loss of the validation rows, or none.

    Args:
        settings: Of the search.
        trials: What a search that is resumed has done so far; ASHA decides as if it had seen it happen.
        credited: How many of the first trials are of the portfolio.
    """
    if settings.scheduler == "none":
        return FIFOScheduler()
    scheduler = CreditASHA(
        credited,
        time_attr="epoch",
        metric="loss",
        mode="min",
        max_t=settings.max_epochs,
        grace_period=min(settings.grace_period, settings.max_epochs),
        reduction_factor=settings.reduction_factor,
    )
    for outcome in trials:
        if outcome.state != "running":
            trial = SimpleNamespace(trial_id=f"before-{outcome.number}", config={NUMBER: outcome.number})
            scheduler.on_trial_add(None, trial)
            for epoch, metrics in enumerate(outcome.epochs, start=1):
                if epoch < settings.max_epochs:
                    scheduler.on_trial_result(None, trial, {"epoch": epoch, "loss": metrics["loss"]})
            scheduler.on_trial_remove(None, trial)
    return scheduler
