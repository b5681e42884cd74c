"""The trials' files of one kind, a file a trial, in one of the search's places: arrays by name, no pickle."""

from __future__ import annotations

import io
import re
import time
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.archive import check_archive
from tune.place import Place, Stamp

DAMAGE = (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError)
"""What may be raised where a file is not what it should be."""
NAME = re.compile(r"\.?(\d{5,})\.npz(\.\d+)?")
"""A file, or one that a process has not written to its end."""
BEGAN = "began"
"""The array that holds when the run of the trial that wrote the file began, as `time.time` gives it."""


def file_name(trial: int) -> str:
    """Returns the name of a trial's file."""
    return f"{trial:05d}.npz"


@dataclass(frozen=True, slots=True)
class TrialFiles:
    """The files that stand in a place."""

    place: Place

    def at_once(self) -> TrialFiles:
        """Returns the same, of which what fails is not tried again."""
        return TrialFiles(self.place.at_once())

    def __contains__(self, trial: int) -> bool:
        return self.place.stamp(file_name(trial)) is not None

    def trials(self) -> set[int]:
        """Returns the trials that have a file."""
        matches = [NAME.fullmatch(name) for name in self.place.names() if not name.startswith(".")]
        return {int(match[1]) for match in matches if match and not match[2]}

    def where(self, trial: int) -> str:
        """Returns where a trial's file stands, or would, for people."""
        return f"{self.place}/{file_name(trial)}"

    def size(self, trial: int) -> int:
        """Returns the bytes of a trial's file; 0 if it is not there."""
        stamp = self.place.stamp(file_name(trial))
        return stamp.size if stamp else 0

    def read(self, trial: int) -> dict[str, npt.NDArray[Any]]:
        """Reads a trial's arrays; raises one of `DAMAGE` if its file is damaged or not there."""
        arrays = _read_arrays(self.place, file_name(trial))
        arrays.pop(BEGAN, None)
        return arrays

    def remove(self, trial: int) -> None:
        """Removes a trial's file, if it is there."""
        self.place.remove(file_name(trial))

    def keep_only(self, trials: Collection[int]) -> None:
        """Removes the files of all other trials, with what their processes left half written."""
        for name in self.place.names():
            match = NAME.fullmatch(name)  # a network file system may keep files of its own here
            if match and int(match[1]) not in trials:
                self.place.remove(name)

    def writer(self, trial: int) -> TrialFile:
        """Returns what a run of a trial, which begins now, writes its file with."""
        return TrialFile(self, trial)


class TrialFile:
    """A trial's file, as one run of the trial writes it.

    A trial that was lost sight of is run again elsewhere, and its first run may yet come back: what it then writes must not
    replace what the later run has written. So a run leaves a file alone that a later one wrote. (Runs on several machines
    begin by their clocks; a trial is given up for lost after seconds, and `topknot doctor` compares clocks.)

    Args:
        files: That it stands among.
        trial: Its number.
    """

    def __init__(self, files: TrialFiles, trial: int) -> None:
        self._place, self._name = files.place, file_name(trial)
        self._began = time.time()
        self._stamp: Stamp | None = self._place.stamp(self._name)  # what stands there now is of an earlier run, by any clock

    def write(self, arrays: Mapping[str, Any]) -> bool:
        """Writes arrays, whole or not at all; tells whether it did, or left to a later run what that wrote."""
        if self._is_of_a_later_run():
            return False
        file = io.BytesIO()
        held: dict[str, Any] = {**arrays, BEGAN: np.array(self._began)}
        np.savez(file, **held)
        self._place.write(self._name, file.getvalue())
        self._stamp = self._place.stamp(self._name)
        return True

    def _is_of_a_later_run(self) -> bool:
        if self._place.stamp(self._name) == self._stamp:
            return False
        try:
            return float(_read_arrays(self._place, self._name)[BEGAN]) > self._began
        except DAMAGE:  # or removed meanwhile
            return False


def _read_arrays(place: Place, name: str) -> dict[str, npt.NDArray[Any]]:
    file = io.BytesIO(place.read(name))
    check_archive(file)
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)
