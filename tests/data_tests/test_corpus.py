import gzip
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data.parquet_file
from data.corpus import Corpus, corpus_from_frame, corpus_from_lists, read_corpus
from data.csv_file import _Swallowed
from data.errors import InputError
from data.files import read_records
from data.industries import read_industries
from data.small_classes import without_small_classes

ROWS = [
    ("C++ coder", "it", "g1"),
    ('says "hi",\nthen goes', "arts", "g1"),
    ("naïve café", "food", "g2"),
    ("baker", "food", "g3"),
]
FRAME = pd.DataFrame(ROWS, columns=["text", "label", "group"])


def write_csv(path: Path) -> None:
    FRAME.to_csv(path, index=False)


def write_tsv(path: Path) -> None:
    FRAME.to_csv(path, index=False, sep="\t")


def write_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in FRAME.to_dict("records")), "utf-8")


def write_parquet(path: Path) -> None:
    FRAME.to_parquet(path)


WRITERS = {".csv": write_csv, ".tsv": write_tsv, ".jsonl": write_jsonl, ".ndjson": write_jsonl, ".parquet": write_parquet}


def assert_is_the_corpus(corpus: Corpus) -> None:
    assert list(corpus.texts) == [text for text, _, _ in ROWS]
    assert corpus.classes == ("arts", "food", "it")
    assert corpus.labels.tolist() == [2, 0, 1, 1]
    assert corpus.labels.dtype == np.int32
    assert corpus.groups is not None
    assert corpus.groups.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_holds_the_same_corpus(tmp_path: Path, suffix: str, zipped: bool) -> None:
    path = tmp_path / f"jobs.v1{suffix}"
    WRITERS[suffix](path)
    if zipped:
        whole = gzip.compress(path.read_bytes())
        path = path.with_name(path.name + ".gz")
        path.write_bytes(whole)
    assert_is_the_corpus(read_corpus(path, group="group"))


def test_a_frame_and_lists_hold_it_too() -> None:
    assert_is_the_corpus(corpus_from_frame(FRAME, group="group"))
    assert_is_the_corpus(corpus_from_lists(*map(list, zip(*ROWS, strict=True))))


@pytest.mark.parametrize("delimiter", [";", "\t"], ids=["semicolon", "tab"])
def test_a_csv_by_a_spreadsheet_is_read_with_the_delimiter_that_its_header_shows(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "jobs.csv"
    path.write_bytes(b"\xef\xbb\xbf" + FRAME.to_csv(index=False, sep=delimiter).encode())
    assert_is_the_corpus(read_corpus(path, group="group"))


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("\n\r\ntext;label;group\n", id="blank lines"),
        pytest.param("sep=;\r\ntext;label;group\r\n", id="Excel's first line"),
        pytest.param('"no\nte";text;label;group\n', id="a line end in a name"),
        pytest.param('no 5";text;label;group\n', id="a quote within a name"),
        pytest.param('\ufeffsep=;\n\n"no\r\n\r\nte; or two";text;label;group\n', id="all of them"),
    ],
)
def test_what_spreadsheets_write_before_the_rows_is_understood(tmp_path: Path, head: str) -> None:
    note = "x;" if "no" in head else ""
    rows = "".join(f'{note}"text {row}; on";{"ab"[row % 2]};g{row}\n' for row in range(4))
    (tmp_path / "jobs.csv").write_bytes((head + rows + f"{note}one too many;a;b;c\n").encode())
    lines = head.count("\n")
    with pytest.raises(InputError, match=rf"row 5 \(line {lines + 5}\): . fields where the header has"):
        read_corpus(tmp_path / "jobs.csv", group="group")
    (tmp_path / "jobs.csv").write_bytes((head + rows).encode())
    corpus = read_corpus(tmp_path / "jobs.csv", group="group")
    assert list(corpus.texts) == [f"text {row}; on" for row in range(4)]
    assert corpus.classes == ("a", "b")


