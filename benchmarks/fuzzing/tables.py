"""Files of labelled texts of every kind that a table may be of, and what reading them must come to."""

import csv
import gzip
import io
import json
import math
import random
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from fuzzing.mutation import mutated

from data.corpus import Corpus, read_corpus
from data.dataset import encode_corpus
from data.errors import InputError
from data.small_classes import without_small_classes
from data.split import split_corpus
from tune.texts import read_texts

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet.gz")
PIECES = (
    *(
        "word",
        "two words",
        "driver's",
        "c++",
        "3.5",
        "=1+1",
        "a,b;c\td",
        'say "so"',
        "line\nbreak",
        "cr\rhere",
        "\r\n",
        "'",
        "\\",
    ),
    *(
        "\U0001f600",
        "\U0001f469\u200d\U0001f52c",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u202eabc",
        "e\u0301\u0323",
        "\u0301" * 20,
        "\ufeff",
    ),
    *("\x00", "\x1b[2J", "\u2028", "\u3000", "\u00a0", "\u65e5\u672c\u8a9e", "\u0e20\u0e32", "<script>", "\ufdfa", "x" * 200),
)
TYPES = (pa.string(), pa.large_string(), pa.int64(), pa.float64(), pa.bool_(), pa.binary(), pa.date32(), pa.null())


class Table(NamedTuple):
    """Rows, and the text and label of each that a corpus must hold; None where it must be refused."""

    content: bytes
    expected: list[tuple[str, str]] | None


def text_of(rng: random.Random) -> str:
    """Returns a text of pieces; now and then an empty one."""
    return rng.choice(("", " ")).join(rng.choice(PIECES) for _ in range(rng.choice((0, 1, 1, 2, 3, 8))))


def labels_of(rng: random.Random, rows: int) -> list[Any]:
    """Returns the labels of so many rows, all of one kind."""
    match rng.randrange(16):
        case 0:
            return [rng.randint(-2, 3) for _ in range(rows)]
        case 1:
            return [rng.choice((0.0, 1.5, -0.0, math.inf)) for _ in range(rows)]
        case 2:
            return [rng.random() < 0.5 for _ in range(rows)]
        case 3:
            return [rng.choice((None, "a", "b")) for _ in range(rows)]
        case 4:
            return [rng.choice((" ", "a", " a ", "\ta", "\u3000b")) for _ in range(rows)]
        case 5:
            return [f"class {row}" for row in range(rows)]
        case 6:
            return ["one"] * rows
        case 7:
            return [text_of(rng) for _ in range(rows)]
        case 8:
            return [rng.choice(("a", "b", 1, True, None, 0.5, math.nan, ["a"], {"b": 1}, nested(rng))) for _ in range(rows)]
    return [rng.choice(("a", "b", "c")) for _ in range(rows)]


def nested(rng: random.Random) -> Any:
    """Returns a list in a list in a list."""
    value: Any = 1
    for _ in range(rng.choice((1, 5, 300))):
        value = [value]
    return value


def table(rng: random.Random, kind: str) -> Table:
    """Returns the content of a file as programs write it."""
    rows = rng.choice((0, 1, 2, 5, 12, 12, 40))
    texts: list[Any] = [
        f"{text_of(rng)} {rng.choice(('', f'row{row}'))}" if rng.random() < 0.9 else text_of(rng) for row in range(rows)
    ]
    if rng.random() < 0.85:
        texts = [text if text and not text.isspace() else f"text {row}" for row, text in enumerate(texts)]
    labels = labels_of(rng, rows)
    if kind in {".csv", ".tsv"}:
        labels = ["" if label is None else str(label) for label in labels]
        out = io.StringIO(newline="")
        line_end = rng.choice(("\n", "\r\n"))
        writer = csv.writer(
            out,
            delimiter="," if kind == ".csv" else "\t",
            lineterminator=line_end,
            quoting=rng.choice((0, 1)) if line_end == "\r\n" else 1,
        )
        writer.writerow(["text", "label"])
        writer.writerows(zip(texts, labels, strict=True))
        content = out.getvalue().encode(rng.choice(("utf-8", "utf-8-sig")))
    elif kind == ".jsonl":
        if rng.random() < 0.05:
            texts = [rng.choice((text, text + "\ud83d", 3, None)) for text in texts]
            labels = [rng.choice((label, "\udc00")) for label in labels]
        records = [{"text": text, "label": label, "more": 1} for text, label in zip(texts, labels, strict=True)]
        lone = any("\ud83d" in str(text) for text in texts) or "\udc00" in labels
        content = "\n".join(json.dumps(one, ensure_ascii=lone or rng.random() < 0.5) for one in records).encode()
    else:
        try:
            arrays = [pa.array(texts, TYPES[rng.randrange(2)]), pa.array(labels, rng.choice((None, None, *TYPES)))]
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            arrays = [pa.array(texts, pa.string()), pa.array(list(map(str, labels)), pa.string())]
        if rng.random() < 0.1:
            arrays[1] = (
                arrays[1].cast(pa.string(), safe=False).dictionary_encode()
                if rows and not pa.types.is_nested(arrays[1].type)
                else arrays[1]
            )
        labels, texts = arrays[1].to_pylist(), arrays[0].to_pylist()
        sink = io.BytesIO()
        pq.write_table(pa.table(arrays, ["text", "label"]), sink, compression=rng.choice(("none", "snappy", "zstd", "gzip")))
        content = sink.getvalue()
    return Table(content, expected(texts, labels))


