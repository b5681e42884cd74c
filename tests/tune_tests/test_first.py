from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from data.errors import InputError
from model.hparams import HParams
from model.presets import PORTFOLIOS
from tune.first import first_trials, told_of_warm_start, warm_trials
from tune.inputs import read_inputs
from tune.outcome import ranked_trials
from tune.podium import Podium
from tune.provenance import describe
from tune.record import Record
from tune.searches import claim_search
from tune.settings import Settings
from tune.written_space import parse_space


def settings(folder: Path, space: dict[str, object]) -> Settings:
    rows = [f"good red {row},yes\nbad blue {row},no\n" for row in range(20)]
    (folder / "texts.csv").write_text("text,label\n" + "".join(rows))
    return Settings.model_validate({"data": folder / "texts.csv", "storage": folder / "runs", "space": space})


def test_a_warm_start_says_how_much_of_the_other_search_it_takes_and_what_becomes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = settings(tmp_path, {"lstm_size": {"int": [1, 8]}, "layer_norm": True})
    with claim_search(other.storage, "other") as folder:
        folder.keep(other.model_copy(update={"name": "other"}), describe(other, read_inputs(other), [], 1))
        first = [replace(PORTFOLIOS["default"][0], lstm_size=size, layer_norm=True) for size in (2, 3, 8)]
        record = Record(folder.study(), parse_space(other.written_space()), 3, Podium(3), first)
        for loss in (0.5, 0.6, 0.7):
            proposal = record.propose()
            assert proposal
            figures = {"train_loss": 1.0, "accuracy": 0.5, "macro_f1": 0.5, "seconds": 1.0, "tokens": 9, "at": 1.0}
            record.report(proposal.number, {"epoch": 1, "loss": loss, **figures})
            record.end(proposal.number, TrialState.COMPLETE, "done")
    ours = settings(tmp_path, {"lstm_size": {"int": [1, 4]}}).model_copy(update={"warm_start": "other"})
    space = parse_space(ours.written_space())
    warm = warm_trials(ours, space)
    first = first_trials(ours, space, warm)
    assert [hparams.lstm_size for hparams in first] == [2, 3, 4, 4, 4, 4], (
        "the portfolio, with 64 units, comes as near as may be"
    )
    assert list(told_of_warm_start(warm, space)) == [
        "Tried first: the other search's best configurations that lie in this space, 2 of them",
        "They are tried with this space's layer_norm, which was another there",
    ]
    newer = replace(ranked_trials(folder.trials())[0], hparams={"of_next_year": 1})
    monkeypatch.setattr("tune.first.ranked_trials", lambda _: [newer])
    with pytest.raises(InputError, match=r"--warm-start: the search 'other' is of another version: .*of_next_year"):
        warm_trials(ours, space)
    monkeypatch.undo()
    small = parse_space({"lstm_size": {"choice": [4, 3]}, "learning_rate": {"float": [1e-4, 1e-1], "log": True}})
    assert [hparams.lstm_size for hparams in warm_trials(ours, small)] == [3], "a worse one, where the best lies outside"


def test_what_is_the_same_within_a_space_is_tried_once_and_nothing_else_stands_in_for_it() -> None:
    space = parse_space({"lstm_size": {"choice": [1, 2, 3]}, "output_dropout": 0.5})
    first = [HParams(lstm_size=size, output_dropout=dropout) for size, dropout in ((2, 0.1), (2, 0.2), (9, 0.5), (1, 0.3))]
    record = Record(optuna.create_study(), space, 4, Podium(3), first)
    assert record.first == [{"lstm_size": 2}, {"lstm_size": 1}]
    proposals = [record.propose() for _ in record.first]
    assert [proposal and proposal.hparams.lstm_size for proposal in proposals] == [2, 1]
