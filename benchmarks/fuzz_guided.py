"""Does any input, led by what it reaches in our code, make anything but a result or one clear error?

    uv pip install --python .venv/bin/python atheris      # not in the lock: for Linux on x86 alone, and for this alone
    python benchmarks/fuzz_guided.py --seconds 150

Each reader has a process of its own for so long, in which atheris (libFuzzer) changes whole inputs byte by byte, and keeps
those that reach what none before has reached. An input that takes 20 s or 4 GiB is a crash, too; the first crash ends its
reader, and its input is kept in FOLDER. Ends with 1 if there was any.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "RAY_USAGE_STATS_ENABLED": "0"}
TABLES = (".csv", ".jsonl", ".parquet")
NAMES = (*TABLES, "settings.yaml", "vectors.txt", "classifier.json", "vocabulary.json")
DONE = re.compile(r"Done (\d+) runs in (\d+) second|^#(\d+)", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=150, help="for each reader [150]")
    parser.add_argument("--only", choices=NAMES, action="append", help="a reader; may be given again [all]")
    parser.add_argument(
        "--crashes", type=Path, default=Path("crashes"), metavar="FOLDER", help="where their inputs go [crashes]"
    )
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], Path(options.work[1]), options)
    options.crashes.mkdir(exist_ok=True)
    found, together = 0, 0
    print("| read | inputs | crashes |\n|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="topknot-guided-") as folder:
        for name in options.only or NAMES:
            made = Path(folder, name)
            made.mkdir()
            flags = ["--seconds", str(options.seconds), "--crashes", str(options.crashes), "--work", name, str(made)]
            done = subprocess.run(
                [sys.executable, __file__, *flags], capture_output=True, text=True, errors="replace", check=False
            )
            counts = [int(total or last) for total, _, last in DONE.findall(done.stderr)]
            runs, crashed = max(counts, default=0), done.returncode != 0
            found, together = found + crashed, together + runs
            print(f"| {name} | {runs:,} | {int(crashed)} |", flush=True)
            if crashed:
                print(done.stderr[-3000:], file=sys.stderr)
    print(f"| together | {together:,} | {found} |")
    return 1 if found else 0


def work(name: str, made: Path, options: argparse.Namespace) -> None:
    """Reads inputs for ever, or for as long as is allowed."""
    import atheris

    with atheris.instrument_imports(include=["data", "model", "tune", "yaml"]):
        read = reader(name, made)
    from data.errors import InputError

    def once(content: bytes) -> None:
        try:
            read(content)
        except InputError as error:
            if not str(error):
                raise AssertionError("an error that says nothing") from error

    seeds = made / "seeds"
    flags = [f"-max_total_time={options.seconds}", "-timeout=20", "-rss_limit_mb=4096", "-max_len=65536", "-verbosity=1"]
    atheris.Setup([name, *flags, f"-artifact_prefix={options.crashes}/{name}-", str(seeds)], once)
    atheris.Fuzz()


def reader(name: str, made: Path) -> Callable[[bytes], object]:
    """Writes whole inputs to begin with, and returns what reads one."""
    from fuzzing import folders, tables, written

    from data.corpus import read_corpus
    from data.vectors import read_vectors
    from tune.settings import Settings
    from tune.settings_file import read_settings
    from tune.written_space import parse_space

    (seeds := made / "seeds").mkdir()
    path = made / f"rows{name}" if name in TABLES else made / name
    whole: list[bytes] = []

    def settings(file: Path) -> object:
        return parse_space(read_settings(file, {}).written_space())

    reads: Callable[[Path], object] = read_corpus
    if name in TABLES:
        rng = random.Random(0)
        whole = [tables.table(rng, name).content for _ in range(60)]
    elif name == "settings.yaml":
        reads = settings
        whole = [Settings(preset=preset).to_yaml().encode() for preset in written.SPACES]
    elif name == "vectors.txt":
        reads = partial(read_vectors, vocabulary=written.VOCABULARY)
        whole = [b"word 1 2\nparis 3 4\n", b"2 2\nword 1 2\nparis 3 4\n", b"1 2\nword " + bytes(8)]
    else:
        from model.ensemble import load_classifier
        from model.seal import SEAL

        folders.make_classifiers(made)
        original = made / "single"
        (original / SEAL).unlink()
        path = original / name

        def reads(file: Path) -> object:
            return load_classifier(file.parent)

        shutil.copy(path, seeds / "whole")
    for number, content in enumerate(whole):
        (seeds / str(number)).write_bytes(content)

    def read(content: bytes) -> object:
        path.write_bytes(content)
        return reads(path)

    return read


if __name__ == "__main__":
    sys.exit(main())
