"""The corpus that a benchmark is run on: the embedded one, or a file."""

import argparse
from pathlib import Path

from data.corpus import Corpus, read_corpus
from data.industries import read_industries


def corpus_parser(description: str | None) -> argparse.ArgumentParser:
    """Makes a parser of the options that name a corpus, to which others may be added."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--group")
    return parser


def read(options: argparse.Namespace) -> Corpus:
    """Reads the corpus that the options name."""
    if not options.data:
        return read_industries()
    return read_corpus(options.data, text=options.text, label=options.label, group=options.group)
