"""May the wide branch's step size be chosen on a part of the rows, where there is no time to choose it on all?

    python benchmarks/step_size.py
    python benchmarks/step_size.py --data FILE --text COL --label COL --group COL

For parts of the training rows, on random splits: the step size that is chosen there, on a fifth of the rows held out; what
is taken for all rows (`model.linear.for_all_rows`); the test figures of softmax regression fitted on all rows with each of
the two; and the CPU seconds of choosing.
"""

import time

import numpy as np
from corpora import corpus_parser, read

from data.ngrams import fit_ngrams
from data.numbered import number_texts
from data.split import split_corpus
from data.units import number_units
from model.evaluation import evaluate
from model.linear import PLANS, Recipe, fit_linear, for_all_rows
from model.softmax_regression import choose_rate
from model.wide import MOST, PARAMETERS, WHOLE_TEXT, _deal_folds

PARTS = (1, 1 / 2, 1 / 4, 1 / 8)


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    corpus = read(options)
    numbered, classes, plan = number_texts(corpus.texts, WHOLE_TEXT), len(corpus.classes), PLANS[0]
    print(
        "| seed | part | chosen | for all rows | loss, accuracy, macro-F1 as chosen | for all rows | CPU s |\n"
        + "|---" * 7
        + "|"
    )
    for seed in range(options.seeds):
        split = split_corpus(corpus, seed=seed)
        _, features = fit_ngrams(numbered, split.train, plan.kinds, min(MOST, PARAMETERS // (2 * classes)))
        x, labels = features[split.train], corpus.labels[split.train]
        rng = np.random.default_rng(seed)
        held_out = _deal_folds(number_units(corpus)[split.train], seed) == 0
        for part in PARTS:
            kept = np.flatnonzero(held_out | (rng.random(len(labels)) < part))
            began = time.process_time()
            rate = choose_rate(x[kept], labels[kept], classes, held_out[kept], plan.epochs, seed)
            seconds = time.process_time() - began
            assert rate
            told = []
            for value in (rate.value, for_all_rows(rate.value, part)):
                logits = features[split.test] @ fit_linear(x, labels, classes, seed, Recipe(plan, value, None))
                found = evaluate(corpus.labels[split.test], logits)
                told.append(f"{found.loss:.3f}, {found.accuracy:.3f}, {found.macro_f1:.3f}")
            print(
                f"| {seed} | {part:g} | {rate.value:g} | {for_all_rows(rate.value, part):.2f} | {told[0]} | {told[1]} "
                f"| {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
