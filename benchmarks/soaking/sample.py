"""What a search takes at an instant: memory, open files, threads and disk; its driver, its workers and Ray's own apart."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from kills_processes import session

from tune.folder import RAY, WEIGHTS, SearchFolder
from tune.memory import memory_of
from tune.study_address import JOURNAL

MIB = 2**20
LOGS = "logs"
DRIVER, WORKER = "driver", "worker"
CONTROL, NODE, OTHERS = "Ray's control process", "Ray's node process", "Ray's other processes"


def take_sample(driver: int, folder: SearchFolder, sessions: Path) -> dict[str, float]:
    """Returns figures by their names: those of each kind of process added up, and of each place on disk."""
    figures: Counter[str] = Counter()
    for pid in session(driver):
        try:
            for name, value in _of_process(pid):
                figures[f"{_kind(pid, driver)}: {name}"] += value  # type: ignore[assignment]
        except OSError:  # it has ended meanwhile
            continue
    for name, path in _places(folder, sessions):
        size, count = _of_tree(path)
        figures[f"{name}: MiB"] += size / MIB  # type: ignore[assignment]
        figures[f"{name}: files"] += count
    return {name: round(value, 2) for name, value in figures.items()}


def _kind(pid: int, driver: int) -> str:
    if pid == driver:
        return DRIVER
    command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    if command.startswith("ray::"):
        return WORKER
    kinds = {"gcs_server": CONTROL, "raylet": NODE}
    return kinds.get(Path(command.split("\0")[0]).name, OTHERS)


def _of_process(pid: int) -> Iterator[tuple[str, float]]:
    """Yields what a process holds: memory of its own, open files and threads."""
    yield "MiB", memory_of(pid) / MIB
    for name, folder in (("open files", "fd"), ("threads", "task")):
        yield name, sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())


def _places(folder: SearchFolder, sessions: Path) -> Iterator[tuple[str, Path]]:
    yield "the study's journal", folder.path / JOURNAL
    yield "weights", folder.path / WEIGHTS
    yield "Ray's state of the search", folder.path / RAY
    yield "the search's folder", folder.path
    yield "Ray's session", sessions
    for logs in sessions.glob(f"session_2*/{LOGS}"):
        yield "Ray's logs", logs


def _of_tree(path: Path) -> tuple[int, int]:
    """Returns the bytes and the number of the files at or under a path."""
    sizes = []
    for one in [path, *path.rglob("*")]:
        try:
            if not one.is_dir() and not one.is_symlink():
                sizes.append(one.stat().st_size)
        except OSError:
            continue
    return sum(sizes), len(sizes)
