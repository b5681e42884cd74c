"""Settings as they are read: a YAML file and the flags, which win over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from data.errors import InputError
from data.measured import read_document
from data.vectors import vector_length
from model.presets import SPACES
from tune.settings import EMBEDDING, Settings
from tune.written_yaml import parse_yaml

LARGEST_FILE = 256 * 1024
"""Bytes of a file of settings, at most; all settings written out are some 5,000, and YAML is read 20 KB a second."""

ADDRESSES = ("study", "track")
"""Settings that may hold passwords, and are not to be printed as they were given."""
COLUMNS = ("text", "label", "group")
"""Settings that name columns of `data`."""


def read_settings(path: Path | None, flags: dict[str, Any]) -> Settings:
    """Merges a YAML file with flags, which win over it.

    Raises:
        InputError: Naming the file or flag, the setting, and what would be right.
    """
    values = _read_yaml(path) if path else {}
    _validate(values, path, {})  # a file is wrong or right by itself, whatever the flags replace
    settings = _validate(values, path, flags)
    if settings.data is None and (
        named := [name for name in COLUMNS if getattr(settings, name) != Settings.model_fields[name].default]
    ):
        raise InputError(f"--{named[0]} names a column of a file; name the file, too: --data FILE.")
    return _with_vectors(settings)


def _with_vectors(settings: Settings) -> Settings:
    """Makes the space's embedding as long as the word vectors, and leaves the parts of words out that a preset would try.

    Where the space says how long the embedding is, the vectors need not be there now.
    """
    if settings.vectors is None:
        return settings
    fixed: dict[str, Any] = {"subwords": False} if "subwords" in SPACES.get(settings.preset, {}) else {}
    if EMBEDDING not in settings.space:
        fixed[EMBEDDING] = vector_length(settings.vectors)
    elif type(settings.space[EMBEDDING]) is not int:
        raise InputError(f"space, {EMBEDDING}: with --vectors it is the length of the vectors; leave it out.")
    return settings.model_copy(update={"space": fixed | settings.space})


def _validate(values: dict[str, Any], path: Path | None, flags: dict[str, Any]) -> Settings:
    try:
        return Settings(**(values | flags))
    except ValidationError as error:
        raise InputError(_explain(error, path, values, flags)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = parse_yaml(read_document(path, LARGEST_FILE))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{place} is not YAML: {getattr(error, 'problem', error)}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(f"{path} must hold settings such as 'trials: 50', not a {type(values).__name__}.")
    return {str(key): value for key, value in values.items()}


def _explain(error: ValidationError, path: Path | None, values: Mapping[str, Any], flags: Mapping[str, Any]) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    source = f"--{key.replace('_', '-')}" if key in flags else f"{path}, {key}" if key in values else key or "settings"
    if first["type"] == "extra_forbidden":
        return f"{path or 'settings'}: there is no setting {key!r}; there are {', '.join(Settings.model_fields)}."
    message = first["msg"].removeprefix("Value error, ")
    told = key and "got" not in message and key not in ADDRESSES
    got = f" (got {first['input']!r})" if told else ""
    return f"{source}: {message[:1].lower()}{message[1:]}{got}."
