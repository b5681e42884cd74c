import itertools
import json
import pickle
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from zlib import crc32

import keras
import numpy as np
import pandas as pd
import pytest

from data.batches import pad
from data.corpus import Corpus
from data.errors import InputError
from data.numbered import number_texts
from data.tokens import UNKNOWN
from model.classifier import Classifier
from model.experiment import Experiment, run_experiment
from model.seal import SEAL
from model.size import classifier_bytes
from model.trained import Trained

SMALL = {"lstm_size": 4, "embedding_size": 8, "batch_size": 16, "learning_rate": 0.02, "pooling": "max"}
TEXTS = ["sign0of1 filler2", "", "nothing known here", "sign2of0 " * 40, "row7 SIGN1OF2"]


KERAS = 80_000
"""Bytes of what Keras writes beside the weights, at most: 40,000 are usual."""


@pytest.fixture(scope="module")
def alone(corpus: Corpus) -> Experiment:
    return run_experiment(corpus, epochs=8, **SMALL)


@pytest.fixture(scope="module")
def wide(corpus: Corpus) -> Experiment:
    return run_experiment(corpus, epochs=8, **SMALL, wide=True)


@pytest.fixture(scope="module")
def of_parts(corpus: Corpus) -> Experiment:
    return run_experiment(corpus, epochs=8, **SMALL, wide=True, subwords=True)


@pytest.fixture(
    scope="module", params=["alone", "wide", "of_parts"], ids=["LSTM alone", "with a wide branch", "of parts of words"]
)
def experiment(request: pytest.FixtureRequest) -> Experiment:
    experiment: Experiment = request.getfixturevalue(request.param)
    return experiment


def test_an_experiment_trains_and_evaluates_the_full_loss_on_every_side(experiment: Experiment) -> None:
    losses = [report.loss for report in experiment.reports]
    assert experiment.epoch == int(np.argmin(losses)) + 1
    assert experiment.validation.loss == pytest.approx(min(losses), abs=1e-6)
    assert experiment.test.accuracy > 0.8
    assert experiment.train.rows + experiment.validation.rows + experiment.test.rows == 240


def test_an_experiment_takes_a_corpus_a_frame_lists_or_a_file(corpus: Corpus, tmp_path: Path) -> None:
    labels = [corpus.classes[label] for label in corpus.labels]
    frame = pd.DataFrame({"description": corpus.texts, "industry": labels})
    frame.to_csv(tmp_path / "jobs.csv", index=False)
    names = {"text": "description", "label": "industry"}
    data = (corpus, frame, (list(corpus.texts), labels), tmp_path / "jobs.csv")
    first, *others = (run_experiment(one, epochs=1, **names, **SMALL).test.summary() for one in data)
    assert others == [first] * 3


def test_the_wide_branch_reads_on_where_the_lstm_stops(corpus: Corpus) -> None:
    late = replace(
        corpus, texts=[" ".join(f"begin{row % 7} to row{row}".split() + text.split()) for row, text in enumerate(corpus.texts)]
    )
    alone, both = (run_experiment(late, epochs=1, **SMALL, max_length=3, wide=wide).test for wide in (False, True))
    assert alone.accuracy < 0.6
    assert both.accuracy > 0.9


def test_hyperparameters_and_losses_that_make_no_sense_are_named(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="no hyperparameter `lstm_sizes`"):
        run_experiment(corpus, lstm_sizes=4)
    with pytest.raises(InputError, match="not finite in the first epoch"):
        run_experiment(corpus, **SMALL | {"learning_rate": 1e38, "clip_norm": 1e30})


def test_saving_and_loading_changes_no_probability(experiment: Experiment, tmp_path: Path) -> None:
    before = experiment.classifier.at_temperature(1.7)
    before.save(tmp_path / "model")
    after = Classifier.load(tmp_path / "model")
    np.testing.assert_array_equal(after.probabilities(TEXTS), before.probabilities(TEXTS))
    assert after.temperature == pytest.approx(1.7)
    assert after.classes == before.classes
    assert after.hparams == before.hparams
    assert after.metrics == before.metrics
    assert set(after.versions) == {"python", "topknot", "keras", "tensorflow", "numpy"}
    with pytest.raises(FileExistsError):
        before.save(tmp_path / "model")


def test_the_size_of_a_classifier_is_told_without_building_it(experiment: Experiment, tmp_path: Path) -> None:
    classifier = experiment.classifier
    classifier.save(tmp_path / "model")
    told = classifier_bytes(classifier.hparams, classifier.vocabulary, len(classifier.classes), classifier.wide)
    taken = sum(path.stat().st_size for path in (tmp_path / "model").iterdir() if path.name != "classifier.json")
    assert told < taken < told + KERAS


