"""From a text to its tokens.

The rule, in order:

1. The text is normalised (Unicode NFKC, typographic apostrophes made straight, signs that nobody sees left out, but for
   the space of no width) and case-folded.
2. A number keeps its inner points and commas: 3.5, 1,000.
3. A run of letters, marks and digits is a token, apostrophes inside included (don't, l'eau) but not an English
   possessive (driver's -> driver, s), and with the signs of a technical name behind it: c++, c#, f#. So is .net behind
   white space. Hyphens, slashes and underscores part words.
4. Chinese, Japanese kana, Thai, Lao, Burmese and Khmer put no spaces between words: each character is a token, together
   with the marks that stand on it.
5. Emoji, currency signs and % are tokens of their own. All other punctuation is dropped.

A run longer than 40 characters is cut into pieces of 40.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Literal

LONGEST_TOKEN = 40
TAKEN = 2 * LONGEST_TOKEN
"""Characters that are looked at for each token of a limit."""

# Ranges of Unicode blocks, as they stand between the brackets of a regular expression.
_HAN = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_SOUTH_EAST_ASIAN = "\u0e01-\u0e4e\u0e81-\u0eda\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3"
_SPACELESS = _HAN + _KANA + _SOUTH_EAST_ASIAN
_OTHER_LETTERS = "\U00010000-\U0001cfff\U0001e000-\U0001efff"
_EMOJI = "\U0001f000-\U0001f3fa\U0001f400-\U0001faff"


def _characters(categories: Container[str], without: str = "") -> str:
    """Returns the characters U+0000 to U+FFFF of the categories as ranges for between the brackets of an expression.

    The standard library's `re` knows no categories, but is twice as fast on them, spelled out, as the package `regex` is.
    """
    excluded = re.compile(f"[{without}]") if without else None
    characters = (chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) in categories)
    return _ranges(character for character in characters if not (excluded and excluded.match(character)))


def _ranges(characters: Iterable[str]) -> str:
    """Returns characters, which rise, as ranges for between the brackets of an expression."""
    ranges: list[list[int]] = []
    for code in map(ord, characters):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


_STRIDE, _LONG_RUN = 31, 8
_MOST_MARKS = _STRIDE * _LONG_RUN
"""On one letter; what is written has a few."""


@cache
def _many_marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Returns what finds so many marks, of which one stands for each stride, and what finds those behind the most.

    Marks are what Unicode's forms put in an order of its own, and what they make such of. Made when a text is long enough.
    """
    characters = map(chr, range(0x1F000))
    mark = f"[{_ranges(one for one in characters if unicodedata.combining(unicodedata.normalize('NFKD', one)[0]))}]"
    return re.compile(f"{mark}{{{_LONG_RUN}}}"), re.compile(f"({mark}{{{_MOST_MARKS}}}){mark}+")


_MARKS = ("Mn", "Mc", "Me")
_WORD = f"[{_characters(('Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'Nd', 'Nl', 'No', *_MARKS), without=_SPACELESS)}{_OTHER_LETTERS}]"
_RUN = f"{_WORD}{{1,{LONGEST_TOKEN}}}"
_PATTERN = re.compile(
    rf"\d{{1,20}}(?:[.,]\d{{1,20}}){{1,3}}(?!{_WORD})"
    rf"|(?<!\S)\.[nN][eE][tT]\b"
    rf"|{_RUN}(?:'(?![sS]\b){_RUN}){{0,3}}(?:\+\+|#)?"
    rf"|[{_SPACELESS}][{_characters(_MARKS)}]*"
    rf"|[{_characters(('Sc', 'So'))}{_EMOJI}%]"
)
_IS_SPACELESS = re.compile(f"[{_SPACELESS}]")
_PIECE = re.compile(rf"\S{{1,{LONGEST_TOKEN}}}")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'"})
_UNSEEN = frozenset(
    map(
        chr,
        [
            0xAD,
            0x61C,
            0x180E,
            *range(0x200C, 0x2010),
            *range(0x202A, 0x202F),
            *range(0x2060, 0x2070),
            *range(0xFE00, 0xFE10),
            0xFEFF,
        ],
    )
)
"""Soft hyphens, joiners and what keeps from joining, marks of direction, selectors of variants, the byte order mark: nobody
sees them, and they part no word."""
_STRAIGHT = _APOSTROPHES | {0x200B: " "} | dict.fromkeys(map(ord, _UNSEEN))


