import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.corpus import Corpus
from data.errors import InputError
from model.ensemble import Ensemble, load_classifier
from model.experiment import run_experiment
from model.seal import SEAL, check_seal
from model.text_classifier import TextClassifier

SMALL = {"embedding_size": 4, "lstm_size": 3, "batch_size": 16, "dense_layers": 0, "max_length": 20, "wide": True}
TEXTS = ["sign1of0 filler1", "", "sign2of1"]


@pytest.fixture(scope="module")
def saved(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, TextClassifier]]:
    folder = tmp_path_factory.mktemp("saved")
    one = run_experiment(corpus, epochs=1, **SMALL).classifier
    made: dict[str, TextClassifier] = {"one": one, "several": Ensemble({"a": one, "b": one}, {"a": 0.25, "b": 0.75})}
    for name, classifier in made.items():
        classifier.save(folder / name)
    return {name: (folder / name, classifier) for name, classifier in made.items()}


@pytest.mark.parametrize("name", ["one", "several"])
@settings(max_examples=150)
@given(data=st.data(), place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_byte_that_has_changed_is_found_or_changes_no_answer(
    saved: dict[str, tuple[Path, TextClassifier]], name: str, data: st.DataObject, place: float, flip: int
) -> None:
    folder, classifier = saved[name]
    path = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
    content = path.read_bytes()
    at = int(place * len(content))
    path.write_bytes(content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :])
    try:
        loaded = load_classifier(folder)
    except InputError as error:
        assert str(folder) in str(error)  # noqa: PT017 - it need not be raised
    else:
        assert path.name == SEAL
        np.testing.assert_array_equal(loaded.probabilities(TEXTS), classifier.probabilities(TEXTS))
        assert loaded.classes == classifier.classes
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "why"),
    [("a/network.keras", "a/network.keras has changed"), ("b/vocabulary.json", "b/vocabulary.json is missing")],
)
def test_the_file_that_is_not_as_it_was_is_named(
    saved: dict[str, tuple[Path, TextClassifier]], tmp_path: Path, file: str, why: str
) -> None:
    folder = Path(shutil.copytree(saved["several"][0], tmp_path / "model"))
    (folder / file).unlink() if "missing" in why else (folder / file).write_bytes(b"")
    with pytest.raises(InputError, match=f"model is damaged: {why}"):
        check_seal(folder)


def test_a_folder_of_an_earlier_version_has_no_seal_and_is_read(
    saved: dict[str, tuple[Path, TextClassifier]], tmp_path: Path
) -> None:
    for name, (whole, classifier) in saved.items():
        folder = Path(shutil.copytree(whole, tmp_path / name, ignore=shutil.ignore_patterns(SEAL)))
        np.testing.assert_array_equal(load_classifier(folder).probabilities(TEXTS), classifier.probabilities(TEXTS))


def test_a_file_that_somebody_lays_beside_the_sealed_ones_is_no_damage(
    saved: dict[str, tuple[Path, TextClassifier]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved["one"][0], tmp_path / "model"))
    (folder / "README").write_text("ours")
    check_seal(folder)
