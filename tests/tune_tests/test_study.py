"""Studies in journals and databases, written by several processes at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy import create_engine, text

from data.errors import InputError
from tune.samplers import make_sampler
from tune.searches import claim_search
from tune.settings import Settings
from tune.shown_address import shown_address
from tune.study import create_study, explained, open_storage, open_study
from tune.study_address import DATABASE, database_url, study_url

STATES = ("COMPLETE", "PRUNED", "FAIL")
TRIALS, EPOCHS = 3, 2

Postgresql = Callable[[str], str]


def trials_of(writer: int) -> list[dict[str, Any]]:
    """What a writer is to write: every figure is its own."""
    return [
        {
            "losses": [100 * writer + 10 * trial + 1 / epoch for epoch in range(1, EPOCHS + 1)],
            "state": STATES[(writer + trial) % 3],
            "reason": f"trial {trial} of writer {writer}",
        }
        for trial in range(TRIALS)
    ]


def write(folder: Path, addresses: Sequence[str | None], shared: str | None = None) -> list[str]:
    """Has a process for each address write at once; returns what became of the name that all of them wanted."""
    writers = []
    with ExitStack() as stack:
        for number, address in enumerate(addresses):
            task = {"folder": str(folder), "address": address, "own": f"study {number}", "wanted": "wanted", "shared": shared}
            task |= {"seed": number, "trials": trials_of(number)}
            command = [sys.executable, str(Path(__file__).with_name("writer.py")), json.dumps(task)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            writers.append(stack.enter_context(subprocess.Popen(command, text=True, **pipes)))
        try:
            for writer in writers:
                assert writer.stdout.readline() == "ready\n", writer.stderr.read()
            for writer in writers:
                writer.stdin.write("go\n")
                writer.stdin.flush()
            said = [writer.communicate() for writer in writers]
        finally:
            for writer in writers:
                writer.kill()
    assert [writer.returncode for writer in writers] == [0] * len(writers), said
    assert not [errors for _, errors in said if errors]
    return [answer.strip() for answer, _ in said]


def check(trials: Sequence[optuna.trial.FrozenTrial], writers: Sequence[int]) -> None:
    """Every trial, every figure, every end: once, and as it was written."""
    assert [trial.number for trial in trials] == list(range(len(writers) * TRIALS))
    written = {trial["reason"]: trial for writer in writers for trial in trials_of(writer)}
    assert sorted(trial.user_attrs["reason"] for trial in trials) == sorted(written)
    for trial in trials:
        right = written[trial.user_attrs["reason"]]
        assert trial.intermediate_values == dict(enumerate(right["losses"], start=1))
        assert [trial.user_attrs[f"epoch-{epoch:04d}"]["loss"] for epoch in range(1, EPOCHS + 1)] == right["losses"]
        assert trial.state is TrialState[right["state"]]
        assert trial.value == (None if trial.state is TrialState.FAIL else right["losses"][-1]), "they fall, epoch by epoch"
        assert {name: trial.user_attrs["hparams"][name] for name in ("lstm_size", "pooling")} == trial.params


def address_of(kind: str, request: pytest.FixtureRequest, name: str) -> str | None:
    return request.getfixturevalue("postgresql")(name) if kind == "postgresql" else {"journal": None}.get(kind, kind)


@pytest.mark.parametrize("kind", ["journal", "sqlite", "postgresql"])
def test_of_what_five_processes_write_at_once_nothing_is_lost(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    address = address_of(kind, request, "five")
    create_study(tmp_path, "shared", address=address)
    answers = write(tmp_path, [address] * 5, shared="shared")
    for writer in range(5):
        check(open_study(tmp_path, address=address, name=f"study {writer}").trials, [writer])
    check(open_study(tmp_path, address=address, name="shared").trials, range(5))
    assert sorted(optuna.get_all_study_names(open_storage(tmp_path, address))) == sorted(
        ["shared", "wanted", *(f"study {writer}" for writer in range(5))]
    )
    assert answers.count("created") == 1, "of those that want one name, one gets it"
    others = {answer for answer in answers if answer != "created"}
    assert others == {f"--study: {study_url(tmp_path, address)} holds a study 'wanted' already. Choose another --name."}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_drivers_share_a_database_that_was_empty(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    address = address_of(kind, request, "two")
    assert address
    answers = write(tmp_path, [address, address.replace("+psycopg2", "")])
    assert answers.count("created") == 1
    for writer in range(2):
        check(open_study(tmp_path, address=address, name=f"study {writer}").trials, [writer])


def test_a_connection_that_the_server_has_cut_is_made_anew(tmp_path: Path, postgresql: Postgresql) -> None:
    address = postgresql("cut")
    create_study(tmp_path, "s", address=address)
    study = open_study(tmp_path, make_sampler("random", 0), address, "s")
    trial = study.ask()
    trial.report(3, 1)
    with create_engine(database_url(tmp_path, address)).connect() as connection:
        others = "SELECT pid FROM pg_stat_activity WHERE datname = 'cut' AND pid <> pg_backend_pid()"
        cut = connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({others}) AS others")).all()  # noqa: S608
    assert cut
    trial.report(2, 2)
    assert open_study(tmp_path, address=address).trials[0].intermediate_values == {1: 3, 2: 2}


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "postgresql+psycopg2://u@127.0.0.1:1/x",
        "sqlite:////no/such/folder/x.db",
        "$NOWHERE",
        "sqlite:///:memory:",
        "sqlite://",
        "postgresql://u:$NOWHERE@127.0.0.1:1/x",
    ],
)
def test_a_study_that_cannot_be_reached_is_explained(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError, match=r"--study: .* cannot be used: .* is needed") as error:
        create_study(tmp_path, "s", address=address)
    assert f"--study: {address} cannot be used: " in str(error.value)


def test_of_a_study_in_use_what_its_database_says_is_its_own_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="ours"), explained("sqlite:///x.db", opened=True):
        raise ValueError("ours")
    told = r"--study: sqlite:///x.db cannot be used: gone"
    error = RuntimeError("as Tune has it")
    error.__context__ = StorageInternalError("gone")
    with pytest.raises(InputError, match=told), explained("sqlite:///x.db", opened=True):
        raise error


def test_a_driver_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"its driver is missing. Install it: \S+ -m uv pip install mysqlclient$"):
        create_study(tmp_path, "s", address="mysql://u:secret@127.0.0.1/x")


def test_a_password_in_the_environment_needs_no_escapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "host/studies")
    for password in ("p@ss:w/ord?#%41&x=1+ ", "$PLACE", ""):
        monkeypatch.setenv("SECRET", password)
        for address in ("mysql://u:$SECRET@$PLACE", "mysql://u:${SECRET}@host/studies"):
            url = database_url(tmp_path, address)
            assert (url.username, url.password or "", url.host, url.database) == ("u", password, "host", "studies")
        assert database_url(tmp_path, "mysql:///x?password=$SECRET").query.get("password", "") == password
    monkeypatch.setenv("ALL", "mysql://u:p%40ss@host/studies")
    assert database_url(tmp_path, "$ALL").password == "p@ss"  # noqa: S105


def test_braces_and_percent_signs_in_a_path_are_no_more_than_that(tmp_path: Path) -> None:
    folder = tmp_path / "a {b} 100%41?#"
    folder.mkdir()
    create_study(folder, "s", address="sqlite")
    assert (folder / DATABASE).exists()
    assert open_study(folder, address="sqlite").study_name == "s"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        pytest.param("sqlite", "sqlite", id="a word"),
        pytest.param("sqlite:////a/b:c@d.db", "sqlite:////a/b:c@d.db", id="a path"),
        pytest.param("mysql://host:3306/x", "mysql://host:3306/x", id="a port"),
        pytest.param("mysql://u@[::1]:3306/x", "mysql://u@[::1]:3306/x", id="IPv6"),
        pytest.param("mysql://u:$SECRET@host/x", "mysql://u:$SECRET@host/x", id="a name"),
        pytest.param("mysql://u:${SECRET}@host/x", "mysql://u:${SECRET}@host/x", id="a name in braces"),
        pytest.param("mysql://u:secret@host:3306/x", "mysql://u:***@host:3306/x", id="a password"),
        pytest.param("mysql://u:secr$et@host/x", "mysql://u:***@host/x", id="a password with a dollar"),
        pytest.param("mysql://u:s@cr/et?@host/x", "mysql://u:***@host/x", id="a password that should be escaped"),
        pytest.param("mysql://u:secret/x", "mysql://u:***/x", id="a host forgotten"),
        pytest.param("mysql:///x?user=u&password=secret&a=b", "mysql:///x?user=u&password=***&a=b", id="an argument"),
        pytest.param("mysql:///x?password=$SECRET", "mysql:///x?password=$SECRET", id="a name as an argument"),
    ],
)
def test_a_password_is_never_shown(tmp_path: Path, address: str, shown: str) -> None:
    assert shown_address(address) == shown
    if "mysql" in address:
        assert study_url(tmp_path, address) == shown
        assert f"study: {shown}\n" in Settings(study=address).without_passwords().to_yaml()
        with pytest.raises(InputError) as error:
            create_study(tmp_path, "s", address=address)
        assert f"--study: {shown} cannot be used" in str(error.value)
        for part in ("secr", "cr/et", "et?"):
            assert part not in str(error.value)


def test_a_folder_that_holds_a_password_is_its_owners_alone(tmp_path: Path, postgresql: Postgresql) -> None:
    named = postgresql("literal")
    literal = named.replace("$TOPKNOT_TESTS_PASSWORD", quote(os.environ["TOPKNOT_TESTS_PASSWORD"], safe=""))
    for name, address in (("named", named), ("literal", literal)):
        with claim_search(tmp_path, name) as folder:
            folder.path.chmod(0o755)
            folder.keep(Settings(study=address), {})
            assert folder.study().study_name == name
            assert folder.path.stat().st_mode & 0o777 == (0o755 if name == "named" else 0o700)
