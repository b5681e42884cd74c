"""A classifier's folder in one piece of bytes."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.text_classifier import TextClassifier


def pack(classifier: TextClassifier) -> bytes:
    """Returns a classifier's folder as a ZIP archive."""
    with tempfile.TemporaryDirectory(prefix="topknot-") as temporary:
        folder = Path(temporary, "classifier")
        classifier.save(folder)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return packed.getvalue()


def unpack(packed: bytes) -> TextClassifier:
    """Returns the classifier that was packed."""
    from model.ensemble import load_classifier

    with tempfile.TemporaryDirectory(prefix="topknot-") as temporary, zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(temporary)
        return load_classifier(Path(temporary))