@pytest.mark.parametrize("order", [(0, 4), (4, 0), (0, 4, 0)])
def test_parquet_may_have_groups_of_no_rows(tmp_path: Path, order: tuple[int, ...]) -> None:
    table = pa.table({"text": [f"text {row}" for row in range(4)], "label": list("abab")})
    with pq.ParquetWriter(tmp_path / "jobs.parquet", table.schema) as writer:
        for rows in order:
            writer.write_table(table.slice(0, rows))
    assert list(read_corpus(tmp_path / "jobs.parquet").texts) == table["text"].to_pylist()
    pq.write_table(table.slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises(InputError, match="has no rows"):
        read_corpus(tmp_path / "none.parquet")


def test_categories_are_read_as_what_they_are_in_parts_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"text": [f"text {row % 50}" for row in range(200)], "label": list("ab") * 100})
    frame.astype("category").to_parquet(tmp_path / "jobs.parquet")
    monkeypatch.setattr("data.parquet_pages.BYTES", 2_000)
    parts: list[int] = []
    values = data.parquet_file._values
    monkeypatch.setattr(
        "data.parquet_file._values", lambda path, part, *rest: parts.append(len(part)) or values(path, part, *rest)
    )
    corpus = read_corpus(tmp_path / "jobs.parquet")
    assert list(corpus.texts) == frame["text"].tolist()
    assert max(parts) < 10, "of few rows, as each of their texts may be the largest"


