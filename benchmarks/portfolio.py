"""How good are the configurations that a search begins with, and how soon?

    python benchmarks/portfolio.py
    python benchmarks/portfolio.py --data FILE --text COL --label COL

Each LSTM, without its wide branch, is trained on one core until its full loss on the validation rows has not fallen for 4
epochs; told are that loss after each epoch, and CPU seconds.
"""

import os
import time
from dataclasses import replace

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from corpora import corpus_parser, read

from data.dataset import encode_corpus
from data.split import split_corpus
from model.device import use_device
from model.presets import PORTFOLIOS
from model.training import train


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    use_device(1, gpu=False)
    corpus = read(options)
    columns = ("configuration", "lowest validation loss", "CPU s until then", "CPU s an epoch", "after each epoch")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for number, hparams in enumerate(PORTFOLIOS["default"], 1):
        lstm = replace(hparams, wide=False)
        split = split_corpus(corpus, seed=options.seed)
        dataset, _ = encode_corpus(corpus, split, hparams.max_length, subwords=hparams.subwords)
        started = time.process_time()
        losses, best_at = [], 0.0
        for report, _ in train(dataset, lstm, epochs=options.epochs, seed=options.seed, patience=4):
            if report.loss < min(losses, default=float("inf")):
                best_at = time.process_time() - started
            losses.append(report.loss)
        epoch = (time.process_time() - started) / len(losses)
        curve = " ".join(f"{loss:.3f}" for loss in losses)
        kind = f"{hparams.pooling}{', subwords' if hparams.subwords else ''}"
        print(f"| {number}, {kind} | {min(losses):.3f} | {best_at:.1f} | {epoch:.2f} | {curve} |", flush=True)


if __name__ == "__main__":
    main()
