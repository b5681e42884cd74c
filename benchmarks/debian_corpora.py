"""Five corpora that no default was chosen on, made of what a Debian machine has or can fetch.

    apt-get update -o Acquire::Languages=en
    apt-get download fortunes fortunes-min linux-doc-6.1 manpages manpages-dev perl-doc bible-kjv bible-kjv-text
    python benchmarks/debian_corpora.py FOLDER --sayings fortunes*.deb --kernel linux-doc*.deb \\
        --manual perl-doc*.deb manpages_*.deb manpages-dev*.deb --verses bible*.deb

Those whose packages are not given are left out; so are the first with --packages 0.

FOLDER/debian.parquet: the descriptions of 20,000 packages, or of up to N with --packages N, and the sections that they stand in
(columns text, label, and source, by which to group: one source makes several packages). FOLDER/fortunes.csv: short sayings, and
the files that they stand in. FOLDER/kernel.parquet: the Linux kernel's documentation, pages of some hundred words and some of
thousands, and the folders that they stand in. FOLDER/manual.parquet: pages of the manual without their markup, and the sections
that they stand in. FOLDER/verses.csv: the verses of the King James Bible, their books, and the chapters, by which to group.
"""

import argparse
import gzip
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

SECTION, FILE, FOLDER = 30, 10, 20
"""Rows that a section, a file of sayings and a folder of the kernel's have at least."""
TEXTS, COPIES = {".rst", ".txt", ".yaml"}, {"translations", "ABI"}
"""Pages of the kernel's documentation, and folders that are left out: of other languages, and of lists of files."""
WORDS = 20
"""That a page of the manual has at least."""
REQUEST = re.compile(r"""^'|^\.\s*(\\"|TH|if|ie|el|de|ds|nr|ta|in|nf|fi|br|PP|sp|tr|rm|rr|nh|ad|it|hy|IX|\.)""")
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


def read_manual(packages: list[Path]) -> pd.DataFrame:
    rows: dict[str, str] = {}
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
            for path in sorted(Path(folder, "usr/share/man").rglob("*.gz")):
                page = "" if path.is_symlink() else gzip.decompress(path.read_bytes()).decode(errors="replace")
                if not page.startswith(".so") and len((text := unmarked(page)).split()) > WORDS:
                    rows.setdefault(text, path.name.removesuffix(".gz").split(".")[-1])
    return large_classes(pd.DataFrame({"text": list(rows), "label": list(rows.values())}), FILE)


def unmarked(page: str) -> str:
    """Returns what a page of the manual says from its name on, without requests, macros' names and fonts."""
    lines = [re.sub(r"^\.[A-Za-z]+ ?", "", line) for line in page.split("\n") if not REQUEST.match(line)]
    text = re.sub(r"\\f(\[\w*\]|.)|\\[&/,|^]", "", "\n".join(lines)).replace("\\-", "-").replace("\\(aq", "'")
    text = re.sub(r"\\\*\(..|\\s[-+]?\d|\\", " ", text).strip()
    return text[max(text.find("NAME"), 0) :].lstrip('NAME"\n')


def read_verses(packages: list[Path]) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        for package in packages:
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        verses = said(f"{folder}/usr/bin/bible", "-f", "-l500", "-p", f"{folder}/usr/lib", "Gen1:1-Rev22:21")
    found = (re.fullmatch(r"(\w+?)(\d+):\d+ (.*)", line) for line in verses.split("\n"))
    rows = [(verse[3].strip(), verse[1], verse[1] + verse[2]) for verse in found if verse]
    return pd.DataFrame(rows, columns=["text", "label", "chapter"]).drop_duplicates("text")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=int, default=20_000, metavar="N", help="descriptions, at most [20000]")
    parser.add_argument("--sayings", type=Path, nargs="+", metavar="DEB")
    parser.add_argument("--kernel", type=Path, metavar="DEB")
    parser.add_argument("--manual", type=Path, nargs="+", metavar="DEB")
    parser.add_argument("--verses", type=Path, nargs="+", metavar="DEB")
    options = parser.parse_args()
    made = {
        "debian.parquet": (read_packages, options.packages),
        "fortunes.csv": (read_fortunes, options.sayings),
        "kernel.parquet": (read_kernel, options.kernel),
        "manual.parquet": (read_manual, options.manual),
        "verses.csv": (read_verses, options.verses),
    }
    for name, (read, given) in made.items():
        if not given:
            continue
        frame, path = read(given), options.folder / name
        frame.to_parquet(path, index=False) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
        lengths = frame.text.str.split().str.len()
        print(f"{name}: {len(frame):,} texts of {frame.label.nunique()} classes, {lengths.median():.0f} words in the median")


if __name__ == "__main__":
    main()