def expected(texts: list[Any], labels: list[Any]) -> list[tuple[str, str]] | None:
    """Says what a corpus of such rows holds, or that it must be refused, by the words of the documentation alone."""
    rows = []
    for text, label in zip(texts, labels, strict=True):
        whole = isinstance(label, float) and label.is_integer()
        name = "" if label is None or label != label else str(int(label) if whole else label).strip()  # noqa: PLR0124 - NaN
        name = unicodedata.normalize("NFC", name)
        if (
            not isinstance(text, str)
            or not text.strip()
            or not name
            or isinstance(label, list | dict | bytes)
            or any("\ud800" <= sign <= "\udfff" for sign in text + name)
        ):
            return None
        rows.append((text, name))
    return rows if len({name for _, name in rows}) > 1 else None


def zipped(content: bytes, suffix: str) -> bytes:
    """Packs the content of a file whose name ends in .gz."""
    return gzip.compress(content, 1, mtime=0) if suffix.endswith(".gz") else content


def read_whole(rng: random.Random, folder: Path, suffix: str) -> None:
    """A whole file is read as it was written, or refused for what is in it."""
    written = table(rng, suffix.removesuffix(".gz"))
    path = folder / f"rows{suffix}"
    path.write_bytes(zipped(written.content, suffix))
    try:
        corpus = read_corpus(path)
    except ValueError:
        assert written.expected is None, "rows that are right were refused"
        raise
    found = [(text, corpus.classes[label]) for text, label in zip(corpus.texts, corpus.labels, strict=True)]
    assert found == written.expected, "the corpus does not hold what the file holds"
    use(rng, corpus)


def read_damaged(rng: random.Random, folder: Path, suffix: str) -> None:
    """A damaged file, damaged before or after it was packed."""
    content = table(rng, suffix.removesuffix(".gz")).content
    content = mutated(rng, zipped(content, suffix)) if rng.random() < 0.5 else zipped(mutated(rng, content), suffix)
    path = folder / f"rows{suffix}"
    path.write_bytes(content)
    group = rng.choice((None, None, None, "more"))
    if rng.random() < 0.2:
        assert all(isinstance(text, str) for text in read_texts(str(path), "text"))
        return
    use(rng, read_corpus(path, group=group, drop_unlabelled=rng.random() < 0.3, drop_empty=rng.random() < 0.3))


def read_plain(rng: random.Random, folder: Path) -> None:
    """Plain text, as `predict` takes it: a text a line, whatever is in it."""
    content = "\n".join(text_of(rng) for _ in range(rng.randint(0, 5))).encode()
    path = folder / "texts"
    path.write_bytes(mutated(rng, content) if rng.random() < 0.6 else content)
    texts = read_texts(str(path), None)
    assert len(texts) == len(path.read_bytes().removesuffix(b"\n").split(b"\n")) or texts == []


def use(rng: random.Random, corpus: Corpus) -> None:
    """What is done with every corpus: split, encoded, named."""
    assert len(corpus.texts) == len(corpus.labels) >= 2
    assert list(corpus.classes) == sorted(set(corpus.classes))
    assert set(corpus.labels.tolist()) == set(range(len(corpus.classes)))
    json.dumps([*corpus.classes, *corpus.texts], ensure_ascii=False).encode()
    assert len(corpus.fingerprint()) == 32
    try:
        corpus = without_small_classes(corpus, rng.choice(("refuse", "fold", "drop")))
        split = split_corpus(corpus, seed=rng.randrange(4))
    except InputError:  # too small to be split
        return
    rows = sorted([*split.train, *split.validation, *split.test])
    assert rows == list(range(len(corpus)))
    dataset, vocabulary = encode_corpus(corpus, split, 50)
    assert len(dataset.tokens) == len(corpus)
    vocabulary.to_json().encode()