def test_a_csv_that_excel_says_is_parted_by_tabs(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("sep=\t\r\ntext\tlabel\r\na\tx\r\nb\ty\r\n")
    assert list(read_corpus(tmp_path / "jobs.csv").texts) == ["a", "b"]


@pytest.mark.parametrize("head", ["", "sep=;\n"])
def test_a_column_that_lacks_is_told_beside_those_that_the_header_shows_by_its_own_delimiter(tmp_path: Path, head: str) -> None:
    (tmp_path / "jobs.csv").write_text(f"{head}description;industry\nbaker;food\n")
    with pytest.raises(InputError, match=r"no column 'text'; its columns are 'description', 'industry'\."):
        read_corpus(tmp_path / "jobs.csv")


def test_a_line_of_spaces_is_no_row_but_where_there_is_one_column_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("text,label\nbaker,food\n   \ncoder,it\n")
    assert read_corpus(path).texts == ["baker", "coder"]
    path.write_text("text\nbaker\n   \ncoder\n")
    assert [values for _, values in read_records(path, ["text"])] == [("baker",), ("   ",), ("coder",)]


def test_blank_lines_without_end_are_no_header(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("\n" * 5_000 + "text,label\na,x\nb,y\n")
    with pytest.raises(InputError, match="is empty"):
        read_corpus(tmp_path / "jobs.csv")


def test_names_with_a_dot_are_names(tmp_path: Path) -> None:
    table = pa.table({"job": pa.array(["x", "y"]).dictionary_encode(), "job.title": ["a", "b"], "label": ["c", "d"]})
    pq.write_table(table, tmp_path / "jobs.parquet")
    assert list(read_corpus(tmp_path / "jobs.parquet", text="job.title").texts) == ["a", "b"]


def test_a_date_that_is_none_is_named(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "label": pa.array([2**62, 0], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "jobs.parquet")
    with pytest.raises(InputError, match="rows 1 to 2: column 'label' holds a value that cannot be read"):
        read_corpus(tmp_path / "jobs.parquet")


def test_labels_of_any_scalar_kind_become_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "label": 3}\n\n{"text": "b", "label": true}\n{"text": "c", "label": " x "}\n')
    assert read_corpus(path).classes == ("3", "True", "x")


cells = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not text.isspace())


@given(st.lists(cells, min_size=2, max_size=8))
def test_any_text_comes_back_from_csv_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    frame = pd.DataFrame({"text": texts, "label": [str(index % 2) for index in range(len(texts))]})
    with path.open("w", encoding="utf-8", newline="") as file:
        frame.to_csv(file, index=False, quoting=1)
    assert list(read_corpus(path).texts) == texts


def bad(content: bytes | str, name: str = "jobs.csv") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def lists(folder: Path) -> Path:
    pq.write_table(pa.table({"text": [["a"], ["b"]], "label": ["a", "b"]}), folder / "jobs.parquet")
    return folder / "jobs.parquet"


def not_utf_8(folder: Path) -> Path:
    offsets = pa.py_buffer(np.array([0, 2, 5], np.int32))
    texts = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"ok\xff\xfeb")])
    pq.write_table(pa.table({"text": texts, "label": ["a", "b"]}), folder / "jobs.parquet")
    return folder / "jobs.parquet"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda folder: folder / "none.csv", "does not exist", id="missing"),
        pytest.param(lambda folder: folder, "folder", id="a folder"),
        pytest.param(bad("x", "jobs.doc"), "must end in .csv", id="unknown format"),
        pytest.param(bad(""), "is empty", id="empty file"),
        pytest.param(bad("text,label\n"), "has no rows", id="header only"),
        pytest.param(bad("a,b\n1,2\n"), "has no column 'text'; its columns are 'a', 'b'", id="missing column"),
        pytest.param(bad("text,label,text\n1,2,3\n"), "has 2 columns 'text'", id="ambiguous column"),
        pytest.param(bad('{"text": "a", "label": ' + "9" * 5000 + "}", "jobs.jsonl"), "line 1: not JSON", id="huge number"),
        pytest.param(bad("text,label\nx,a\ny,\n"), "row 2 (line 3): the label is empty", id="empty label"),
        pytest.param(bad("text,label\nx,a\n  ,b\n"), "row 2 (line 3): the text is empty", id="empty text"),
        pytest.param(bad("text,label\nx,a\ny,a\n"), "every label in column 'label' is 'a'", id="one class"),
        pytest.param(bad("text,label\nx,a\ny,a,b\n"), "row 2 (line 3): 3 fields where the header has 2", id="too many fields"),
        pytest.param(bad("text,label\nx,a\ny\n"), "row 2 (line 3): 1 fields where the header has 2", id="too few fields"),
        pytest.param(bad("text,label\nx,a\ny\n"), "A field that holds a line end must stand in", id="a line end"),
        pytest.param(bad("Text ,label\nx,a\n"), "columns are 'Text ', 'label'. Was 'Text ' meant?", id="misspelt column"),
        pytest.param(bad(f"{'good ' * 99},1\nx,a\n"), f"are '{'good ' * 8}'..., '1'. Does its first line name", id="no header"),
        pytest.param(lists, "column 'text' holds lists; one value a row is needed", id="Parquet, lists"),
        pytest.param(bad('text,label\n"x\ny",a\n"z,b\n'), "row 2 (line 4): unexpected end of data", id="open quote"),
        pytest.param(bad(b"text,label\nok,a\nx\xff,b\n"), "line 3: byte 0xff at column 2 is not UTF-8", id="not UTF-8"),
        pytest.param(bad("text,label\nx,a\n".encode("utf-16")), "is UTF-16", id="UTF-16"),
        pytest.param(bad('{"text": "a", "label": "b"}\n{oops\n', "jobs.jsonl"), "line 2: not JSON", id="not JSON"),
        pytest.param(bad("[1]\n", "jobs.jsonl"), "line 1: not a JSON object", id="JSON, but no object"),
        pytest.param(bad('{"text": "a"}\n', "jobs.jsonl"), "line 1: no field 'label'", id="missing field"),
        pytest.param(bad('{"text": 3, "label": "b"}\n', "jobs.jsonl"), "line 1: column 'text' holds int", id="text a number"),
        pytest.param(bad('{"text": "x", "label": ["a", "b"]}\n', "jobs.jsonl"), "line 1: the label is list", id="two labels"),
        pytest.param(not_utf_8, "column 'text' holds a value that is not UTF-8", id="Parquet, not UTF-8"),
        pytest.param(bad("x", "jobs.parquet"), "is not a Parquet file", id="not Parquet"),
        pytest.param(bad("x", "jobs.csv.gz"), "is not a whole gzip file", id="not gzip"),
        pytest.param(bad(gzip.compress(b"text,label\n" * 9999)[:-20], "jobs.csv.gz"), "not a whole gzip", id="cut gzip"),
    ],
)
def test_bad_input_is_refused_with_its_place_and_a_remedy(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError) as caught:
        read_corpus(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param(
            "sms.tsv",
            'label\ttext\nham\tone\nspam\ttwo\nham\t"hello\nspam\tthree\nham\tfour "\nspam\tfive\n',
            "row 3 (lines 4 to 6)",
            id="texts last",
        ),
        pytest.param(
            "sms.tsv", 'text\tlabel\none\tham\ntwo\tspam\n"hello\tham\nthere"\tspam\n', "row 3 (lines 4 to 5)", id="texts first"
        ),
        pytest.param(
            "sms.csv", 'text,label\none,ham\ntwo,spam\n"hello,ham\nsee,spam\nyou",spam\n', "row 3 (lines 4 to 6)", id="commas"
        ),
    ],
)
def test_rows_that_an_open_quote_makes_one_field_of_are_not_taken_for_a_text(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read_corpus(tmp_path / name)
    assert f"{name}, {told}: a quote that nothing closes makes one field of" in str(caught.value)


def test_texts_of_several_lines_with_delimiters_in_them_are_texts(tmp_path: Path) -> None:
    texts = [
        "Dear all,\nsee you,\nthe baker",
        "good,ham\nor not",
        "a,b\nspam,spam\nno, not a row",
        "one\ttwo\nham",
        "ham, it is late\nspam, it is cold",
        "costs 3,ham\ninstead of 4,ham\nor 5,ham",
    ]
    frame = pd.DataFrame({"text": ["x", "y", *texts], "label": ["ham", "spam"] * 4})
    for columns in (["text", "label"], ["label", "text"]):
        frame[columns].to_csv(tmp_path / "mails.csv", index=False)
        frame[columns].to_csv(tmp_path / "mails.tsv", index=False, sep="\t")
        for name in ("mails.csv", "mails.tsv"):
            assert read_corpus(tmp_path / name).texts[2:] == texts


def test_looking_for_rows_in_a_field_takes_no_memory_to_speak_of() -> None:
    field, size = "x\tham" + "\n" * 4_000_000, 4_000_000
    swallowed = _Swallowed("\t", 2, [0, 1])
    assert not swallowed.rows(["one", "ham"])
    tracemalloc.start()
    assert not swallowed.rows([field, "spam"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 10


def test_what_was_left_out_and_names_in_doubt_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("text,label\na,IT\nb,it \nc,I T\nd,1\ne,1.0\nf,01\ng,NaN\nh,\ni,\n ,it\n ,\nj,food\nk,n-a\n")
    corpus = read_corpus(path, drop_unlabelled=True, drop_empty=True)
    assert tuple(corpus.told()) == (
        "Rows left out: 3 without a label, 1 without a text",
        (
            "Classes that differ in case, white space or a number's form alone are classes of their own: "
            "'01', '1', '1.0'; 'I T', 'IT', 'it'"
        ),
        "Classes that may stand for missing labels: 'NaN' (1 rows); leave such rows empty, with --drop-unlabelled, if they do",
    )
    many = ["1e400", "2e400", "12345678901234567", "12345678901234568", "x"]
    assert not list(corpus_from_lists(list("abcde"), many).told())


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), pd.NaT, pd.NA, " "])
def test_a_label_or_group_that_is_missing_is_told_as_such(missing: object) -> None:
    with pytest.raises(InputError, match="row 1: the label is empty"):
        corpus_from_lists(["x", "y", "z"], ["a", missing, "b"])
    with pytest.raises(InputError, match="row 2: the group is empty"):
        corpus_from_lists(["x", "y", "z"], ["a", "b", "b"], [1, 2, missing])


