"""Bombs: files that are small, or endless, and would fill the memory."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.corpus import read_corpus
from data.errors import InputError
from data.measured import read_document

READ = """
import sys
from contextlib import suppress
from pathlib import Path
import data.files, data.measured, data.parquet_pages
from data.corpus import read_corpus
from data.errors import InputError
data.measured.LONGEST_ROW = data.measured.SMALL = 2**20
data.measured.MOST_SQUEEZED = 2
data.parquet_pages.BYTES = 2**20

def highest():
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)

for path in sys.argv[1:]:
    with suppress(OSError):  # else the highest of all files so far
        Path("/proc/self/clear_refs").write_text("5")
    before = highest()
    try:
        read_corpus(path)
    except InputError as error:
        print((highest() - before) // 2**10, error)
"""
"""Reads files with small limits; prints the MiB that each has taken, 0 where no Linux tells, and what is wrong with it."""
SIZE, MOST = 2**26, 40
"""Bytes that come out of each file, and MiB that reading may take."""
LINE = b"x" * 2**20
OUT, ROW = "MiB come out of its", "it does not end within 1 MiB"


def zipped(head: bytes, piece: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(head)
            file.writelines(piece for _ in range(SIZE // len(piece)))

    return write


def plain(head: bytes, piece: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(head + piece * (SIZE // len(piece))) and None


def table(texts: pa.Array, **options: object) -> Callable[[Path], None]:
    columns = [texts, pa.array(["a", "b"] * (len(texts) // 2))]
    options = {"compression": "zstd", "store_schema": False} | options
    return lambda path: pq.write_table(pa.table(columns, ["text", "label"]), path, **options)


EQUAL = pa.DictionaryArray.from_arrays(pa.array([0] * (SIZE // 16), pa.int32()), ["word"])
AGAIN = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), ["x" * 2**19])
GROWING = pa.array(["x" * 2**18 + str(row) for row in range(256)])
PLAIN, DELTA = {"use_dictionary": False}, {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}
BOMBS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "gzip: a line without end": (".csv.gz", zipped(b"text,label\n", LINE), ROW),
    "gzip: a line that is not UTF-8": (".csv.gz", zipped(b"text,label\n\xff", LINE), ROW),
    "gzip: rows without end": (".csv.gz", zipped(b"text,label\n", b"word,a\n" * 2**16), OUT),
    "gzip: blank lines without end": (".tsv.gz", zipped(b"text\tlabel\n", b"\n" * 2**20), OUT),
    "gzip: JSON without end": (".jsonl.gz", zipped(b'{"text": "', LINE), ROW),
    "gzip: Parquet without end": (".parquet.gz", zipped(b"PAR1", LINE), OUT),
    "a line without end": (".csv", plain(b"text,label\nx,a\n", LINE), f"row 2: {ROW}"),
    "a header without end": (".csv", plain(b"text", LINE), f"row 1: {ROW}"),
    "a quote without end": (".csv", plain(b'text,label\n"', b"x\n" * 2**19), f"row 1: {ROW}"),
    "fields without end": (".csv", plain(b"text,label\n", b'"\n",' * 2**18), f"row 1: {ROW}"),
    "a line that is not UTF-8": (".csv", plain(b"text,label\n\xff", LINE), f"row 2: {ROW}"),
    "JSON without end": (".jsonl", plain(b'{"text": "', LINE), f"row 1: {ROW}"),
    "equal rows": (".parquet", table(EQUAL), OUT),
    "a dictionary of one long text": (".parquet", table(pa.array(["x" * SIZE, "y"])), OUT),
    "one long text": (".parquet", table(pa.array(["x" * SIZE, "y"]), **PLAIN), OUT),
    "one long text in all rows": (".parquet", table(AGAIN), OUT),
    "one long text in all rows, categorical": (".parquet", table(AGAIN, store_schema=True), OUT),
    "long texts": (".parquet", table(GROWING, **PLAIN), OUT),
    "texts that each begin with the one before": (".parquet", table(GROWING, **DELTA), OUT),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("bombs")
    paths = {name: folder / f"{number}{suffix}" for number, (name, (suffix, _, _)) in enumerate(BOMBS.items())}
    for name, path in paths.items():
        BOMBS[name][1](path)
    done = subprocess.run([sys.executable, "-c", READ, *map(str, paths.values())], capture_output=True, text=True, check=True)
    return dict(zip(paths, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_would_fill_the_memory_is_refused_before_it_does(answers: dict[str, str], name: str) -> None:
    grown, said = answers[name].split(maxsplit=1)
    assert BOMBS[name][2] in said
    assert int(grown) < MOST


def test_what_is_large_and_meant_is_read(tmp_path: Path) -> None:
    long = "word " * 2**19
    rows = [("é" * 2**19, "a"), (long, "b")] + [("word", "a")] * 20_000
    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    for suffix in (".parquet", ".csv.gz", ".jsonl.gz"):
        path = tmp_path / f"rows{suffix}"
        if suffix == ".parquet":
            pq.write_table(table, path)
        else:
            lines = [f"{text},{label}" for text, label in [("text", "label"), *rows]]
            if suffix == ".jsonl.gz":
                lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
            path.write_bytes(gzip.compress("\n".join(lines).encode()))
        corpus = read_corpus(path)
        assert (len(corpus), corpus.texts[1]) == (20_002, long)


def test_texts_that_take_more_than_half_of_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.measured.all_memory", lambda: 2**20)
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "a text of some length,a\n" * 9999)
    with pytest.raises(InputError, match=r"row \d+ \(line \d+\): the texts up to there take more than half of the memory"):
        read_corpus(path)


def test_a_document_of_more_than_its_kind_may_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("x" * 2049)
    with pytest.raises(ValueError, match="larger than 2 KiB"):
        read_document(tmp_path / "x.json", 2048)
    assert len(read_document(tmp_path / "x.json", 2049)) == 2049
