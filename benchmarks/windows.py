"""How much of a padded batch is real, by the number of batches in a window that is sorted by length?

python benchmarks/windows.py
"""

import numpy as np

import data.batches
from data.tokens import Tokens


def real_share(lengths: np.ndarray, window: int, batch_size: int = 128) -> float:
    """Returns real tokens over padded tokens of one epoch."""
    data.batches.WINDOW = window
    tokens = Tokens(np.ones(lengths.sum(), np.int32), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    batches = data.batches.shuffled_batches(tokens, np.arange(len(lengths)), batch_size, np.random.default_rng(0))
    return lengths.sum() / sum(len(batch) * lengths[batch].max() for batch in batches)


def main() -> None:
    windows = (1, 4, 8, 16, 32, 64, 128)
    print(
        "| median words | " + " | ".join(f"{window} batches" for window in windows) + " |\n|---" + "|---" * len(windows) + "|"
    )
    for median in (6, 60, 600):
        lengths = np.maximum(1, np.random.default_rng(0).lognormal(np.log(median), 0.8, 16_384).astype(int))
        print(f"| {median} | " + " | ".join(f"{real_share(lengths, window):.2f}" for window in windows) + " |")


if __name__ == "__main__":
    main()
