"""Does the wide branch gain by punctuation?

    python benchmarks/characters.py
    python benchmarks/characters.py --data FILE --text COL --label COL --group COL --seeds 2

Its runs of 3 to 5 characters, cut from tokens, which have no punctuation, or from what stands between white space, which has.
Told is the wide branch alone, on the validation and the test rows of each seed's split, and CPU seconds.
"""

import os
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

from corpora import corpus_parser, read

from data.corpus import Corpus
from data.numbered import NumberedTexts
from data.split import split_corpus
from model.evaluation import evaluate
from model.wide import WHOLE_TEXT, encode_wide


def main() -> None:
    parser = corpus_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    corpus = read(options)
    pieces: dict[str, Callable[[NumberedTexts], NumberedTexts]] = {
        "tokens": lambda texts: texts,
        "pieces": NumberedTexts.pieces,
    }
    print("| seed | runs of | validation loss | accuracy | macro-F1 | test loss | accuracy | macro-F1 | CPU s |")
    print(f"|{'---|' * 9}")
    for seed in range(options.seeds):
        for name, cut in pieces.items():
            NumberedTexts.pieces = cut  # type: ignore[method-assign]
            started = time.process_time()
            tell(corpus, seed, name, started)


def tell(corpus: Corpus, seed: int, name: str, started: float) -> None:
    split = split_corpus(corpus, seed=seed)
    logits = encode_wide(corpus, split, WHOLE_TEXT, seed).logits
    figures = []
    for side in ("validation", "test"):
        rows = split.side(side)
        found = evaluate(corpus.labels[rows], logits[rows])
        figures.append(f"{found.loss:.3f} | {found.accuracy:.3f} | {found.macro_f1:.3f}")
    print(f"| {seed} | {name} | {' | '.join(figures)} | {time.process_time() - started:.1f} |", flush=True)


if __name__ == "__main__":
    main()
