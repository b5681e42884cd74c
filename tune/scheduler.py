"""What stops weak trials early."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from tune.outcome import TrialOutcome
from tune.settings import Settings


def make_scheduler(settings: Settings, trials: Sequence[TrialOutcome]) -> TrialScheduler:
    """Makes the scheduler: ASHA (Li et al., MLSys 2020) on the full loss of the validation rows, or none.

    Args:
        settings: Of the search.
        trials: What a search that is resumed has done so far; ASHA decides as if it had seen it happen.
    """
    if settings.scheduler == "none":
        return FIFOScheduler()
    scheduler = ASHAScheduler(
        time_attr="epoch",
        metric="loss",
        mode="min",
        max_t=settings.max_epochs,
        grace_period=min(settings.grace_period, settings.max_epochs),
        reduction_factor=settings.reduction_factor,
    )
    for outcome in trials:
        if outcome.state != "running":
            # Of a trial, ASHA looks at its id alone.
            trial = SimpleNamespace(trial_id=f"before-{outcome.number}")
            scheduler.on_trial_add(None, trial)
            for epoch, metrics in enumerate(outcome.epochs, start=1):
                if epoch < settings.max_epochs:
                    scheduler.on_trial_result(None, trial, {"epoch": epoch, "loss": metrics["loss"]})
            scheduler.on_trial_remove(None, trial)
    return scheduler
