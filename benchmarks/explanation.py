"""Do the words that `predict --explain` names move the answer?

    python benchmarks/explanation.py CLASSIFIER                       # texts of the embedded corpus
    python benchmarks/explanation.py CLASSIFIER --data FILE --text COL --label COL

The deletion test: of each text the 1, 2, 3 and 5 words that speak most for its answer are left out at once, and the text is
read again. Told is the mean probability that is left to the answer, where the words are those of the explanation, those whose
leaving out, each place by itself, lowers the probability most (another explanation: equal words apart), or random ones.
"""

import os
import time
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
from corpora import corpus_parser, read

from data.tokenizer import token_spans
from model.ensemble import load_classifier
from model.explanation import explain

COUNTS = (1, 2, 3, 5)


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--texts", type=int, default=200)
    options = parser.parse_args()
    classifier = load_classifier(options.classifier)
    rng = np.random.default_rng(0)
    corpus = read(options)
    long_enough = [row for row in rng.permutation(len(corpus)) if len(token_spans(corpus.texts[row])) > max(COUNTS)]
    texts = [corpus.texts[row] for row in long_enough[: options.texts]]
    left: dict[str, list[list[float]]] = {"explanation": [], "each place by itself": [], "random": []}
    seconds = 0.0
    before = []
    for text in texts:
        start = time.process_time()
        found = explain(classifier, text)
        seconds += time.process_time() - start
        before.append(found.probability)
        spans = [(word.start, word.end) for word in found.words]
        column = classifier.classes.index(found.label)
        alone = classifier.probabilities([without(text, [span]) for span in spans])[:, column]
        orders = {
            "explanation": np.argsort([-word.weight for word in found.words], kind="stable"),
            "each place by itself": np.argsort(alone, kind="stable"),
            "random": rng.permutation(len(spans)),
        }
        for name, order in orders.items():
            shorter = [without(text, [spans[place] for place in order[:count]]) for count in COUNTS]
            left[name].append(classifier.probabilities(shorter)[:, column].tolist())
    print(f"{len(texts)} texts, {seconds / len(texts):.3f} CPU s each; probability {np.mean(before):.3f} with all words")
    for name, rows in left.items():
        figures = ", ".join(f"{share:.3f} without {count}" for count, share in zip(COUNTS, np.mean(rows, axis=0), strict=True))
        print(f"  {name}: {figures}")


def without(text: str, spans: list[tuple[int, int]]) -> str:
    """Returns a text without some words."""
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return text


if __name__ == "__main__":
    main()
