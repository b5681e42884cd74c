"""What does sorting windows of an epoch by length cost in randomness, and what does it save in padding?

    python benchmarks/window_quality.py                       # the embedded corpus
    python benchmarks/window_quality.py --data FILE --text COL --label COL

One network (bidirectional, max-pooled, top half of the batch) is trained with windows of 1 to 128 batches and several
seeds; told are the lowest full loss on the validation rows, medians over the seeds, and CPU seconds an epoch.
"""

import os
import statistics
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from corpora import corpus_parser, read

import data.batches
from data.dataset import encode_corpus
from data.split import split_corpus
from model.device import use_device
from model.hparams import HParams
from model.training import Training

WINDOWS = (1, 4, 16, 32, 64, 128)
HPARAMS = HParams(
    bidirectional=True, pooling="max", embedding_dropout=0.2, learning_rate=4e-3, batch_size=64, weight_decay=0.01, top_k=0.5
)


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    use_device(1, gpu=False)
    corpus = read(options)
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
