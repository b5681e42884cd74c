"""What does sorting windows of an epoch by length cost in randomness, and what does it save in padding?

    python benchmarks/window_quality.py                       # the embedded corpus
    python benchmarks/window_quality.py --data FILE --text COL --label COL

One network (bidirectional, max-pooled, top half of the batch) is trained with windows of 1 to 128 batches and several
seeds; told are the lowest full loss on the validation rows, medians over the seeds, and CPU seconds an epoch.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import data.batches
from data.corpus import read_corpus
from data.dataset import encode_corpus
from data.industries import read_industries
from data.split import split_corpus
from model.device import use_device
from model.hparams import HParams
from model.training import Training

WINDOWS = (1, 4, 16, 32, 64, 128)
HPARAMS = HParams(
    bidirectional=True, pooling="max", embedding_dropout=0.2, learning_rate=4e-3, batch_size=64, weight_decay=0.01, top_k=0.5
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    use_device(1, gpu=False)
    corpus = read_corpus(options.data, text=options.text, label=options.label) if options.data else read_industries()
    dataset, _ = encode_corpus(corpus, split_corpus(corpus), HPARAMS.max_length)
    print(
        "| batches a window | lowest validation loss: median | lowest, highest of the seeds | CPU s an epoch |\n"
        + 4 * "|---"
        + "|"
    )
    losses: dict[int, list[float]] = {window: [] for window in WINDOWS}
    seconds: dict[int, list[float]] = {window: [] for window in WINDOWS}
    for seed in range(options.seeds):
        for window in WINDOWS:
            data.batches.WINDOW = window
            with Training(dataset, HPARAMS, seed=seed) as training:
                started = time.process_time()
                losses[window].append(min(training.run_epoch().loss for _ in range(options.epochs)))
                seconds[window].append((time.process_time() - started) / options.epochs)
    for window in WINDOWS:
        found, cost = losses[window], statistics.median(seconds[window])
        print(f"| {window} | {statistics.median(found):.4f} | {min(found):.4f}, {max(found):.4f} | {cost:.2f} |")


if __name__ == "__main__":
    main()
