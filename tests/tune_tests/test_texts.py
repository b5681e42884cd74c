"""Texts to classify, as `predict` is given them."""

import gzip
import io
from pathlib import Path

import pytest

from data.errors import InputError
from tune.texts import read_texts


@pytest.fixture(params=["texts", "texts.GZ", "-"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "-" if request.param == "-" else str(tmp_path / request.param)


def put(source: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == "-":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    else:
        Path(source).write_bytes(gzip.compress(content) if source.endswith(".GZ") else content)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        pytest.param(b"one\ntwo\n", ["one", "two"], id="lines"),
        pytest.param(b"one\ntwo", ["one", "two"], id="no newline at the end"),
        pytest.param(b"one\r\ntwo\r\n", ["one", "two"], id="newlines of Windows"),
        pytest.param(b"one\n\n two \n\n", ["one", "", " two ", ""], id="empty lines"),
        pytest.param(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n", ["one", "\ufefftwo"], id="a byte order mark, and what is none"),
        pytest.param("a\rb\x0bc\u2028d\n".encode(), ["a\rb\x0bc\u2028d"], id="ends of lines to others"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_each_line_is_a_text(source: str, content: bytes, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(source, content, monkeypatch)
    assert read_texts(source, None) == texts


def test_bytes_that_are_no_text_are_told_with_their_line(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(source, b"one\nna\xefve\n", monkeypatch)
    with pytest.raises(InputError, match=r"(texts|texts\.GZ|stdin), line 2: byte 0xef is not UTF-8; give UTF-8 text\.$"):
        read_texts(source, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(gzip.compress(b"one\n" * 99)[:-9], "is not a whole gzip file", id="cut short"),
        pytest.param(b"one\n", "is not a whole gzip file", id="not packed"),
        pytest.param(None, "cannot be read: No such file or directory", id="not there"),
    ],
)
def test_an_archive_that_is_not_whole_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "texts.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path} {message}"):
        read_texts(str(path), None)


@pytest.mark.parametrize("end", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".CSV", ".jsonl.gz", ".TSV.GZ"])
def test_a_file_with_columns_needs_the_name_of_one(end: str) -> None:
    with pytest.raises(InputError, match=rf"^rows{end} has columns; name that of the texts with --text\.$"):
        read_texts(f"rows{end}", None)


@pytest.mark.parametrize("end", [".json", ".JSON", ".json.gz"])
def test_json_is_to_be_written_as_lines(end: str) -> None:
    with pytest.raises(InputError, match=rf"^rows{end} is JSON; write a file that ends in \.jsonl, .* with --text\.$"):
        read_texts(f"rows{end}", None)


def test_stdin_has_no_columns() -> None:
    with pytest.raises(InputError, match=r"^--text names a column of a file; stdin is plain text, a text a line"):
        read_texts("-", "text")


def test_of_a_column_what_is_missing_is_empty_and_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"body": "one"}\n{"body": null}\n')
    assert read_texts(str(path), "body") == ["one", ""]
    path.write_text('{"body": "one"}\n{"body": 2}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl, line 2: column 'body' holds int '2'; a text is needed\.$"):
        read_texts(str(path), "body")
