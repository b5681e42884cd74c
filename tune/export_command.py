"""The command that makes a classifier one of other programs: export."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

from tune.destination import check_new, written
from tune.errors import SearchFailedError
from tune.options import storage_option
from tune.output import prepare, say
from tune.program import python
from tune.storage import Storage

FORMATS = ("keras", "savedmodel", "onnx", "tflite")
CHECKED_TEXTS, TOLERANCE = 200, 1e-4
CHECK = "import json, sys, reader; print(reader.probabilities(json.load(sys.stdin)).tolist())"


@click.command()
@click.argument("model")
@storage_option
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="Of the model's file")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="A new folder for it")
def export(model: str, storage: Storage, form: str, output: Path) -> None:
    """Export a classifier for programs without Topknot. MODEL is a search's name or a classifier's folder."""
    from tune.evaluating import load_classifier, model_folder

    folder = model_folder(model, storage, say)
    check_new(output, "-o")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # what is written is for cores, and compared with its reader there
    prepare()
    from model.export.writing import write_export

    classifier = load_classifier(folder)
    with written(output, "-o"):
        write_export(classifier, form, output)
    from data.industries import read_industries

    texts = [*read_industries().texts[:CHECKED_TEXTS], ""]
    done = subprocess.run(  # noqa: S603 - as its user reads it: in another process, which knows nothing of ours
        [sys.executable, "-c", CHECK],
        input=json.dumps(texts),
        cwd=output,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SearchFailedError(f"{output} is written, but its reader failed here: {said}")
    import numpy as np

    away = float(np.abs(np.array(json.loads(done.stdout.splitlines()[-1])) - classifier.probabilities(texts)).max())
    if not away <= TOLERANCE:  # it may be no number
        raise SearchFailedError(
            f"{output} is written, but answers otherwise: probabilities differ by up to {away:.1g}. Do not use it."
        )
    click.echo(f"The model is in {output}; on {len(texts)} texts its probabilities are the classifier's to {away:.0e}.")
    click.echo(f"Use it:  {python()} {shlex.quote(str(output / 'reader.py'))} 'a text to classify'")
