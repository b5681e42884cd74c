"""Raw texts to a model's inputs, and its answers: needs NumPy and what runs the model, nothing of Topknot.

python reader.py "a text to classify"
"""

import importlib.util
import json
import sys
import zlib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def beside(name):
    """A module of this folder; those of another one's reader have the same names."""
    spec = importlib.util.spec_from_file_location(f"{HERE}/{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNTIME, TOKENIZER = beside("runtime"), beside("tokenizer")
ABOUT = json.loads((HERE / "about.json").read_text(encoding="utf-8"))
IDS = {
    token: number for number, token in enumerate(json.loads((HERE / "vocabulary.json").read_text(encoding="utf-8")), start=2)
}
NGRAMS = np.load(HERE / "ngrams.npz", allow_pickle=False) if ABOUT["wide"] else None
COLUMNS = {} if NGRAMS is None else {int(code): column for column, code in enumerate(NGRAMS["codes"])}
TOGETHER = 32  # texts that are laid side by side, each as long as the longest of them
IDF = None if NGRAMS is None else NGRAMS["idf"]


def ngrams(tokens, pieces):
    """A text's n-grams: column numbers from 1 and their TF-IDF weights; words and pairs of length 1 together, so characters."""
    crc = [zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in tokens]
    words = [*crc, *(((left * 0x9E3779B1 + right) & 0xFFFFFFFF) | 1 << 32 for left, right in zip(crc, crc[1:]))]
    marked = [f" {piece} " for piece in pieces]
    runs = [run[at : at + size] for run in marked for size in (3, 4, 5) for at in range(len(run) - size + 1)]
    characters = [zlib.crc32(run.encode("utf-8", "surrogatepass")) | 2 << 32 for run in runs]
    found, weights = [len(COLUMNS)], [1.0]  # the last stands in every text
    for group in (words, characters):
        counts = Counter(column for code in group if (column := COLUMNS.get(code)) is not None)
        values = np.array([(1 + np.log(count)) * IDF[column] for column, count in counts.items()])
        found += [column + 1 for column in counts]
        weights += (values / max(np.sqrt((values**2).sum()), 1e-12)).tolist()
    return found, weights


def new_words(tokens, ids):
    """Words that some of the model's networks have no vector for: their parts, and where they stand, counted from 1."""
    numbers = defaultdict(lambda: len(numbers) + 1)
    places = [
        [numbers[token] if number == 1 or number >= ABOUT["parts"]["known"] else 0 for token, number in zip(one, row)] or [0]
        for one, row in zip(tokens, ids)
    ]
    parts = np.zeros((max(1, len(numbers)), ABOUT["parts"]["most"]), np.int32)
    for row, token in zip(parts, numbers):
        found = word_parts(token)
        row[: len(found)] = found
    return {"new_words": padded(places, np.int32), "word_parts": parts}


def word_parts(token):
    """What a word's runs of characters are hashed to, counted from 1."""
    marked = f"<{token[: ABOUT['parts']['looked_at']]}>"
    shortest, longest = ABOUT["parts"]["lengths"]
    runs = {marked[at : at + size] for size in range(shortest, longest + 1) for at in range(len(marked) - size + 1)}
    hashes = sorted(zlib.crc32(run.encode("utf-8", "surrogatepass")) for run in runs)
    return list(dict.fromkeys(number % ABOUT["parts"]["buckets"] + 1 for number in hashes))[: ABOUT["parts"]["most"]]


def inputs(texts):
    """What the model reads: arrays by the names of its inputs."""
    tokens = [TOKENIZER.tokenize(text, ABOUT["limit"]) for text in texts]
    ids = [[IDS.get(token, 1) for token in one[: ABOUT["time"]]] or [1] for one in tokens]
    arrays = {"tokens": padded(ids, np.int32)}
    if ABOUT["parts"]:
        arrays |= new_words(tokens, ids)
    if ABOUT["wide"]:
        pieces = [TOKENIZER.split_pieces(text, ABOUT["limit"]) for text in texts]
        found, weights = zip(*map(ngrams, tokens, pieces))
        arrays |= {"ngrams": padded(found, np.int32), "ngram_weights": padded(weights, np.float32)}
    return arrays


def padded(rows, dtype):
    """Rows of one length, with zeros to the right."""
    array = np.zeros((len(rows), max(map(len, rows))), dtype)
    for row, values in zip(array, rows):
        row[: len(values)] = values
    return array


def probabilities(texts):
    """Of each label in ABOUT["classes"], for each text: float32 (texts, classes)."""
    parts = [RUNTIME.run(inputs(texts[first : first + TOGETHER])) for first in range(0, len(texts), TOGETHER)]
    return np.concatenate([np.zeros((0, len(ABOUT["classes"])), np.float32), *parts])


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(f"usage: python {sys.argv[0]} TEXT ...")
    for text, row in zip(sys.argv[1:], probabilities(sys.argv[1:])):
        print(f"{ABOUT['classes'][row.argmax()]}\t{row.max():.4f}\t{text}")
