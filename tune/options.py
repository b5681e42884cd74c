"""The flags of the command line, made of the fields of Settings: every setting has one, under its own name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from data.errors import InputError
from tune.setting_types import Seconds
from tune.settings import DEFAULT_STORAGE, Settings
from tune.storage import Storage, parse_storage

Command = TypeVar("Command", bound=Callable[..., Any])


class _StorageType(click.ParamType[Any]):
    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Storage:
        try:
            storage: Storage = parse_storage(value)
        except ValueError as error:
            raise InputError(f"--storage: {error}.") from None
        return storage


def _one(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Refuses a second file or column: of an option given twice, Click would heed the last alone."""
    if len(values) > 1:
        kind = "files" if option.name == "data" else "columns"
        raise InputError(f"{option.opts[0]} is given {len(values)} times; join the {kind} into one.")
    return next(iter(values), None)


ONE: dict[str, Any] = {"multiple": True, "callback": _one}
"""What makes an option take one file or column, and no more."""
ONES = ("data", "text", "label", "group")
"""The settings of which users have several."""
storage_option = click.option(
    "--storage",
    type=_StorageType(),
    default=DEFAULT_STORAGE,
    show_default=True,
    help=Settings.model_fields["storage"].description,
)


def settings_options(
    command: Command,
    only: Collection[str] = Settings.model_fields.keys() - {"space"},
    helps: Mapping[str, str] | None = None,
    otherwise: str | None = None,
) -> Command:
    """Gives a command a flag for each setting that is not for YAML only, or for those named.

    Args:
        command: What to give them to.
        only: The settings.
        helps: What a flag does, where it is another thing here.
        otherwise: What holds where a flag is not given, if that is not the setting's default.
    """
    for name, field in reversed(Settings.model_fields.items()):
        if name not in only:
            continue
        flag = f"--{name.replace('_', '-')}"
        text = (helps or {}).get(name) or _help(field, otherwise)
        if field.annotation is bool:
            switch = f"{flag}/--no-{flag.removeprefix('--')}"
            option = click.option(switch, name, is_flag=True, default=None, help=text)
        else:
            option = click.option(flag, name, metavar=_metavar(field.annotation), help=text, **(ONE if name in ONES else {}))
        command = option(command)
    return command


def _help(field: FieldInfo, otherwise: str | None) -> str:
    """Returns a setting's description, and what holds where it is not given."""
    default = otherwise or field.get_default()
    text = field.description or ""
    return text if default is None or isinstance(default, bool) else f"{text} [{default}]"


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """Returns the flags that were given; what they mean is for Settings to say."""
    return {name: value for name, value in flags.items() if value is not None}


def _metavar(annotation: Any) -> str:
    """Returns what stands for a value in the help: its choices, or what kind it is of."""
    return "|".join(dict.fromkeys(_placeholders(annotation)))


def _placeholders(annotation: Any) -> Iterator[str]:
    if annotation == Seconds:
        yield "TIME"
    elif get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    elif get_origin(annotation) is Annotated:
        yield from _placeholders(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, UnionType}:
        for kind in get_args(annotation):
            yield from _placeholders(kind)
    else:
        yield from {int: ["N"], float: ["X"], str: ["NAME"], Path: ["PATH"]}.get(annotation, [])