@pytest.mark.parametrize("value", [["a"], {"a": 1}, b"a", np.array(["a"])])
def test_a_label_is_one_value(value: object) -> None:
    with pytest.raises(InputError, match=f"row 0: the label is {type(value).__name__}"):
        corpus_from_lists(["x", "y"], [value, "b"])


def test_rows_without_a_label_or_text_are_left_out_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("text,label\nx,a\ny,\n ,b\nz,b\n")
    corpus = read_corpus(path, drop_unlabelled=True, drop_empty=True)
    assert list(corpus.texts) == ["x", "z"]


def test_what_is_no_text_is_refused_though_rows_without_one_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text('{"text": null, "label": "a"}\n{"text": 404, "label": "a"}\n')
    with pytest.raises(InputError, match=r"line 2: column 'text' holds int '404'; a text is needed"):
        read_corpus(path, drop_empty=True)
    path.write_text('{"text": null, "label": "a"}\n{"text": " ", "label": "a"}\n')
    with pytest.raises(InputError, match="none of its 2 rows has both a text and a label"):
        read_corpus(path, drop_empty=True)


def test_json_lines_may_leave_out_fields_that_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_text('{"text": "x"}\n{"label": "a"}\n{"text": "y", "label": "a"}\n{"text": "z", "label": "b"}\n{"text": "w"}\n')
    corpus = read_corpus(path, drop_unlabelled=True, drop_empty=True)
    assert list(corpus.texts) == ["y", "z"]
    assert corpus.row_number(0) == 3
    with pytest.raises(InputError, match=r"line 1: the label is empty.*--drop-unlabelled"):
        read_corpus(path)
    with pytest.raises(
        InputError, match=r"line 1 and the 4 records after it: no field 'Label'; the fields are 'text', 'label'\. Was 'label' m"
    ):
        read_corpus(path, label="Label")


