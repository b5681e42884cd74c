"""What do the LSTM and the wide branch come to, each alone and both together?

    python benchmarks/wide.py
    python benchmarks/wide.py --data FILE --text COL --label COL
    python benchmarks/wide.py --balance 0 0.5 --seeds 3

The first configuration of the portfolio, trained on one core until its loss on the validation rows has not fallen for 4
epochs, once by itself and once beside the wide branch. Told are loss, accuracy and macro-F1 on the test rows, which choose
nothing, and CPU seconds; beside them those of the two linear baselines. With several values of --balance, the wide branch
alone and both are told for each; it is how much of the logarithm of a class's share is taken off its logit (model/wide.py).
"""

import math
import os
import time
from dataclasses import replace

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
from corpora import corpus_parser, read

from data.split import split_corpus
from model.baseline import evaluate_baseline
from model.class_shares import BALANCE, log_shares
from model.classifier import Classifier
from model.device import use_device
from model.evaluation import Evaluation, evaluate
from model.hparams import HParams
from model.presets import PORTFOLIOS
from model.strong_baseline import evaluate_strong_baseline
from model.text_classifier import Encoded
from model.training import train
from model.wide import WHOLE_TEXT, WideCorpus, encode_wide


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--balance", type=float, nargs="+", default=[BALANCE])
    options = parser.parse_args()
    use_device(1, gpu=False)
    corpus = read(options)
    hparams = PORTFOLIOS["default"][0]
    print("| seed | | test loss | accuracy | macro-F1 | CPU s |\n|---|---|---|---|---|---|")
    for seed in range(options.seeds):
        split = split_corpus(corpus, seed=seed)
        started = time.process_time()
        encoded = encode_wide(corpus, split, WHOLE_TEXT, seed)
        fitted = time.process_time() - started
        tell_trained(seed, "LSTM alone", encoded, replace(hparams, wide=False), options.epochs, 0.0)
        for balance in options.balance:
            suffix = f", balance {balance:g}" if len(options.balance) > 1 else ""
            adjusted = balanced(encoded, balance)
            test = split.test
            tell(seed, f"wide branch alone{suffix}", evaluate(encoded.dataset.labels[test], adjusted.logits[test]), fitted)
            tell_trained(seed, f"both{suffix}", adjusted, hparams, options.epochs, fitted)
        started = time.process_time()
        linear = evaluate_baseline(encoded.dataset, seed)
        tell(seed, f"linear baseline ({linear.kind})", linear.sides["test"], time.process_time() - started)
        started = time.process_time()
        strong = evaluate_strong_baseline(corpus, split, seed)
        tell(seed, f"strong baseline ({strong.kind})", strong.sides["test"], time.process_time() - started)


def balanced(encoded: WideCorpus, balance: float) -> WideCorpus:
    """Takes another part of the classes' shares off than `encode_wide` did."""
    dataset, split = encoded.dataset, encoded.dataset.split
    taken = encoded.recipe.scale.balance if encoded.recipe.scale else BALANCE
    logits = encoded.logits + (taken - balance) * log_shares(
        np.bincount(dataset.labels[split.train], minlength=dataset.classes)
    )
    return encoded._replace(dataset=replace(dataset, wide=logits[split.validation]), logits=logits)


def tell_trained(seed: int, name: str, encoded: WideCorpus, hparams: HParams, epochs: int, before: float) -> None:
    started = time.process_time()
    dataset = encoded.dataset
    outcomes = list(train(dataset, hparams, epochs=epochs, seed=seed, patience=4))
    seconds = time.process_time() - started + before
    best = [trained for _, trained in outcomes if trained][-1]
    wide = encoded.wide if hparams.wide else None
    classifier = Classifier(hparams, best, encoded.vocabulary, tuple(map(str, range(dataset.classes))), WHOLE_TEXT, wide=wide)
    texts = Encoded(dataset.tokens, encoded.logits if hparams.wide else None)
    weights = f" ({best.mixture.wide:.2f} and {best.mixture.deep:.2f})" if hparams.wide else ""
    tell(seed, name + weights, classifier.evaluate(texts, dataset.labels, dataset.split.test), seconds)


def tell(seed: int, name: str, figures: Evaluation, seconds: float) -> None:
    loss = "" if math.isnan(figures.loss) else f"{figures.loss:.3f}"
    values = f"{loss} | {figures.accuracy:.3f} | {figures.macro_f1:.3f} | {seconds:.1f}"
    print(f"| {seed} | {name} | {values} |", flush=True)


if __name__ == "__main__":
    main()
