"""Three corpora that no default was chosen on, made of what a Debian machine has or can fetch.

    apt-get update -o Acquire::Languages=en; apt-get download fortunes fortunes-min linux-doc-6.1
    python benchmarks/debian_corpora.py FOLDER --sayings fortunes*.deb --kernel linux-doc*.deb

FOLDER/debian.parquet: the descriptions of 20,000 packages, or of up to N with --packages N, and the sections that they stand in
(columns text, label, and source, by which to group: one source makes several packages). FOLDER/fortunes.csv: short sayings, and
the files that they stand in.
FOLDER/kernel.parquet: the Linux kernel's documentation, pages of some hundred words and some of thousands, and the folders that
they stand in.
"""

import argparse
import gzip
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

SECTION, FILE, FOLDER = 30, 10, 20
"""Rows that a section, a file of sayings and a folder of the kernel's have at least."""
TEXTS, COPIES = {".rst", ".txt", ".yaml"}, {"translations", "ABI"}
"""Pages of the kernel's documentation, and folders that are left out: of other languages, and of lists of files."""
HELPER = "/usr/lib/apt/apt-helper"


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yields the fields of each part of a control file."""
    for part in text.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in part.split("\n"):
            if line.startswith(" ") and name:
                fields[name] += "\n" + line[1:]
            elif ":" in line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        yield fields


def large_classes(frame: pd.DataFrame, least: int) -> pd.DataFrame:
    return frame[frame.groupby("label").label.transform("count") >= least]


def read_packages(rows_drawn: int) -> pd.DataFrame:
    lists = Path("/var/lib/apt/lists").glob("*Translation-en*")
    described = {
        one["Description-md5"]: one.get("Description-en", "")
        for path in lists
        for one in stanzas(said(HELPER, "cat-file", str(path)))
        if "Description-md5" in one
    }
    rows: dict[str, tuple[str, str, str]] = {}
    for package in stanzas(said("apt-cache", "dumpavail")):
        lines = described.get(package.get("Description-md5", ""), "").split("\n")
        if text := "\n".join("" if line.strip() == "." else line for line in lines):
            source = package.get("Source", package["Package"]).split(" ")[0]
            rows.setdefault(text, (text, package["Section"].split("/")[-1], source))
    frame = pd.DataFrame(list(rows.values()), columns=["text", "label", "source"])
    large = large_classes(frame, SECTION)
    return large.sample(min(rows_drawn, len(large)), random_state=1)


def read_fortunes(packages: list[Path]) -> pd.DataFrame:
    rows: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for package in packages:
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        for path in sorted(Path(folder, "usr/share/games/fortunes").iterdir()):
            if path.suffix in {".dat", ".u8"} or path.is_symlink():
                continue
            for text in path.read_text(encoding="utf-8", errors="replace").split("\n%\n"):
                if saying := text.strip("%\n "):
                    rows.setdefault(saying, path.name)
    return large_classes(pd.DataFrame({"text": list(rows), "label": list(rows.values())}), FILE)


def read_kernel(package: Path) -> pd.DataFrame:
    rows: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        (root,) = Path(folder).glob("usr/share/doc/*/Documentation")
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            if len(parts) < 2 or parts[0] in COPIES or Path(path.name.removesuffix(".gz")).suffix not in TEXTS:
                continue
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            bindings = parts[0] == "devicetree" and len(parts) > 3
            rows.setdefault(data.decode(errors="replace"), f"dt-{parts[2]}" if bindings else parts[0])
    return large_classes(pd.DataFrame({"text": list(rows), "label": list(rows.values())}), FOLDER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=int, default=20_000, metavar="N", help="descriptions, at most [20000]")
    parser.add_argument("--sayings", type=Path, nargs="+", required=True, metavar="DEB")
    parser.add_argument("--kernel", type=Path, required=True, metavar="DEB")
    options = parser.parse_args()
    packages, fortunes, kernel = read_packages(options.packages), read_fortunes(options.sayings), read_kernel(options.kernel)
    packages.to_parquet(options.folder / "debian.parquet", index=False)
    fortunes.to_csv(options.folder / "fortunes.csv", index=False)
    kernel.to_parquet(options.folder / "kernel.parquet", index=False)
    for name, frame in (("debian", packages), ("fortunes", fortunes), ("kernel", kernel)):
        lengths = frame.text.str.split().str.len()
        print(f"{name}: {len(frame):,} texts of {frame.label.nunique()} classes, {lengths.median():.0f} words in the median")


if __name__ == "__main__":
    main()
