"""The command that answers over HTTP: serve."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from data.errors import InputError
from data.packages import install_command
from tune.options import storage_option
from tune.output import prepare, say
from tune.storage import Storage


@click.command()
@click.argument("model")
@storage_option
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, metavar="PORT")
@click.option("--replicas", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Processes that answer")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file whose content requests must bear as token; needed beyond this machine",
)
def serve(model: str, storage: Storage, host: str, port: int, replicas: int, token_file: Path | None) -> None:
    """Answer over HTTP. MODEL is a search's name or a classifier's folder."""
    if find_spec("fastapi") is None:
        raise InputError(f"serve needs Ray Serve; install it with: {install_command('ray[serve]')}")
    from tune.evaluating import model_folder

    folder = model_folder(model, storage, say).absolute()
    token = _read_token(token_file) if token_file else None
    prepare()
    from tune.serving.server import serve_model

    def ready(address: str) -> None:
        click.echo(f"{model} answers at {address}  (a page there; POST {address}/predict; Ctrl-C ends it)", err=True)

    click.echo("Starting Ray and loading the classifier ...", err=True)
    try:
        serve_model(folder, Path(model).absolute().name, host, port, replicas, token, ready)
    except KeyboardInterrupt:
        click.echo("Ended.", err=True)


def _read_token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--token-file {path} cannot be read: {error}.") from None
    if not token.isprintable() or " " in token or len(token) < 16:
        raise InputError(f"--token-file {path}: a token is one word of 16 characters or more.")
    return token
