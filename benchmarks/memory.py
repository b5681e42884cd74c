"""How often does a corpus stand in a node's memory, and how much does a worker keep as it compiles more and more networks?

    python benchmarks/memory.py

First: a token array of 1 GiB is put into Ray's object store as a search puts it, and 1, 2 and 4 workers train on it for
ten seconds each. A worker's own memory is what it shares with no other process; what is shared is the corpus, and stands
in the node's memory once.

Second: one process trains networks of 96 shapes three times over, as a long search does, and tells its own memory.
"""

import argparse
import itertools
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np

from data.clock import now
from data.dataset import Dataset
from data.split import Split
from data.tokens import FIRST, Tokens
from tune.cluster import local_cluster
from tune.memory import own_memory

TEXTS, CLASSES, VOCABULARY = 1_000_000, 20, 30_000
MIB = 2**20


def make_dataset(gib: float) -> Dataset:
    """Returns texts of one length, so many GiB of tokens, all but a few of them to train on."""
    length = int(gib * 2**30 / 4 / TEXTS)
    rng = np.random.default_rng(0)
    flat = rng.integers(FIRST, VOCABULARY, TEXTS * length, dtype=np.int32)
    rows = np.arange(TEXTS)
    split = Split(rows[2000:], rows[:1000], rows[1000:2000])
    offsets = np.arange(TEXTS + 1, dtype=np.int64) * length
    return Dataset(Tokens(flat, offsets), rng.integers(0, CLASSES, TEXTS).astype(np.int32), split, CLASSES, VOCABULARY)


class Worker:
    """Trains as a trial does."""

    def train(self, dataset: Dataset, seconds: float) -> dict[str, float]:
        """Trains until the time is over; returns what this process holds, in MiB."""
        from model.device import use_device
        from model.hparams import HParams
        from model.training import OutOfTimeError, Training

        use_device(1, gpu=False)
        with Training(dataset, HParams(lstm_size=32, max_length=100), seed=0) as training:
            try:
                training.run_epoch(now() + seconds)
            except OutOfTimeError:
                steps = training.steps
        shared = int(Path("/proc/self/statm").read_text().split()[2]) * resource.getpagesize()
        return {"steps": steps, "own": own_memory() / MIB, "shared": shared / MIB}


def corpus_once(gib: float) -> None:
    dataset = make_dataset(gib)
    print(f"Tokens of {dataset.tokens.flat.nbytes / MIB:.0f} MiB; MiB of each worker after training on them\n")
    print(
        "| workers | own memory of each | shared, of each | node's memory in use, less what it was before |\n|---|---|---|---|"
    )
    for count in (1, 2, 4):
        before = _in_use()
        with local_cluster(count) as wait_for_ray:
            wait_for_ray()
            import ray

            reference = ray.put(dataset)
            workers = [ray.remote(num_cpus=1)(Worker).remote() for _ in range(count)]
            found: list[dict[str, Any]] = ray.get([worker.train.remote(reference, 10) for worker in workers])
            used = (_in_use() - before) / MIB
        cells = [", ".join(f"{one[key]:.0f}" for one in found) for key in ("own", "shared")]
        print(f"| {count} | {cells[0]} | {cells[1]} | {used:.0f} |", flush=True)


def _in_use() -> int:
    """Returns the node's bytes in use, shared memory included, the page cache of files not."""
    fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines()}
    return fields["MemTotal"] - fields["MemFree"] - fields["Buffers"] - fields["Cached"] + fields["Shmem"]


def networks() -> None:
    from model.compiled import GRAPHS
    from model.device import use_device
    from model.hparams import HParams
    from model.pool import POOL
    from model.shape import Shape

    use_device(1, gpu=False)
    sizes = itertools.product((32, 64, 96, 128), (False, True), ("last", "max", "mean"), (0, 1), (64, 128))
    shapes = [
        HParams(lstm_size=units, bidirectional=both, pooling=pooling, dense_layers=dense, embedding_size=vector)
        for units, both, pooling, dense, vector in sizes
    ]
    before = own_memory()
    print("\n| networks taken | compiled | own memory, MiB | a compiled network, MiB |\n|---|---|---|---|")
    for number, hparams in enumerate(shapes * 3, 1):
        network = POOL.take(Shape.of(hparams, 500, CLASSES))
        network.warm_up({0.25, 1.0})
        POOL.give_back(network)
        if number % 48 == 0:
            held = (own_memory() - before) / MIB
            print(f"| {number} | {POOL.built} | {held:.0f} | {held / min(number, POOL.kept // GRAPHS):.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=1.0)
    options = parser.parse_args()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    corpus_once(options.gib)
    networks()


if __name__ == "__main__":
    main()
