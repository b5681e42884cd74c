"""A few of the inputs of benchmarks/fuzz.py, the same each time: a right result or one clear error, whatever a file holds."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing.readers import READERS
from fuzzing.tables import SUFFIXES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.corpus import corpus_from_lists, read_corpus
from data.errors import InputError
from data.vectors import vector_length
from data.vocabulary import Vocabulary

FILES = [name for name in READERS if name.startswith(SUFFIXES)] + ["plain texts", "word vectors"]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40)
@given(rng=st.randoms(use_true_random=True))
def test_a_file_is_read_as_it_was_written_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, rng: random.Random
) -> None:
    try:
        READERS[name](rng, tmp_path_factory.getbasetemp())
    except InputError as error:
        assert str(error)  # noqa: PT017 - it need not be raised


@given(st.text(min_size=1).map(str.strip).filter(bool), st.sampled_from(["text", "label"]))
@example("\ud83d", "text")
@example("cut \ud83d", "label")
def test_half_of_a_character_is_refused_and_a_whole_one_is_not(
    tmp_path_factory: pytest.TempPathFactory, value: str, column: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.jsonl"
    rows = [{"text": "x", "label": "a"}, {"text": "y", "label": "b", column: value}]
    path.write_text("\n".join(map(json.dumps, rows)))
    try:
        value.encode()
    except UnicodeEncodeError:
        for make in (
            lambda: read_corpus(path),
            lambda: corpus_from_lists([row["text"] for row in rows], [row["label"] for row in rows]),
        ):
            with pytest.raises(InputError, match=rf"(line 2|row 1): the {column} holds \\ud83d, half of a character"):
                make()
    else:
        if column == "text":
            assert read_corpus(path).texts[1] == value


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_bytes_that_are_not_utf_8_in_a_gzip_file_that_is_not_whole_are_refused(tmp_path: Path, damage: str) -> None:
    content = gzip.compress(b"text,label\n\xff,a")  # its end is met in search of the line's
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(content[:-9] if damage == "cut" else content[:-8] + bytes(4) + content[-4:])
    with pytest.raises(InputError, match="is not a whole gzip file"):
        read_corpus(path)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="File name too long"):
        read_corpus(tmp_path / f"{'x' * 5000}.csv")


def test_a_number_of_5000_digits_is_no_count_of_vectors(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(b"9" * 5000 + b" 2\nword 1 2\n")
    assert vector_length(tmp_path / "vectors") == 1, "it is a word and its vector"


@pytest.mark.parametrize(
    "document",
    [
        {"tokens": ["a", ["b"]], "counts": [2, 2]},
        {"tokens": ["a", "a"], "counts": [2, 2]},
        {"tokens": ["a"], "counts": [2, 2]},
        {"tokens": ["a"], "counts": [2.5, None]},
        {"tokens": ["a"], "counts": [10**30]},
        {"tokens": 3, "counts": []},
        [],
    ],
)
def test_what_is_no_vocabulary_is_not_taken_for_one(document: object) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        Vocabulary.of_json(document)


FLIPS = """
import sys
from pathlib import Path
from data.corpus import read_corpus
from data.errors import InputError
path = Path(sys.argv[1])
whole = path.read_bytes()
for place in range(len(whole)):
    for flip in (1, 2, 24, 255):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        try:
            read_corpus(path)
        except InputError:
            pass
"""


def test_no_byte_of_a_parquet_file_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["x", "y", "x y"], "label": ["a", "b", "a"]}), path)
    done = subprocess.run([sys.executable, "-c", FLIPS, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]  # pyarrow's own metadata of a chunk end it: C++ that raises