def test_whole_numbers_are_named_alike_whatever_they_are_stored_as(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["x", "y", "z", "w"], "label": [1, None, 2, 2.5], "group": [7, 8.0, 9, 9]})
    frame.to_parquet(tmp_path / "c.parquet")
    corpus = read_corpus(tmp_path / "c.parquet", group="group", drop_unlabelled=True)
    assert corpus.classes == ("1", "2", "2.5")
    assert corpus_from_lists(["x", "y", "z"], [1, 1.0, np.float32(2)], [1, 1.0, 2]).groups.tolist() == [0, 0, 1]


def test_names_of_one_label_in_two_forms_of_unicode_are_one() -> None:
    corpus = corpus_from_lists(["a", "b", "c"], ["Caf\u00e9", "Cafe\u0301 ", "Bar"], ["\u00e9", "e\u0301", "x"])
    assert corpus.classes == ("Bar", "Caf\u00e9")
    assert corpus.groups is not None
    assert len(set(corpus.groups)) == 2


def test_a_frame_is_told_no_flag_of_the_command_line() -> None:
    for lists, message in (
        ((["x", " "], ["a", "b"]), "row 1: the text is empty"),
        ((["x", "y"], ["a", ""]), "row 1: the label is"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            corpus_from_lists(*lists)
        assert "--" not in str(caught.value)


def test_the_fingerprint_changes_with_anything_that_matters() -> None:
    texts, labels, groups = ["a", "b", "c"], ["x", "y", "x"], [1, 1, 2]
    prints = {
        corpus_from_lists(texts, labels, groups).fingerprint(),
        corpus_from_lists(texts, labels).fingerprint(),
        corpus_from_lists(["a", "bc", "d"], labels, groups).fingerprint(),
        corpus_from_lists(["ab", "c", "d"], labels, groups).fingerprint(),
        corpus_from_lists(texts, ["x", "y", "y"], groups).fingerprint(),
        corpus_from_lists(texts, ["x", "z", "x"], groups).fingerprint(),
        corpus_from_lists(texts, labels, [1, 2, 2]).fingerprint(),
        corpus_from_lists(["b", "a", "c"], labels, groups).fingerprint(),
    }
    assert len(prints) == 8
    assert corpus_from_lists(texts, labels, groups).fingerprint() in prints


def test_the_embedded_corpus_is_what_its_documentation_says() -> None:
    corpus = read_industries()
    counts = np.bincount(corpus.labels)
    assert 7_000 < len(corpus) < 8_000
    assert len(corpus.classes) == 21
    assert 200 < counts.max() / counts.min() < 300
    assert np.median([len(text.split()) for text in corpus.texts]) == 5
    assert corpus.classes[0] == "A Agriculture, forestry and fishing"
    assert len({text.casefold() for text in corpus.texts}) == len(corpus)


def test_rows_keep_the_numbers_that_they_have_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        'text,label\nx1,a\n"x\n2",\nx3,b\n ,b\nx5,b\nx6,c\n' + "".join(f"y{i},a\n" for i in range(4))
    )
    corpus = read_corpus(tmp_path / "c.csv", drop_unlabelled=True, drop_empty=True)
    assert [corpus.row_number(row) for row in range(len(corpus))] == [1, 3, 5, 6, 7, 8, 9, 10]
    without = without_small_classes(replace(corpus, labels=np.array([0, 1, 1, 2, 1, 0, 0, 0], np.int32)), "drop")
    assert [without.row_number(row) for row in range(len(without))] == [1, 3, 5, 7, 8, 9, 10]
    assert read_industries().row_number(0) == 1