def buckets(word: str) -> list[int]:
    """A word's parts as its network reads them: counted from 1, 0 where there are fewer than 16."""
    marked = f"<{word}>"
    runs = {marked[at : at + size] for size in range(3, 7) for at in range(len(marked) + 1 - size)}
    found = list(dict.fromkeys(number % 20_000 + 1 for number in sorted(crc32(run.encode()) for run in runs)))[:16]
    return found + [0] * (16 - len(found))


def test_weights_of_other_words_and_folders_of_another_format_are_refused(of_parts: Experiment, tmp_path: Path) -> None:
    classifier = of_parts.classifier
    embedding, *others = classifier.trained.weights
    for rows in (embedding[:-1], embedding[:30]):
        with pytest.raises(InputError, match="its weights are those of another corpus, or of another version"):
            replace(classifier, trained=Trained([rows, *others], classifier.trained.mixture))
    classifier.save(tmp_path / "model")
    (tmp_path / "model" / SEAL).unlink()
    about = tmp_path / "model/classifier.json"
    written = about.read_text()
    about.write_text(written.replace('"format": 4', '"format": 3'))
    with pytest.raises(InputError, match=r"is of format 3; this version of Topknot reads format 4 of such"):
        Classifier.load(tmp_path / "model")
    about.write_text(written.replace('"subwords": true', '"subwords": false'))
    with pytest.raises(InputError, match=r"is of format 4; this version of Topknot reads format 3 of such"):
        Classifier.load(tmp_path / "model")


def test_words_that_are_rare_or_new_count_by_their_parts(of_parts: Experiment, alone: Experiment) -> None:
    typos = [f"sign{label}off{word}" for label in range(3) for word in range(3)]
    texts, labels = [f"{typo} filler{place}" for place, typo in enumerate(typos)], np.repeat(np.arange(3), 3)
    by_parts = replace(of_parts.classifier, hparams=replace(of_parts.classifier.hparams, wide=False), wide=None)
    assert set(by_parts.vocabulary.unseen(number_texts(texts, 50))) == set(typos)
    assert (by_parts.likeliest(texts) == labels).mean() > 0.7
    assert len(set(np.round(alone.classifier.probabilities([f"{typo} filler1" for typo in typos])[:, 0], 6))) == 1


@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_the_network_file_is_stock_keras_and_gives_the_same_probabilities(
    experiment: Experiment, tmp_path: Path, temperature: float
) -> None:
    classifier = experiment.classifier.at_temperature(temperature)
    classifier.save(tmp_path / "model")
    network = keras.saving.load_model(tmp_path / "model/network.keras")
    assert all(type(layer).__module__.startswith("keras.") for layer in network.layers)
    ids = pad(classifier.encode(TEXTS).tokens, np.arange(len(TEXTS)), max_length=400, vocabulary_size=10**6)
    inputs = [np.where(ids < classifier.words, ids, UNKNOWN)]
    if classifier.hparams.subwords:
        unseen = classifier.vocabulary.unseen(number_texts(TEXTS, classifier.limit))
        assert len(unseen) > 3
        inputs += [np.maximum(ids - (classifier.words - 1), 0), np.array([buckets(word) for word in unseen], np.int32)]
    if classifier.wide:
        rows = classifier.wide.ngrams.encode(number_texts(TEXTS, classifier.limit))
        most = int(np.diff(rows.indptr).max())
        inputs += [np.zeros((len(TEXTS), most), np.int32), np.zeros((len(TEXTS), most), np.float32)]
        for row, (first, last) in enumerate(itertools.pairwise(rows.indptr)):
            inputs[-2][row, : last - first] = rows.indices[first:last] + 1
            inputs[-1][row, : last - first] = rows.data[first:last]
    # Keras's `predict` takes rows of all inputs for texts; those of parts are words.
    answer = network if classifier.hparams.subwords else partial(network.predict, verbose=0)
    expected = keras.ops.softmax(answer(inputs if len(inputs) > 1 else inputs[0]))
    np.testing.assert_allclose(classifier.probabilities(TEXTS), expected, atol=1e-5)


def test_a_network_with_batch_norm_and_a_frozen_embedding_is_the_same_in_its_file(corpus: Corpus, tmp_path: Path) -> None:
    layers = {"dense_layers": 2, "dense_taper": True, "batch_norm": True, "train_embedding": False, "recurrent_dropout": 0.2}
    classifier = run_experiment(corpus, epochs=2, **SMALL, **layers).classifier
    classifier.save(tmp_path / "model")
    np.testing.assert_array_equal(Classifier.load(tmp_path / "model").probabilities(TEXTS), classifier.probabilities(TEXTS))
    network = keras.saving.load_model(tmp_path / "model/network.keras")
    inputs = pad(classifier.encode(TEXTS).tokens, np.arange(len(TEXTS)), max_length=400, vocabulary_size=classifier.words)
    expected = keras.ops.softmax(network.predict(inputs, verbose=0))
    np.testing.assert_allclose(classifier.probabilities(TEXTS), expected, atol=1e-5)


