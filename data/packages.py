"""Packages that only some users need."""

import shlex
import sys
from importlib.util import find_spec


def install_command(*packages: str) -> str:
    """Returns the command that installs packages for the Python that runs, by uv where that has it: `.venv` has no pip."""
    return shlex.join([sys.executable, "-m", *(["uv"] if find_spec("uv") else []), "pip", "install", *packages])
