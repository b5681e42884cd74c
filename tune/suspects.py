"""Training texts of a search that may be mislabelled: `topknot show NAME --suspects`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from data.corpus import Corpus
from data.dataset import Dataset, encode_corpus
from data.errors import InputError
from data.split import Split
from data.vocabulary import Vocabulary
from model.hparams import HParams
from model.logits import Logits
from model.suspects import suspect
from model.trained import Trained
from model.wide import WHOLE_TEXT, judge_out_of_fold
from tune.continuity import check_vocabulary, read_own_corpus
from tune.folder import SearchFolder
from tune.outcome import TrialOutcome, ranked_trials
from tune.printable import printable
from tune.weights import read_trained
from tune.written_space import parse_space

LONGEST = 1_000
"""Characters of a text that its line of the table may need, at most."""


def suspects_document(folder: SearchFolder, count: int) -> dict[str, Any]:
    """Judges a search's training texts by its kept trials, and by linear classifiers where the search has a wide branch.

    Args:
        folder: Of the search, finished or not.
        count: Texts to name.

    Returns:
        `judged` (how many texts), `trials` (whose LSTMs judged), `linear` (whether linear classifiers did), and `suspects`, the
        most suspect first.

    Raises:
        InputError: If the corpus has changed, or no weights are kept.
    """
    learned = list(_learned(folder))  # now: a search that runs may let go of some
    if not learned:
        raise InputError(f"The search {folder.name!r} has no trial yet that can judge texts. Go on: {folder.resume_command()}")
    settings = folder.settings()
    corpus, split = read_own_corpus(folder, settings)
    space = parse_space(settings.written_space())
    limit = max(space.longest_text, WHOLE_TEXT)
    dataset, vocabulary = encode_corpus(corpus, split, limit, subwords=space.may_be("subwords", True))
    check_vocabulary(folder, vocabulary, dataset.parts)
    linear = judge_out_of_fold(corpus, split, limit, settings.seed) if space.may_be("wide", True) else None
    suspicion = suspect(corpus.labels[split.train], _judge(learned, dataset, vocabulary, corpus, limit), linear)
    return {
        "name": folder.name,
        "judged": len(split.train),
        "trials": [trial.number for trial, _ in learned],
        "linear": linear is not None,
        "suspects": [_told(corpus, split, place, suspicion.probabilities) for place in suspicion.order[:count].tolist()],
    }


def _learned(folder: SearchFolder) -> Iterator[tuple[TrialOutcome, Trained]]:
    """Yields the kept trials with their weights, the best first, without those that a search lets go of meanwhile."""
    for trial in folder.kept(ranked_trials(folder.trials())):
        try:
            yield trial, read_trained(folder.weights, trial.number)
        except InputError:
            if folder.kept([trial]):
                raise


def _judge(
    learned: list[tuple[TrialOutcome, Trained]], dataset: Dataset, vocabulary: Vocabulary, corpus: Corpus, limit: int
) -> Iterator[Logits]:
    """Yields what each trial's LSTM, without the wide branch, says of the training rows."""
    from model.classifier import Classifier  # brings TensorFlow
    from model.text_classifier import Encoded

    for trial, trained in learned:
        hparams = replace(HParams.from_dict(trial.hparams), wide=False)
        classifier = Classifier(hparams, trained, vocabulary, corpus.classes, limit)
        yield classifier.logits(Encoded(dataset.tokens, parts=dataset.parts), dataset.split.train)


def _told(corpus: Corpus, split: Split, place: int, probabilities: Logits) -> dict[str, Any]:
    row = int(split.train[place])
    label, likeliest = int(corpus.labels[row]), int(probabilities[place].argmax())
    return {
        "row": corpus.row_number(row),
        "text": corpus.texts[row],
        "label": corpus.classes[label],
        "label_probability": float(probabilities[place, label]),
        "likeliest": corpus.classes[likeliest],
        "probability": float(probabilities[place, likeliest]),
    }


def suspects_table(document: Mapping[str, Any]) -> Group:
    """Returns the table of `show --suspects`, a line a text, cut where the terminal ends."""
    count, trials = len(document["suspects"]), len(document["trials"])
    judges = f"{trials} LSTM{'s' if trials > 1 else ''}" + (" and linear classifiers" if document["linear"] else "")
    head = f"{document['name']}: the {count} of {document['judged']} training texts whose labels {judges} believe least"
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("row", justify="right", no_wrap=True)
    for column in ("label", "", "likeliest", ""):
        table.add_column(column, no_wrap=True, overflow="ellipsis", max_width=6 if not column else 24)
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in document["suspects"]:
        names = (one["label"], f"{one['label_probability']:.3f}", one["likeliest"], f"{one['probability']:.3f}")
        table.add_row(str(one["row"]), *(Text(_printable(name)) for name in names), Text(_printable(one["text"])))
    return Group(Text(head, style="bold"), table)


def _printable(text: str) -> str:
    """Returns the beginning of a text in one line, without what could steer a terminal."""
    return " ".join(printable(text[:LONGEST]).split())
