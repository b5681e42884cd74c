"""Puts a search's report together and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from data.split import SIDES
from model.explanation import explain
from tune.continuity import read_own_corpus
from tune.damage import intact
from tune.documents import best_document
from tune.evaluating import load_classifier
from tune.folder import ABOUT, RESULT, SearchFolder
from tune.live_view import clock
from tune.outcome import best_trial, counts, elapsed_seconds, useful_share
from tune.repeat_file import repeat_seconds
from tune.report.page import Section, bar, cell, number, page, table
from tune.report.trials import trial_sections
from tune.report.winner import Answers, winner_sections
from tune.summary import figure_rows
from tune.verdict import verdict
from tune.whole_file import whole_file

FIGURES = ("loss", "accuracy", "macro_f1")


def write_report(folder: SearchFolder, path: Path) -> None:
    """Writes the report of a search, also of one that is still running: whole, or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    with whole_file(path) as write:
        with intact(folder):
            text = render(folder)
        write(text)


def render(folder: SearchFolder) -> str:
    """Returns the report as HTML."""
    trials, about = folder.trials(), folder.read_json(ABOUT)
    about |= {"wall_seconds": elapsed_seconds(about, trials)}
    document = best_document(folder) if about["finished"] and (folder.path / RESULT).exists() else None
    others = repeat_seconds(folder)
    share = useful_share(trials, about["workers"], about["wall_seconds"], others)
    sections: list[Section] = []
    if document:
        sections.append(_comparison(document))
    sections += trial_sections(trials, about, others)
    if document:
        sections[-2:-2] = _winner(folder, document)
    sections.append(_how(folder, about, document))
    ended = counts(trials)
    tiles = [
        (f"{sum(ended.values()):,}", "trials"),
        (f"{ended['pruned']:,}", "stopped early"),
        (clock(about["wall_seconds"]), "wall time"),
        (f"{share:.2f}", "useful share"),
    ]
    if document:
        test = document["test"]
        tiles[:0] = [(number(test[name]), f"test {name.replace('_f1', '-F1')}") for name in ("macro_f1", "accuracy", "loss")]
    elif best := best_trial(trials):
        epoch = best.epochs[(best.best_epoch or 1) - 1]
        ranked_by = best.objective.metric
        tiles[:0] = [(number(epoch[ranked_by]), f"best validation {ranked_by.replace('_f1', '-F1')}")]
    return page(f"{folder.name}: Topknot", _head(folder, about, document, tiles), sections)


def _head(
    folder: SearchFolder, about: Mapping[str, Any], document: Mapping[str, Any] | None, tiles: list[tuple[str, str]]
) -> str:
    if document:
        said = verdict(document)
        kind = "loses" if "LOSES" in said else ""
    else:
        said, kind = "The search has not come to its end; this is how it stands.", "open"
    grid = "".join(f"<div class='tile'><b>{cell(value)}</b><span>{cell(name)}</span></div>" for value, name in tiles)
    created = datetime.fromisoformat(about["created"]).astimezone(UTC)
    began = f"<p class='under'>A Topknot search, begun {created:%Y-%m-%d %H:%M} UTC</p>"
    return f"<h1>{cell(folder.name)}</h1>{began}<p class='verdict {kind}'>{cell(said)}</p><div class='tiles'>{grid}</div>"


def _comparison(document: Mapping[str, Any]) -> Section:
    rows = []
    for kind, sides in figure_rows(document):
        if "test" in sides:
            test, validation = sides["test"], sides.get("validation", {})
            scores = [number(test["loss"], 4), bar(test["accuracy"], 4), bar(test["macro_f1"], 4)]
            rows.append([cell(kind), *scores, *(number(validation.get(name), 4) for name in FIGURES)])
    head = ["", "test loss", "accuracy", "macro-F1", "validation loss", "accuracy", "macro-F1"]
    fit = [
        [cell(side), f"{document[side]['rows']:,}", *(number(document[side][name], 4) for name in FIGURES)]
        for side in SIDES
        if side in document
    ]
    both = (
        table(head, rows) + "<h3>The winner on each split</h3>" + table(["split", "rows", "loss", "accuracy", "macro-F1"], fit)
    )
    note = "Test rows chose nothing: they were looked at once, for this table. All were fitted on the same training rows"
    note += ", but for the refitted one, which has learned from the validation rows, too." if document.get("refit") else "."
    return Section("comparison", "Was it worth it?", [both], note)


def _winner(folder: SearchFolder, document: Mapping[str, Any]) -> list[Section]:
    try:
        answers = read_answers(folder, Path(document["checkpoint"]), "test")
    except (InputError, OSError) as error:
        text = f"<p>What the winner answers is not shown: {cell(error)}</p>"
        return [Section("classes", "Class by class", [text])]
    return list(winner_sections(answers))


def read_answers(folder: SearchFolder, checkpoint: Path, side: str) -> Answers:
    """Reads a search's corpus again and asks a classifier of its about a split.

    Raises:
        InputError: If the corpus is not there, or has changed, or the classifier cannot be loaded.
    """
    corpus, split = read_own_corpus(folder, folder.settings())
    classifier = load_classifier(checkpoint)
    rows = split.side(side)
    texts = [corpus.texts[row] for row in rows]
    trained = np.bincount(corpus.labels[split.train], minlength=len(corpus.classes))
    probabilities = classifier.probabilities(texts)
    return Answers(side, corpus.classes, texts, corpus.labels[rows], probabilities, trained, partial(explain, classifier))


def _how(folder: SearchFolder, about: Mapping[str, Any], document: Mapping[str, Any] | None) -> Section:
    versions = ", ".join(f"{name} {version}" for name, version in (about.get("versions") or {}).items())
    rows = [
        ["Python", cell(about.get("python", ""))],
        ["packages", cell(versions)],
        ["cores", cell(about.get("cores", ""))],
        ["git revision", cell(about.get("revision") or "none")],
        ["study", cell(folder.study_url())],
    ]
    parts = [
        table(["environment", ""], rows, left=(0, 1)),
        "<h3>The same search again</h3>",
        f"<pre>{cell(folder.rerun_command())}</pre>",
    ]
    if document:
        hparams = "\n".join(f"{name}: {value}" for name, value in document["hparams"].items())
        parts += [
            f"<h3>Trial {cell(document['trial'])}, epoch {cell(document['epoch'])}: its hyperparameters</h3>",
            f"<pre>{_lines(hparams)}</pre>",
        ]
    return Section("how", "How it was done", parts)


def _lines(text: str) -> str:
    return "\n".join(cell(line) for line in text.splitlines())
