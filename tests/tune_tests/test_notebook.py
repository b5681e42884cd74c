"""The notebook in docs/: its cells run, one after another, and print as many lines as stand there."""

import json
import subprocess
import sys
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "docs/notebook.ipynb"


def test_all_cells_of_the_notebook_run_and_print_as_many_lines_as_stand_there() -> None:
    document = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] and cell["execution_count"] == number for number, cell in enumerate(cells, start=1))
    code = "\n".join("".join(cell["source"]) for cell in cells) + "\nprint(sorted(large) == list(classifier.classes_))"
    assert "trials=3, workers=2" in code
    code = code.replace("trials=3, workers=2", "trials=1, max_epochs=2, workers=1")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    printed = ["".join(output["text"]) for cell in cells for output in cell["outputs"] if output["output_type"] == "stream"]
    assert done.stdout.splitlines()[-1] == "True"
    assert len(done.stdout.splitlines()) == sum(text.count("\n") for text in printed) + 1