def test_classifiers_that_threads_load_at_once_leave_the_warnings_of_the_process_as_they_were(
    experiment: Experiment, tmp_path: Path
) -> None:
    experiment.classifier.save(tmp_path / "model")
    with warnings.catch_warnings():
        before = list(warnings.filters)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(Classifier.load, [tmp_path / "model"] * 8))
        assert warnings.filters == before


def test_no_file_of_a_classifier_is_a_pickle(experiment: Experiment, tmp_path: Path) -> None:
    experiment.classifier.save(tmp_path / "model")
    files = [path.read_bytes() for path in (tmp_path / "model").iterdir()]
    with zipfile.ZipFile(tmp_path / "model/network.keras") as archive:
        files += [archive.read(name) for name in archive.namelist()]
    for content in files:
        with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, UnicodeDecodeError)):
            pickle.loads(content)  # noqa: S301 - it is our own, and must fail


def test_one_text_is_not_taken_for_a_list_of_its_letters(experiment: Experiment) -> None:
    classifier = experiment.classifier
    for ask in (classifier.predict, classifier.probabilities, classifier.likeliest):
        with pytest.raises(ValueError, match="no list of texts"):
            ask("sign1of0")


def test_predictions_are_likeliest_first_and_independent_of_company(experiment: Experiment) -> None:
    together = experiment.classifier.predict(TEXTS, top=3)
    assert [prediction.label for prediction in together[:1]] == ["class 0"]
    for prediction, text in zip(together, TEXTS, strict=True):
        probabilities = [probability for _, probability in prediction.top]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert prediction.label == prediction.top[0][0]
        alone = experiment.classifier.predict([text], top=3)[0]
        assert alone.probability == pytest.approx(prediction.probability, abs=1e-5)
    assert experiment.classifier.predict([]) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.text_classifier.CHUNK", 2)
        for ours, theirs in zip(experiment.classifier.predict(TEXTS, top=3), together, strict=True):
            assert ours.label == theirs.label
            assert ours.probability == pytest.approx(theirs.probability, abs=1e-5)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("classifier.json", None, "no classifier.json"),
        ("classifier.json", "{", "is damaged"),
        ("classifier.json", '{"format": 99}', "format 99"),
        ("vocabulary.json", "{}", "is damaged"),
        ("network.keras", "no zip", "is damaged"),
    ],
)
def test_a_damaged_folder_is_refused(
    experiment: Experiment, tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    folder = tmp_path / "model"
    experiment.classifier.save(folder)
    (folder / SEAL).unlink()
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(InputError, match=message):
        Classifier.load(folder)


@pytest.mark.parametrize(
    "codes",
    [
        None,
        np.array([], np.uint64),
        np.array([1.0, 2.0]),
        np.array([5, 3 << 32], np.uint64),
        np.array([9 << 32, 3 << 32], np.uint64),
    ],
    ids=["no zip", "empty", "floats", "too few", "falling"],
)
def test_a_folder_whose_ngrams_are_damaged_is_refused(wide: Experiment, tmp_path: Path, codes: np.ndarray | None) -> None:
    wide.classifier.save(tmp_path / "model")
    (tmp_path / "model" / SEAL).unlink()
    if codes is None:
        (tmp_path / "model/ngrams.npz").write_bytes(b"PK\x03\x04")
    else:
        np.savez(tmp_path / "model/ngrams.npz", codes=codes, idf=np.ones(len(codes), np.float32))
    with pytest.raises(InputError, match="is damaged"):
        Classifier.load(tmp_path / "model")


def test_a_folder_that_names_other_classes_than_its_network_has_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    experiment.classifier.save(tmp_path / "model")
    (tmp_path / "model" / SEAL).unlink()
    path = tmp_path / "model/classifier.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"classes": about["classes"][:2]}))
    with pytest.raises(InputError, match="is damaged"):
        Classifier.load(tmp_path / "model")


def test_a_failed_save_leaves_nothing(experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.Model, "save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        experiment.classifier.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_labels_that_the_classifier_does_not_know_are_named(experiment: Experiment) -> None:
    assert experiment.classifier.label_ids(["class 2", "class 0"], "x.csv").tolist() == [2, 0]
    with pytest.raises(InputError, match=r"x\.csv has labels that the classifier does not know: 'class 9'"):
        experiment.classifier.label_ids(["class 9", "class 0"], "x.csv")
