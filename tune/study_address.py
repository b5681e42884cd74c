"""The address of a study: as the user wrote it, as it is shown, and as a database is reached by it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tune.shown_address import NAME, PASSWORD, shown_address

if TYPE_CHECKING:
    from sqlalchemy import URL

JOURNAL, DATABASE = "study.journal", "study.db"
DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""What pip calls the drivers whose packages have other names than their modules."""

_ESCAPED = re.compile(r"(?<=://)[^:/@]*(?::[^@]*)?(?=@)|(?<=\?).*")
"""A user's name and password, and what stands after a question mark: there a URL gives some characters a meaning."""


def study_url(folder: Path, address: str | None) -> str:
    """Returns the address of a search's study, as `show --json` tells it: 'journal:PATH', or what Optuna takes.

    Args:
        folder: The search's folder.
        address: As the setting `study` has it: None for a journal in the folder, 'sqlite' for a database in the folder, or a
            URL that Optuna knows. $NAMES in it are the environment's, so that no password need stand in a file.
    """
    if address is None:
        return f"journal:{folder / JOURNAL}"
    return f"sqlite:///{folder / DATABASE}" if address == "sqlite" else shown_address(address)


def database_url(folder: Path, address: str) -> URL:
    """Returns the URL of a database, $NAMES filled in; a password in the environment stands there as it is, nothing escaped.

    Args:
        folder: The search's folder.
        address: 'sqlite', or a URL.

    Raises:
        ValueError: If it is no URL, or that of a database in memory; it quotes nothing that could be a password.
    """
    from sqlalchemy import URL, make_url  # a journal has no need of it
    from sqlalchemy.exc import ArgumentError

    if address == "sqlite":
        return URL.create("sqlite", database=str(folder / DATABASE))
    password = PASSWORD.search(address)
    for part in (address, password[2] if password else ""):
        if (name := NAME.fullmatch(part)) and _value(name) is None:
            raise ValueError(f"the environment has no {part}")
    escaped = _ESCAPED.sub(lambda part: _filled(part[0], escape=True), address)
    try:
        url = make_url(_filled(escaped))
    except (ArgumentError, ValueError):
        raise ValueError("it is no URL of a database") from None
    if "@" in (url.host or ""):
        raise ValueError("an @ in a password is written %40")
    if url.get_backend_name() == "sqlite" and (not url.database or ":memory:" in url.database):
        raise ValueError("a database in memory is gone when the search is over")
    return url


def _filled(text: str, *, escape: bool = False) -> str:
    """Replaces the $NAMES that the environment has."""

    def filled(name: re.Match[str]) -> str:
        value = _value(name)
        return name[0] if value is None else quote(value, safe="") if escape else value

    return NAME.sub(filled, text)


def _value(name: re.Match[str]) -> str | None:
    return os.environ.get(name[1] or name[2])
