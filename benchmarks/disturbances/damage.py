"""What can happen to the files of a search that has ended: a byte changed, the end cut off, the whole gone."""

import hashlib
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kills_check import files
from kills_processes import answer

from tune.folder import ABOUT, LOCK, LOG, RESULT, SETTINGS, SearchFolder
from tune.search_result import best_classifier
from tune.study_address import JOURNAL

TRACEBACK = re.compile(r"Traceback \(most recent call last\)")
SAME, REFUSED, OTHER, CRASHED = "right", "refused", "other figures", "crashed"
BAD_INPUT = 2


def changed(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ rng.randrange(1, 256)]) + content[place + 1 :]


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


GONE = "gone"
WAYS: dict[str, Callable[[bytes, random.Random], bytes] | None] = {"a byte changed": changed, "cut off": cut, GONE: None}


@dataclass(frozen=True)
class Outcome:
    """What the commands made of a damaged search.

    Attributes:
        kind: The worst of `SAME`, `REFUSED`, `OTHER` and `CRASHED`, in this order.
        said: What was said then.
        untouched: Whether the asking left all files as they were.
    """

    kind: str
    said: str
    untouched: bool


def targets(folder: SearchFolder) -> list[str]:
    """Returns the files that matter once a search has ended, relative to its folder."""
    parts = sorted(str(path.relative_to(folder.path)) for path in best_classifier(folder).iterdir())
    return [SETTINGS, ABOUT, RESULT, JOURNAL, *parts]


def _questions(folder: SearchFolder) -> Iterator[list[str]]:
    storage = ["--storage", str(folder.path.parent), "--json"]
    yield ["show", folder.name, *storage]
    yield ["best", folder.name, *storage]
    yield ["evaluate", folder.name, *storage, "--split", "test"]


def figures(document: Any) -> Any:
    """Returns what must be the same: all but where it stands."""
    if isinstance(document, dict):
        return {key: figures(value) for key, value in document.items() if key not in {"checkpoint", "command", "url"}}
    return [figures(value) for value in document] if isinstance(document, list) else document


def ask_all(folder: SearchFolder) -> list[tuple[int, str, str]]:
    return [answer(*question) for question in _questions(folder)]


def _judge(code: int, out: str, err: str, right: Any) -> str:
    if TRACEBACK.search(err) or code not in (0, BAD_INPUT):
        return CRASHED
    if code:
        return REFUSED if err.strip() else CRASHED
    return SAME if figures(json.loads(out)) == figures(right) else OTHER


def contents(folder: SearchFolder) -> dict[str, str]:
    """Returns a digest of each file, but for the log, the lock and Ray's own."""
    return {
        str(path.relative_to(folder.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files(folder)
        if path.is_file() and path.name not in {LOCK, LOG}
    }


class Damaged:
    """A search that has ended, copies of which are damaged.

    Args:
        whole: The search.
        elsewhere: A storage for the copies.
    """

    def __init__(self, whole: SearchFolder, elsewhere: Path) -> None:
        self._whole, self._copy = whole, SearchFolder(elsewhere / whole.name)
        self._right = [json.loads(out) for _, out, _ in ask_all(whole)]

    def damage(self, target: str, way: str, rng: random.Random) -> Outcome:
        """Damages one of a copy's files, asks all that can be asked of it, and looks what that has changed."""
        folder = self._copy
        shutil.rmtree(folder.path, ignore_errors=True)
        shutil.copytree(self._whole.path, folder.path)
        path = folder.path / target
        if make := WAYS[way]:
            path.write_bytes(make(path.read_bytes(), rng))
        else:
            path.unlink()
        before = contents(folder)
        answers = ask_all(folder)
        judged = [_judge(*given, right) for given, right in zip(answers, self._right, strict=True)]
        worst = max(judged, key=(SAME, REFUSED, OTHER, CRASHED).index)
        said = answers[judged.index(worst)][2].strip().splitlines()
        return Outcome(worst, said[-1] if said else "", contents(folder) == before)
