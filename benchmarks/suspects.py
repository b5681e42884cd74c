"""How many of the labels that `topknot show --suspects` doubts are wrong?

    python benchmarks/suspects.py
    python benchmarks/suspects.py --data onet_tasks.parquet --epochs 6 --lstms 2

Of some training rows the labels are exchanged among each other; the first configurations of the portfolio are trained on them,
each until its loss on the validation rows has not fallen for 3 epochs. Told is what part of the first 20, 50 and 100 suspects,
and of as many as there are wrong labels, is wrong: by the margins of linear classifiers fitted out of fold, of the LSTMs, and
of both. What was wrong in the corpus before counts as right, so that these figures are rather too low.
"""

import os
from dataclasses import replace

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
from corpora import corpus_parser, read

from data.split import split_corpus
from model.classifier import Classifier
from model.device import use_device
from model.presets import PORTFOLIOS
from model.suspects import margin, suspect
from model.text_classifier import Encoded
from model.training import train
from model.wide import WHOLE_TEXT, encode_wide, judge_out_of_fold


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lstms", type=int, default=3)
    options = parser.parse_args()
    use_device(1, gpu=False)
    corpus = read(options)
    split = split_corpus(corpus)
    rows, rng = split.train, np.random.default_rng(0)
    chosen = rng.random(len(rows)) < options.noise
    drawn = corpus.labels[rng.permutation(rows)]
    labels = corpus.labels.copy()
    labels[rows[chosen]] = drawn[chosen]
    wrong = labels[rows] != corpus.labels[rows]
    corpus = replace(corpus, labels=labels)
    print(f"{wrong.sum()} of {len(rows):,} labels are wrong\n\n| | 20 | 50 | 100 | {wrong.sum()} |\n|---|---|---|---|---|")

    def tell(name: str, order: np.ndarray) -> None:
        parts = " | ".join(f"{wrong[order[:count]].mean():.2f}" for count in (20, 50, 100, wrong.sum()))
        print(f"| {name} | {parts} |", flush=True)

    linear = judge_out_of_fold(corpus, split, WHOLE_TEXT, 0)
    tell("linear classifiers", np.argsort(margin(labels[rows], linear), kind="stable"))
    dataset, vocabulary, *_ = encode_wide(corpus, split, WHOLE_TEXT, 0, subwords=True)
    judged = []
    for seed, hparams in enumerate(PORTFOLIOS["default"][: options.lstms]):
        best = [trained for _, trained in train(dataset, hparams, epochs=options.epochs, seed=seed, patience=3) if trained][-1]
        classifier = Classifier(replace(hparams, wide=False), best, vocabulary, corpus.classes, WHOLE_TEXT)
        judged.append(classifier.logits(Encoded(dataset.tokens, parts=dataset.parts), rows))
        tell(f"{len(judged)} LSTMs", suspect(labels[rows], judged).order)
        tell(f"{len(judged)} LSTMs and linear classifiers", suspect(labels[rows], judged, linear).order)


if __name__ == "__main__":
    main()
