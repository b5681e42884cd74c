"""The cells of the table: what a step costs each contender for one profile, network and batch size."""

import importlib.util
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from contenders import process
from contenders.clock import available_gib, needed_gib, useful_flop
from contenders.corpus import Corpus

P99, MAXIMUM = "Keras, 99th percentile", "Keras, maximum"
FLOATS_PER_UNIT = {"Topknot": 16, P99: 16, MAXIMUM: 16, "dense top-k": 20, "PyTorch": 20}
"""The contenders, and what each holds for a padded token and unit; by peak memory at 64 units, with something to spare."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A profile and a network, over batch sizes.

    Attributes:
        median: Of the texts' lengths, in words.
        only: Names of contenders.
        share_of_memory: Of the available memory; contenders that would need more are skipped.
    """

    median: int
    units: int
    batches: tuple[int, ...]
    fractions: tuple[Fraction, ...]
    only: tuple[str, ...]
    rounds: int
    share_of_memory: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One contender's mean step, medians over the rounds; figures are None where `note` says why.

    Attributes:
        fraction: k/B, for Topknot alone.
        length: What texts are padded to; None where each batch is padded to its own longest.
        tokens: Real tokens of a mean step.
        milliseconds, cpu_milliseconds: Wall and CPU time of a mean step.
        tokens_per_cpu_second: Real tokens.
        product_gflop: The core's matrix products, 10^9 floating-point operations a CPU second, over the same rounds.
        useful_share: Of that rate (`contenders.clock.useful_flop`).
        rounds: CPU and wall milliseconds of the mean step in each round.
    """

    median: int
    units: int
    batch: int
    contender: str
    fraction: str | None = None
    length: int | None = None
    tokens: float = 0
    milliseconds: float | None = None
    cpu_milliseconds: float | None = None
    tokens_per_cpu_second: float | None = None
    product_gflop: float | None = None
    useful_share: float | None = None
    rounds: list[list[float]] | None = None
    note: str | None = None

    @property
    def k(self) -> float:
        """The fraction of a batch that is trained on."""
        return float(Fraction(self.fraction or 1))

    def measured(self, seconds: np.ndarray, product_gflop: float) -> "Cell":
        """Fills the figures in from CPU and wall seconds of each round, float64 (rounds, 2)."""
        cpu, wall = (float(value) for value in np.median(seconds, axis=0))
        flop = useful_flop(self.units, self.tokens, self.batch, self.k)
        return replace(
            self,
            milliseconds=1000 * wall,
            cpu_milliseconds=1000 * cpu,
            tokens_per_cpu_second=self.tokens / cpu,
            product_gflop=product_gflop,
            useful_share=flop / cpu / 1e9 / product_gflop,
            rounds=(1000 * seconds).round(3).tolist(),
        )


def measure(group: Group) -> list[Cell]:
    """Measures a group, each contender in a fresh process, all of them taking turns."""
    corpus = Corpus(group.median)
    names = [name for name in group.only if name != "PyTorch" or importlib.util.find_spec("torch")]
    if P99 in names and corpus.percentile_99 == corpus.maximum:
        names = [name for name in names if name != MAXIMUM]
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(process.start(name, group.median, group.units)) for name in ("matrix product", *names)
        }
        for one in processes.values():  # all import at once
            process.warm_up(one, 2)
        return [cell for batch in group.batches for cell in _measure(group, corpus, batch, processes)]


def _measure(group: Group, corpus: Corpus, batch: int, processes: dict[str, ProcessPoolExecutor]) -> Iterator[Cell]:
    cells = _planned(group, corpus, batch)
    seconds = {cell: [] for cell in cells if cell.note is None and cell.contender in processes}
    killed: set[str] = set()
    for name in {cell.contender for cell in seconds}:
        with _noting(name, killed):
            process.warm_up(processes[name], batch).result()
    products = []
    for _ in range(group.rounds):
        products.append(process.measure(processes["matrix product"], batch, 1).result()[0])
        for cell, rounds in seconds.items():
            with _noting(cell.contender, killed):
                rounds.append(process.measure(processes[cell.contender], batch, cell.k).result())
    for cell in cells:
        # Where the maximum is the 99th percentile, that was measured for both.
        twin = cell if cell in seconds or cell.note else replace(cell, contender=P99)
        if twin.contender in killed:
            yield replace(cell, note="its process was killed, probably for memory")
        else:
            yield cell if cell.note else cell.measured(np.array(seconds[twin]), 1 / float(np.median(products)))


@contextmanager
def _noting(name: str, killed: set[str]) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        killed.add(name)


def _planned(group: Group, corpus: Corpus, batch: int) -> list[Cell]:
    """Returns the cells still without figures, those that cannot be measured with a note."""
    limit = group.share_of_memory * available_gib()
    own = max(int(corpus.lengths[rows].max()) for rows in corpus.sample(batch).batches)
    lengths = {P99: corpus.percentile_99, MAXIMUM: corpus.maximum, "PyTorch": corpus.percentile_99}
    cells = []
    for name, floats in FLOATS_PER_UNIT.items():
        length = lengths.get(name)
        gib = needed_gib(group.units, batch, length or own, floats)
        note = f"skipped: would need {gib:.0f} GiB" if gib > limit else None
        if name == "PyTorch" and not importlib.util.find_spec("torch"):
            note = "skipped: not installed; pip install torch --index-url https://download.pytorch.org/whl/cpu"
        cells += [
            Cell(
                median=group.median,
                units=group.units,
                batch=batch,
                contender=name,
                fraction=fraction and str(fraction),
                length=length,
                tokens=batch * corpus.real_tokens(length or corpus.maximum),
                note=note,
            )
            for fraction in (group.fractions if name == "Topknot" else (None,))
            if name in group.only
        ]
    return cells
