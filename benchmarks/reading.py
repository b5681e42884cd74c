"""How long, and how much memory, does a CSV of so many texts of 300 words take to read, split and encode?

python benchmarks/reading.py --rows 1000000
"""

import argparse
import csv
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from data.corpus import read_corpus
from data.dataset import encode_corpus
from data.split import split_corpus


def write(path: Path, rows: int) -> None:
    """Writes texts of log-normal length (mean 300 words, sigma 0.8) and Zipf-distributed words, in 50 classes."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for first in range(0, rows, 1000):
            lengths = rng.lognormal(np.log(300) - 0.32, 0.8, min(1000, rows - first)).astype(int) + 1
            words = np.char.add("w", np.minimum(rng.zipf(1.2, lengths.sum()), 2_000_000).astype(str))
            for text in np.split(words, np.cumsum(lengths)[:-1]):
                writer.writerow([" ".join(text), int(rng.integers(50))])


def report(what: str, started: float) -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what}: {time.perf_counter() - started:.0f} s, peak memory so far {peak:.2f} GiB", flush=True)
    return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.csv"
        write(path, rows)
        print(f"{rows:,} texts, {path.stat().st_size / 2**30:.2f} GiB")
        started = time.perf_counter()
        corpus = read_corpus(path)
        started = report("read", started)
        split = split_corpus(corpus)
        started = report("split", started)
        dataset, vocabulary = encode_corpus(corpus, split, 1000)
        report(f"encoded {len(dataset.tokens.flat):,} tokens, {len(vocabulary.tokens):,} distinct in train", started)


if __name__ == "__main__":
    main()
