"""Archives of strangers: zip bombs are found before they are unpacked."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

MOST_SQUEEZED = 200
"""What an archive holds may be so many times as large as the archive: arrays of numbers are squeezed by a few times."""
SMALL = 64 * 2**20
"""Bytes that may come out of any archive."""


def check_archive(file: BinaryIO) -> None:
    """Makes sure that what a zip archive holds is not much larger than the archive; leaves the file at its beginning.

    Raises:
        ValueError: If it is.
        zipfile.BadZipFile: If it is no zip archive.
    """
    with zipfile.ZipFile(file) as archive:
        held = sum(member.file_size for member in archive.infolist())
        packed = sum(member.compress_size for member in archive.infolist())
    if held > SMALL + MOST_SQUEEZED * packed:
        raise ValueError(f"an archive of {packed} bytes would be unpacked to {held}")
    file.seek(0)
