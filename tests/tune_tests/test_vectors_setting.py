"""Word vectors of others, as a setting of a search."""

from pathlib import Path

import numpy as np
import pytest

from data.errors import InputError
from tune.continuity import check_words
from tune.first import first_trials
from tune.inputs import read_inputs
from tune.provenance import describe
from tune.searches import claim_search
from tune.settings import Settings
from tune.settings_file import read_settings

ROWS = [f"good red {row},yes\nbad blue {row},no\n" for row in range(20)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "texts.csv").write_text("text,label\n" + "".join(ROWS))
    (tmp_path / "vectors.txt").write_text("good 1 2 3\nblue 4 5 6\n")
    return read_settings(None, {"data": tmp_path / "texts.csv", "vectors": tmp_path / "vectors.txt"})


def test_embeddings_are_as_long_as_the_vectors_in_the_space_and_in_the_portfolio(settings: Settings) -> None:
    assert settings.written_space()["embedding_size"] == 3
    inputs = read_inputs(settings)
    portfolio = first_trials(settings, inputs.space)
    assert {hparams.embedding_size for hparams in portfolio} == {3}
    assert all(inputs.space.place(hparams) is not None for hparams in portfolio), "they lie in the space"
    assert inputs.dataset.vectors is not None
    words = inputs.vocabulary.tokens
    np.testing.assert_array_equal(inputs.dataset.vectors[2 + words.index("blue")], [4, 5, 6])
    assert list(inputs.told_of_vectors()) == [f"2 of {len(inputs.dataset.vectors) - 2} words have a vector to begin with"]


def test_parts_of_words_are_left_out_of_a_preset_and_refused_where_they_were_asked_for(settings: Settings) -> None:
    flags = {"data": settings.data, "vectors": settings.vectors}
    assert read_inputs(read_settings(None, flags | {"preset": "wide"})).dataset.parts is None
    assert read_settings(None, flags).space["subwords"] is False
    asked = settings.model_copy(update={"space": {"embedding_size": 3, "subwords": True}})
    with pytest.raises(InputError, match=r"subwords: they cannot be mixed with --vectors"):
        read_inputs(asked)
    alone = read_inputs(asked.model_copy(update={"vectors": None}))
    assert alone.dataset.parts is not None
    assert len(alone.dataset.parts) == alone.dataset.tokens.flat.max() + 1, "words of no training text have parts as well"


def test_another_length_is_refused(settings: Settings) -> None:
    wrong = settings.model_copy(update={"space": settings.space | {"embedding_size": 5}})
    with pytest.raises(InputError, match=r"the vectors of .*vectors.txt are of 3 numbers, not 5"):
        read_inputs(wrong)


def test_settings_are_read_again_without_the_file_and_changed_vectors_are_refused(settings: Settings, tmp_path: Path) -> None:
    inputs = read_inputs(settings)
    with claim_search(tmp_path / "runs", "one") as folder:
        folder.keep(settings.model_copy(update={"name": "one"}), describe(settings, inputs, [], 1))
    check_words(folder, settings, inputs)
    (tmp_path / "vectors.txt").write_text("good 1 2 3\nblue 4 5 7\n")
    with pytest.raises(InputError, match="has changed since the search 'one' was started"):
        check_words(folder, settings, read_inputs(settings))
    (tmp_path / "vectors.txt").unlink()
    assert folder.settings().space["embedding_size"] == 3
