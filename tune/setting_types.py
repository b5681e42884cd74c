"""The types of settings: what a value may be, and what is said of one that may not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from tune.cluster_address import check_address
from tune.duration import parse_duration
from tune.objective import parse_objective
from tune.remote_file import RemoteFile, parse_file
from tune.storage import RemoteStorage, parse_storage
from tune.tracking.tracker import check_track

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST = 2**31
"""Below which whole numbers are to be: libraries count with 32 bits, or make floats of them."""


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a name is a text; put {value!r} in quotes")  # noqa: TRY004 - pydantic takes ValueErrors
    if not NAME.fullmatch(value):
        raise ValueError(
            "a name holds letters, digits, '.', '_' and '-' only, begins with a letter or digit, and has 100 at most"
        )
    return value


def _metric(value: Any) -> str:
    names = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return ",".join(parse_objective(names).names)


def _tracks(value: str) -> str:
    return ",".join(check_track(one.strip()) for one in value.split(","))


def _path(value: Path) -> Path:
    if "\0" in str(value):
        raise ValueError("no path holds a zero byte")
    return value


def _workers(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        raise ValueError(f"must be 'auto' or 1 to {MOST - 1}") from None


Whole = Annotated[int, Field(lt=MOST)]
WorkerCount = Annotated[Annotated[Whole, Field(ge=1)] | Literal["auto"], WrapValidator(_workers)]
Name = Annotated[str, BeforeValidator(_name)]
Metric = Annotated[str, BeforeValidator(_metric)]
Trackers = Annotated[str, AfterValidator(_tracks)]
ClusterAddress = Annotated[str, AfterValidator(check_address)]
FilePath = Annotated[Path, AfterValidator(_path)]
DataFile = Annotated[FilePath | RemoteFile, BeforeValidator(parse_file), PlainSerializer(str)]
StorageAddress = Annotated[FilePath | RemoteStorage, BeforeValidator(parse_storage), PlainSerializer(str)]
Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, allow_inf_nan=False)]
