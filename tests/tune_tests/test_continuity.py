"""What a search is gone on with."""

import shutil
from pathlib import Path

import pytest

from data.errors import InputError
from tune.continuity import check_home, check_words, read_own_corpus
from tune.folder import ABOUT, HOME, RESULT, SearchFolder
from tune.inputs import read_inputs
from tune.provenance import describe
from tune.search_result import told_of_old_result
from tune.searches import claim_search
from tune.settings import Settings


def begun(root: Path, study: str | None = None) -> SearchFolder:
    """A search that has begun."""
    rows = [f"good red {row},yes\nbad blue {row},no\n" for row in range(20)]
    (root / "texts.csv").write_text("text,label\n" + "".join(rows))
    space = {"wide": False, "lstm_size": 4}
    given = {"data": root / "texts.csv", "storage": root / "runs", "name": "words", "study": study, "space": space}
    settings = Settings.model_validate(given)
    with claim_search(settings.storage, "words") as folder:
        folder.keep(settings, describe(settings, read_inputs(settings), [], 1))
    return folder


def test_a_copy_does_not_go_on_with_the_study_of_a_folder_that_is_still_there(tmp_path: Path) -> None:
    folder = begun(tmp_path, f"sqlite:///{tmp_path / 'all.db'}")
    check_home(folder)
    copy = SearchFolder(Path(shutil.copytree(folder.path, tmp_path / "other/words")))
    with pytest.raises(InputError, match=r"other/words is a copy of .*runs/words, and both have one study"):
        check_home(copy)
    check_home(folder)
    (tmp_path / "linked").symlink_to(tmp_path / "runs")
    check_home(SearchFolder(tmp_path / "linked/words"))  # another way to the same folder
    shutil.rmtree(folder.path)
    check_home(copy)  # it was moved
    assert copy.study().user_attrs[HOME] == str(copy.path)


def test_a_search_that_was_moved_is_no_copy_of_another_that_has_come_to_its_old_place(tmp_path: Path) -> None:
    folder = begun(tmp_path, f"sqlite:///{tmp_path / 'all.db'}")
    moved = SearchFolder(Path(shutil.move(folder.path, tmp_path / "archive")))
    begun(tmp_path, f"sqlite:///{tmp_path / 'others.db'}")
    check_home(moved)
    assert moved.study().user_attrs[HOME] == str(moved.path)


def test_a_search_is_not_gone_on_with_under_another_vocabulary(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    settings = folder.settings()
    inputs = read_inputs(settings)
    check_words(folder, settings, inputs)
    less = inputs.vocabulary.head(inputs.vocabulary.size - 1)
    with pytest.raises(InputError, match="was started by an older version"):
        check_words(folder, settings, inputs._replace(vocabulary=less))


def test_a_copy_that_has_its_own_study_goes_on(tmp_path: Path) -> None:
    for study in (None, "sqlite"):
        root = tmp_path / str(study)
        root.mkdir()
        folder = begun(root, study)
        check_home(SearchFolder(Path(shutil.copytree(folder.path, root / "other/words"))))


def test_a_result_of_before_is_told_as_such_until_the_search_has_come_to_its_end_again(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    assert list(told_of_old_result(folder)) == []
    folder.write_json(RESULT, {})
    assert ["resume words" in line for line in told_of_old_result(folder)] == [True]
    folder.write_json(ABOUT, folder.read_json(ABOUT) | {"finished": True})
    assert list(told_of_old_result(folder)) == []


def test_a_corpus_that_was_moved_is_asked_for_in_the_settings(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    (tmp_path / "texts.csv").rename(tmp_path / "there.csv")
    with pytest.raises(InputError, match=r"texts\.csv does not exist\. If it was moved, .* into .*words/settings\.yaml"):
        read_own_corpus(folder, folder.settings())
    settings = folder.path / "settings.yaml"
    settings.write_text(settings.read_text().replace("texts.csv", "there.csv"))
    assert len(read_own_corpus(folder, folder.settings())[0]) == 40
