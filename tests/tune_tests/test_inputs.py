"""From settings to a corpus and its split."""

from pathlib import Path

import pytest

from data.errors import InputError
from data.split import SIDES
from tune.continuity import check_sides
from tune.folder import ABOUT
from tune.inputs import read_inputs, read_settings_corpus, settings_split
from tune.provenance import describe, read_wide_recipe
from tune.searches import claim_search
from tune.settings import Settings

ROWS = [(f"job {row} of {'abc'[row % 3]}", "abc"[row % 3], f"company {row // 3}") for row in range(90)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "jobs.csv").write_text("text,label,company\n" + "".join(f"{','.join(row)}\n" for row in ROWS))
    return tmp_path / "jobs.csv"


def test_a_search_parts_no_group_and_holds_out_as_much_as_it_is_told(data: Path) -> None:
    settings = Settings(data=data, group="company", validation=0.3, test=0.1)
    corpus = read_settings_corpus(settings)
    split = settings_split(settings, corpus)
    assert corpus.groups is not None
    assert len(set(corpus.groups)) == 30
    assert sum(len(set(corpus.groups[split.side(side)])) for side in SIDES) == 30
    assert (len(split.validation), len(split.test)) == pytest.approx((27, 9), abs=3)


@pytest.mark.parametrize(("how", "remedy"), [("refuse", "fold .* or drop"), ("fold", "drop")])
def test_the_flag_is_named_that_does_something_about_small_classes(data: Path, how: str, remedy: str) -> None:
    data.write_text(data.read_text() + "rare,d,x\n")
    settings = Settings.model_validate({"data": data, "small_classes": how})
    with pytest.raises(InputError, match=rf"class 'd' is too small.*Add rows, or pass --small-classes {remedy}\.$"):
        settings_split(settings, read_settings_corpus(settings))


@pytest.mark.parametrize(("row", "what"), [(" ,a,c\n", "empty"), ("x,,c\n", "unlabelled")])
def test_rows_are_left_out_by_the_setting_that_names_what_they_lack(data: Path, row: str, what: str) -> None:
    data.write_text(data.read_text() + row)
    for setting in ("empty", "unlabelled"):
        settings = Settings.model_validate({"data": data, f"drop_{setting}": True})
        if setting == what:
            assert len(read_settings_corpus(settings)) == len(ROWS)
        else:
            with pytest.raises(InputError, match=f"--drop-{what}"):
                read_settings_corpus(settings)


def test_a_search_goes_on_only_with_rows_on_the_sides_on_which_they_stood(data: Path, tmp_path: Path) -> None:
    settings = Settings(data=data, group="company", storage=tmp_path / "runs", name="jobs")
    inputs = read_inputs(settings)
    with claim_search(tmp_path / "runs", "jobs") as folder:
        folder.keep(settings, describe(settings, inputs, [], 1))
        check_sides(folder, inputs.dataset.split)
        assert read_wide_recipe(folder) == inputs.recipe is not None
        other = settings_split(settings.model_copy(update={"seed": 1}), inputs.corpus)
        with pytest.raises(InputError, match=r"would change sides since it was started \(by other code\)\. Go on with what"):
            check_sides(folder, other)
        about = folder.read_json(ABOUT)
        folder.write_json(ABOUT, about | {"versions": {"numpy": "1.0"}})
        with pytest.raises(InputError, match=r"since it was started \(numpy 1\.0 then, "):
            check_sides(folder, other)
        folder.write_json(ABOUT, {name: value for name, value in about.items() if name != "sides"})
        with pytest.raises(InputError, match="started by an older version of Topknot"):
            check_sides(folder, inputs.dataset.split)
