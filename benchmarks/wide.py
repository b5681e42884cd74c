"""What do the LSTM and the wide branch come to, each alone and both together?

    python benchmarks/wide.py
    python benchmarks/wide.py --data FILE --text COL --label COL

The first configuration of the portfolio, trained on one core until its loss on the validation rows has not fallen for 4
epochs, once by itself and once beside the wide branch. Told are loss, accuracy and macro-F1 on the test rows, which choose
nothing, and CPU seconds.
"""

import os
import time
from dataclasses import replace

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from corpora import corpus_parser, read

from data.split import split_corpus
from model.baseline import evaluate_baseline
from model.classifier import Classifier
from model.device import use_device
from model.evaluation import Evaluation, evaluate
from model.presets import PORTFOLIOS
from model.text_classifier import Encoded
from model.training import train
from model.wide import encode_wide


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    use_device(1, gpu=False)
    corpus = read(options)
    hparams = PORTFOLIOS["default"][0]
    print("| seed | | test loss | accuracy | macro-F1 | CPU s |\n|---|---|---|---|---|---|")
    for seed in range(options.seeds):
        split = split_corpus(corpus, seed=seed)
        started = time.process_time()
        dataset, vocabulary, wide, logits = encode_wide(corpus, split, hparams.max_length, seed)
        fitted = time.process_time() - started
        tell(seed, "wide branch alone", evaluate(dataset.labels[split.test], logits[split.test]), fitted)
        for name, chosen in (("LSTM alone", replace(hparams, wide=False)), ("both", hparams)):
            started = time.process_time()
            outcomes = list(train(dataset, chosen, epochs=options.epochs, seed=seed, patience=4))
            seconds = time.process_time() - started + (fitted if chosen.wide else 0)
            best = [trained for _, trained in outcomes if trained][-1]
            branch = wide if chosen.wide else None
            classifier = Classifier(chosen, best, vocabulary, corpus.classes, chosen.max_length, wide=branch)
            encoded = Encoded(dataset.tokens, logits if chosen.wide else None)
            weights = f" ({best.mixture.wide:.2f} and {best.mixture.deep:.2f})" if chosen.wide else ""
            tell(seed, name + weights, classifier.evaluate(encoded, dataset.labels, split.test), seconds)
        started = time.process_time()
        linear = evaluate_baseline(dataset, seed)["test"]
        tell(seed, "linear baseline", linear, time.process_time() - started)


def tell(seed: int, name: str, figures: Evaluation, seconds: float) -> None:
    values = f"{figures.loss:.3f} | {figures.accuracy:.3f} | {figures.macro_f1:.3f} | {seconds:.1f}"
    print(f"| {seed} | {name} | {values} |", flush=True)


if __name__ == "__main__":
    main()
