"""How the user called us, for commands that we print: they run as they stand."""

import os
import shlex
import sys
from pathlib import Path


def program() -> str:
    """Returns 'topknot', '.venv/bin/topknot' or 'python -m tune', as it was called."""
    called = Path(sys.argv[0])
    if called.stem == "__main__" or called.stem != "topknot":
        return f"{python()} -m tune"
    on_path = any(Path(folder, called.name) == called for folder in os.get_exec_path())
    return called.name if on_path else _shortest(called.absolute())


def python() -> str:
    """Returns the interpreter that runs us, which has what we are made of."""
    return _shortest(Path(sys.executable))


def _shortest(path: Path) -> str:
    inside = path.is_relative_to(Path.cwd())
    return shlex.quote(str(path.relative_to(Path.cwd()) if inside else path))
