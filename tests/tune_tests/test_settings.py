import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.errors import InputError
from model.presets import SPACES
from tune.duration import parse_duration
from tune.settings import DEFAULT_TRIALS, Settings
from tune.settings_file import read_settings
from tune.written_space import parse_space


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400), ("45", "45"), (7, 7)],
)
def test_durations(written: Any, seconds: Any) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["ten minutes", "10 m", "m", "-5m", "10x", ""])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no duration such as 90s, 10m or 1h30m"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("setting", "given", "absolute"),
    [
        ("study", "sqlite:///studies.db", "sqlite:///{here}/studies.db"),
        ("study", "sqlite+pysqlite:///studies.db", "sqlite+pysqlite:///{here}/studies.db"),
        ("study", "sqlite:////studies.db", "sqlite:////studies.db"),
        ("study", "postgresql+psycopg2://me@host/studies", "postgresql+psycopg2://me@host/studies"),
        ("track", "tensorboard", "tensorboard"),
        ("track", "tensorboard:tb,wandb:project", "tensorboard:{here}/tb,wandb:project"),
        ("track", "mlflow:sqlite:///runs/ml.db", "mlflow:sqlite:///{here}/runs/ml.db"),
        ("track", "mlflow:sqlite:////ml.db", "mlflow:sqlite:////ml.db"),
        ("track", "mlflow:mlruns", "mlflow:{here}/mlruns"),
        ("track", "mlflow:http://127.0.0.1:5000,mlflow:databricks", "mlflow:http://127.0.0.1:5000,mlflow:databricks"),
    ],
)
def test_a_file_that_an_address_names_is_the_same_from_any_folder(
    setting: str, given: str, absolute: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.model_validate({setting: given}).with_absolute_paths()
    assert getattr(settings, setting) == absolute.format(here=tmp_path)


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    path.write_text("trials: 12\nsampler: random\ntime_limit: 5m\n")
    settings = read_settings(path, {"trials": "7"})
    assert (settings.trials, settings.sampler, settings.time_limit, settings.scheduler) == (7, "random", 300, "asha")


@pytest.mark.parametrize(
    ("yaml_text", "flags", "message"),
    [
        pytest.param("serch: 3", {}, "there is no setting 'serch'; there are data, text", id="unknown key"),
        pytest.param("trials: -3", {}, "search.yaml, trials: input should be greater than or equal to 1 (got -3).", id="range"),
        pytest.param("trials: -3", {"trials": 5}, "search.yaml, trials", id="a flag does not hide a wrong file"),
        pytest.param("time_limit: soon", {}, "search.yaml, time_limit: 'soon' is no duration", id="duration"),
        pytest.param("time_limit: .inf", {}, "search.yaml, time_limit", id="endless duration"),
        pytest.param("name: 2024", {}, "put 2024 in quotes", id="a number for a name"),
        pytest.param("ensemble: yes", {}, "search.yaml, ensemble: this is no truth value, as which YAML", id="yes"),
        pytest.param("workers: on", {}, "put a name in quotes (got True)", id="on"),
        pytest.param(
            "trials: 5\nseed: 1\ntrials: 6", {}, "search.yaml, line 3 is not YAML: 'trials' stands there twice", id="twice"
        ),
        pytest.param("space: {lstm_size: {choice: [1], choice: [2]}}", {}, "'choice' stands there twice", id="twice, within"),
        pytest.param("a: [", {}, "search.yaml, line 1 is not YAML", id="not YAML"),
        pytest.param("- 1", {}, "must hold settings such as", id="a list"),
        pytest.param("", {"sampler": "best"}, "--sampler: input should be 'tpe', 'random'", id="flag"),
        pytest.param("", {"workers": "0"}, "--workers: must be 'auto' or 1 to 2147483647 (got '0')", id="workers"),
        pytest.param("", {"workers": "all"}, "must be 'auto' or 1 to 2147483647 (got 'all')", id="all workers"),
        pytest.param("", {"validation": 0.6, "test": 0.5}, "validation and test leave nothing", id="fractions"),
        pytest.param("", {"name": "../x"}, "--name: a name holds letters", id="name"),
        pytest.param(
            "", {"metric": "f1"}, "--metric: there is no metric 'f1'; there are loss, accuracy, macro_f1", id="metric"
        ),
        pytest.param(
            "", {"metric": "size,loss"}, "the first must be what 'best' means, loss, accuracy or macro_f1", id="cost first"
        ),
        pytest.param("metric: [loss, macro_f1]", {}, "loss says what 'best' means, macro_f1 cannot too", id="two qualities"),
        pytest.param("metric: [loss, size, size]", {}, "a cost is named once; got 'loss,size,size'", id="a cost twice"),
        pytest.param("metric: []", {}, "search.yaml, metric: there is no metric ''", id="no metric"),
        pytest.param(
            "metric: loss,size",
            {"sampler": "cmaes"},
            "sampler cmaes learns from one metric alone, not from loss,size; take tpe, random, gp, qmc",
            id="a sampler of one metric",
        ),
        pytest.param(
            "data: {address: 's3://me:secret@models/jobs.csv'}",
            {},
            "data: it must be a file's path or an address",
            id="a mapping",
        ),
        pytest.param("storage: [runs]", {}, "storage: it must be a folder's path or an address", id="a list"),
    ],
)
def test_a_wrong_setting_is_named_with_where_it_stands(
    tmp_path: Path, yaml_text: str, flags: dict[str, Any], message: str
) -> None:
    path = tmp_path / "search.yaml"
    path.write_text(yaml_text)
    with pytest.raises(InputError) as caught:
        read_settings(path, flags)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_settings(tmp_path / "none.yaml", {})


@pytest.mark.parametrize("preset", SPACES)
def test_printed_settings_run_as_they_are(tmp_path: Path, preset: str) -> None:
    settings = Settings.model_validate({"preset": preset, "trials": 5, "space": {"lstm_size": 9}})
    path = tmp_path / "printed.yaml"
    path.write_text(settings.to_yaml())
    again = read_settings(path, {})
    assert again.written_space() == settings.written_space()
    assert again.model_dump(exclude={"space"}) == settings.model_dump(exclude={"space"})
    assert yaml.safe_load(path.read_text())["space"]["lstm_size"] == 9


def examples() -> list[str]:
    """The indented blocks of docs/settings.md that hold YAML, and the lines of those that hold messages."""
    text = (Path(__file__).parents[2] / "docs/settings.md").read_text()
    return [block.replace("\n    ", "\n").strip() for block in re.findall(r"\n((?:    .*\n|\n(?=    ))+)", text)]


@pytest.mark.parametrize("example", [text for text in examples() if not text.startswith("topknot: ")])
def test_an_example_in_the_docs_runs_as_it_stands_and_the_same_when_printed(tmp_path: Path, example: str) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(example)
    settings = read_settings(path, {})
    names = {dimension.name for dimension in parse_space(settings.written_space()).dimensions}
    assert names == set(SPACES[settings.preset]) | set(yaml.safe_load(example)["space"])
    path.write_text(settings.to_yaml())
    again = read_settings(path, {})
    assert parse_space(again.written_space()) == parse_space(settings.written_space())
    assert again.to_yaml() == settings.to_yaml()


def test_messages_in_the_docs_are_what_users_see() -> None:
    (told,) = [text.splitlines() for text in examples() if text.startswith("topknot: ")]
    for line, entry in zip(told, ("lstm_size: {int: [16, 100], step: 16}", "learning_rate: 1e-3"), strict=True):
        with pytest.raises(InputError) as caught:
            parse_space(yaml.safe_load(entry))
        assert f"topknot: {caught.value}" == line


def test_a_search_ends_by_trials_by_time_or_by_default() -> None:
    assert Settings.model_validate({}).trial_limit() == DEFAULT_TRIALS
    assert Settings.model_validate({"time_limit": "5m"}).trial_limit() is None
    assert Settings.model_validate({"time_limit": "5m", "trials": 3}).trial_limit() == 3


@pytest.mark.parametrize("written", ["macro_f1, size", "[macro_f1, size]", "macro_f1,size"])
def test_several_metrics_are_a_text_or_a_list(tmp_path: Path, written: str) -> None:
    (tmp_path / "search.yaml").write_text(f"metric: {written}")
    settings = read_settings(tmp_path / "search.yaml", {})
    assert (settings.objective.metric, settings.objective.against) == ("macro_f1", ("size",))
    assert yaml.safe_load(settings.to_yaml())["metric"] == "macro_f1,size"
