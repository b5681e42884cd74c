"""When the parts of a run end, as far as that is known by now."""

import math
from collections.abc import Sequence

import pytest

from data.clock import now
from data.corpus import Corpus
from model.hparams import HParams
from tune.inputs import Inputs, prepare_inputs
from tune.outcome import TrialOutcome
from tune.run_times import RunTimes
from tune.settings import Settings
from tune.workers import Workers

HPARAMS = HParams(wide=False).to_dict()


def leader(seconds: float) -> TrialOutcome:
    return TrialOutcome(0, "complete", "", HPARAMS, ({"loss": 1.0, "seconds": seconds},), seconds)


@pytest.fixture(scope="module")
def inputs(corpus: Corpus) -> Inputs:
    return prepare_inputs(Settings(space={"wide": False}), corpus)


def run_times(inputs: Inputs, trials: Sequence[TrialOutcome] | None, seconds: float | None, *, refit: bool) -> RunTimes:
    def read() -> Sequence[TrialOutcome]:
        assert trials is not None, "they are of no use here"
        return trials

    return RunTimes(Settings(refit=refit), inputs, Workers(2, 1, None), read, now(), seconds)


def test_the_longer_the_best_trial_took_the_earlier_trials_end_but_not_before_half_of_the_time(inputs: Inputs) -> None:
    began = now()
    ends = [run_times(inputs, [leader(seconds)], 1000.0, refit=True).by_now().trials - began for seconds in (10, 100, 1e6)]
    assert ends == sorted(ends, reverse=True)
    assert ends[0] - ends[1] == pytest.approx(90 * 1.1 * 216 / 192, abs=1)
    assert ends[2] == pytest.approx(1000 / 2, abs=10)


def test_trials_never_end_later_than_workers_were_told(inputs: Inputs) -> None:
    times = run_times(inputs, [], 1000.0, refit=True)
    assert times.earliest.trials < times.by_now().trials <= times.latest.trials
    assert times.earliest.deadline == times.latest.deadline


def test_trials_are_not_read_where_nothing_depends_on_them(inputs: Inputs) -> None:
    assert run_times(inputs, None, None, refit=True).by_now().trials == math.inf
    unasked = run_times(inputs, None, 1000.0, refit=False)
    assert unasked.by_now() == unasked.latest == unasked.earliest
