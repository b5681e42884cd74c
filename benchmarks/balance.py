"""Would rare classes gain if more of the classes' shares were taken off a classifier's logits?

    python benchmarks/balance.py SEARCH...        # folders of finished searches

The classifier that each search came to is asked about its validation and its test rows, once; then a growing part of the
logarithm of each class's share of the training rows is taken off its logits (Menon et al., ICLR 2021), and the temperature is
fitted anew on the validation rows. The wide branch is
without half of it already (`model.class_shares`; a machine of the largest margin without half, or with all of it).
"""

import argparse
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np

from model.calibration import cool, fit_temperature
from model.class_shares import log_shares
from model.ensemble import load_classifier
from model.evaluation import evaluate
from tune.continuity import read_own_corpus
from tune.folder import SearchFolder
from tune.search_result import best_classifier

PARTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("searches", type=Path, nargs="+")
    for path in parser.parse_args().searches:
        tell(SearchFolder(path.absolute()))


def tell(folder: SearchFolder) -> None:
    classifier = load_classifier(best_classifier(folder))
    corpus, split = read_own_corpus(folder, folder.settings())
    shares = log_shares(np.bincount(corpus.labels[split.train], minlength=len(corpus.classes)))
    logits, labels = {}, {}
    for side in ("validation", "test"):
        rows = split.side(side)
        labels[side] = corpus.labels[rows]
        logits[side] = classifier.logits(classifier.encode([corpus.texts[row] for row in rows]))
    columns = ("taken off", *(f"{side} {figure}" for side in logits for figure in ("loss", "accuracy", "macro-F1")))
    print(f"\n{folder.name}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for part in PARTS:
        temperature = fit_temperature(labels["validation"], logits["validation"] - part * shares)
        found = [evaluate(labels[side], cool(logits[side] - part * shares, temperature)) for side in logits]
        cells = [f"{side.loss:.3f} | {side.accuracy:.3f} | {side.macro_f1:.3f}" for side in found]
        print(f"| {part:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
