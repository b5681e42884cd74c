"""The flags of the command line, made of the fields of Settings: every setting has one, under its own name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from data.errors import InputError
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


def _one_file(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Refuses a second file: of an option given twice, Click would heed the last alone."""
    if len(values) > 1:
        raise InputError(f"--data is given {len(values)} times; join the files into one.")
    return next(iter(values), None)


ONE_FILE: dict[str, Any] = {"multiple": True, "callback": _one_file}
"""What makes an option take one file, and no more."""
storage_option = click.option(
    "--storage",
    type=_StorageType(),
    default=DEFAULT_STORAGE,
    show_default=True,
    help=Settings.model_fields["storage"].description,
)


def settings_options(command: Command, only: Collection[str] = Settings.model_fields.keys() - {"space"}) -> Command:
    """Gives a command a flag for each setting that is not for YAML only, or for those named."""
    for name, field in reversed(Settings.model_fields.items()):
        if name not in only:
            continue
        flag = f"--{name.replace('_', '-')}"
        default = field.get_default()
        text = field.description or ""
        if default is not None and not isinstance(default, bool):
            text = f"{text} [{default}]"
        if field.annotation is bool:
            switch = f"{flag}/--no-{flag.removeprefix('--')}"
            option = click.option(switch, name, is_flag=True, default=None, help=text)
        else:
            option = click.option(
                flag, name, metavar=_metavar(field.annotation), help=text, **(ONE_FILE if name == "data" else {})
            )
        command = option(command)
    return command


def given(flags: dict[str, Any]) -> dict[str, Any]:
    """Returns the flags that were given; what they mean is for Settings to say."""
    return {name: value for name, value in flags.items() if value is not None}


def _metavar(annotation: Any) -> str:
    kinds = [kind for kind in (get_args(annotation) or (annotation,)) if kind is not type(None)]
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    if Path in kinds:
        return "PATH"
    if int in kinds:
        return "N"
    if float in kinds:
        return "X"
    return "NAME"