def tokenize(text: str, limit: int | None = None) -> list[str]:
    """Returns the tokens of a text in their order, at most `limit` of them.

    With a limit, no more of the text is looked at than `limit` tokens of `TAKEN` characters would fill, so that memory stays
    bounded whatever the text's size.
    """
    if limit is None:
        return _PATTERN.findall(normalise(text))
    text = text[: TAKEN * limit]
    if len(text) < 20 * limit:  # few tokens too many, if any, and findall is faster
        return _PATTERN.findall(normalise(text))[:limit]
    return [match.group() for match in islice(_PATTERN.finditer(normalise(text)), limit)]


def is_spaceless(token: str) -> bool:
    """Tells whether a token is a character of a script that puts no spaces between words."""
    return _IS_SPACELESS.match(token) is not None


def split_pieces(text: str, limit: int | None = None) -> list[str]:
    """Returns what stands between white space in a text, normalised as its tokens are, punctuation and all.

    A piece longer than 40 characters is cut into several. With a limit, at most so many, of as much of the text as `tokenize`
    looks at.
    """
    pieces = normalise(text if limit is None else text[: TAKEN * limit]).split()
    if any(len(piece) > LONGEST_TOKEN for piece in pieces):
        starts = ((piece, range(0, len(piece), LONGEST_TOKEN)) for piece in pieces)
        pieces = [piece[at : at + LONGEST_TOKEN] for piece, places in starts for at in places]
    return pieces[:limit]


def looked_at(text: str, limit: int) -> int:
    """Returns where in a text, counted in characters, lies the end of what `tokenize` and `split_pieces` return with a limit.

    Normalisation may make signs more or fewer; the text is taken as it was written.
    """
    text = text[: TAKEN * limit]
    seen, places = _seen(text)
    ends = (
        next((places[match.end() - 1] + 1 for match in islice(pattern.finditer(seen), limit - 1, limit)), len(text))
        for pattern in (_PATTERN, _PIECE)
    )
    return max(ends)


def token_spans(text: str) -> list[tuple[int, int]]:
    """Returns where the tokens of a text stand in it, as it was written: start and end, counted in characters.

    Normalisation may part or join what is written in one sign (a ligature, an ellipsis); there a span is that of the whole run.
    """
    seen, places = _seen(text)
    spans = (match.span() for match in _PATTERN.finditer(seen))
    return [(places[start], places[end - 1] + 1) for start, end in spans]


def _seen(text: str) -> tuple[str, Sequence[int]]:
    """Returns a text with straight apostrophes, without the signs that nobody sees, and where each of its signs stood."""
    seen = text.translate(_STRAIGHT)
    return seen, range(len(text)) if len(seen) == len(text) else [at for at, sign in enumerate(text) if sign not in _UNSEEN]


def normalise(text: str) -> str:
    """Returns the text as all that reads it does: without regard to case, to Unicode's forms, to kinds of apostrophes and to
    signs that are not to be seen. Turkish's capital dotted i is an i, as its small one is.
    """
    if text.isascii():
        return text.lower()
    return in_form("NFKC", text).translate(_STRAIGHT).casefold().replace("i\u0307", "i")


def in_form(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Returns a text in one of Unicode's forms, without the marks on a letter behind its first 248.

    They are left out because Python takes a time for them that grows with their square (python/cpython#149079): minutes for a
    text of one letter and 400,000 marks, which anyone may send to a server. Every 31st character shows whether there are such.
    """
    if len(text) > _MOST_MARKS:
        many, too_many = _many_marks()
        if many.search(text[::_STRIDE]):
            text = too_many.sub(r"\1", text)
    return unicodedata.normalize(form, text)
