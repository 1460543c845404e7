"""What a text costs over the air: normal form, alphabet, segments, and what to write instead of a costly character.

The alphabet is 3GPP TS 23.038 6.2.1 (data/gsm7.csv). No national shift table exists for Vietnamese, so one letter
outside that alphabet turns the whole text into UCS-2.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from campaigns.tables import rows


class Encoding(StrEnum):
    """How a text goes over the air."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Size:
    """What a text costs: `units` are septets (GSM-7) or UTF-16 code units (UCS-2), headers not counted."""

    encoding: Encoding
    units: int
    segments: int


class Kind(StrEnum):
    """Why a character is there, as far as it can be told from the character alone."""

    ACCENT = "accent"  # a Latin letter with marks or a stroke: Vietnamese and its neighbours
    LOOKALIKE = "lookalike"  # a letter or digit of another alphabet that is drawn like a Latin one
    SIGN = "sign"  # quotes, dashes, bullets: put in by word processors and phones
    SPACE = "space"
    INVISIBLE = "invisible"  # zero width, direction marks, soft hyphens
    OTHER = "other"  # emoji, foreign scripts


@dataclass(frozen=True, slots=True)
class Costly:
    """A character that forces UCS-2.

    `position` counts characters of the NFC text from 1; `replacement` is the plain way to write it ("" = leave it
    out), None where there is none (emoji, foreign scripts).
    """

    char: str
    code_point: str
    name: str
    position: int
    replacement: str | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Limits:
    """Units that fit in a message sent alone, and in each part of a longer one."""

    alone: int
    part: int


# A part carries a 6-octet header with an 8-bit reference, as every carrier met so far bills it.
LIMITS = {Encoding.GSM7: Limits(160, 153), Encoding.UCS2: Limits(70, 67)}

ESCAPE = "\x1b"


def _alphabet(table: str) -> frozenset[str]:
    points = (row["code_point"] for row in rows("gsm7.csv") if row["table"] == table)
    return frozenset(chr(int(point.removeprefix("U+"), 16)) for point in points)


BASIC = _alphabet("basic") - {ESCAPE}
EXTENSION = _alphabet("extension")  # each costs the escape and a septet
GSM7 = BASIC | EXTENSION


def nfc(text: str) -> str:
    """The composed form. macOS and some PDFs write decomposed letters, which cost up to a third more."""
    return unicodedata.normalize("NFC", text)


def measure(text: str) -> Size:
    """Alphabet, units and segments of a text as it will be sent, that is in NFC. An empty text has no segment.

    Parts are filled greedily. Neither an escape pair nor a surrogate pair is split over two parts; a combining mark
    may be, since carriers bill by unit and a handset joins the parts before it draws them.
    """
    text = nfc(text)
    if GSM7.issuperset(text):
        return _size(Encoding.GSM7, len(text), (char in EXTENSION for char in text))
    return _size(Encoding.UCS2, len(text), (char > "\uffff" for char in text))


def _size(encoding: Encoding, characters: int, doubles: Iterator[bool]) -> Size:
    at = [index for index, double in enumerate(doubles) if double]
    units = characters + len(at)
    limits = LIMITS[encoding]
    if units <= limits.alone:
        return Size(encoding, units, min(units, 1))
    return Size(encoding, units, _parts(units, (index + seen for seen, index in enumerate(at)), limits.part))


def _parts(units: int, pairs: Iterator[int], capacity: int) -> int:
    """Parts needed for `units`, where a pair starts at each unit of `pairs` and must stay whole."""
    wasted = 0
    for start in pairs:
        # The last unit of a part cannot take the first half of a pair: it stays empty.
        if (start + wasted) % capacity == capacity - 1:
            wasted += 1
    return -(-(units + wasted) // capacity)


# What decomposition does not know: letters with a stroke, look-alikes from other fonts and alphabets, punctuation
# that word processors and phones put in by themselves. What would change its meaning is written out: 5½ is not 51/2,
# 10⁶ is not 106, and ≠ is not =.
FOLDED = {
    **dict.fromkeys("đðɖɗ₫", "d"),
    **dict.fromkeys("ĐÐƉƊ", "D"),
    **dict(zip("ƀɃħĦłŁıŋƁɓɑɡ", "bBhHlLinBbag", strict=True)),
    **dict(zip("аеорсухіѕјһԁԛԝӏѵүкмт", "aeopcyxisjhdqwlvykmt", strict=True)),  # Cyrillic
    **dict(zip("АВЕКМНОРСТХУІЅЈҮԚԜѴӀ", "ABEKMHOPCTXYISJYQWVI", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXC", strict=True)),  # Greek
    **dict(zip("αεικνορτυχγϲϳ", "aeikvoptuxycj", strict=True)),
    **dict(zip("օոսհաց", "onuhwg", strict=True)),  # Armenian
    **dict.fromkeys("‘’‚‛′ʼʻʹˊˋ`´", "'"),
    **dict.fromkeys("“”„‟″«»〝〞", '"'),
    **dict.fromkeys("‐‑‒–—―−⁃•·∙‣◦▪●○■", "-"),
    **dict(zip("‹›×⁄∼÷、。", "<>x/~:,.", strict=True)),
    **{char: f"^{digit}" for digit, char in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{char: f" {fraction}" for char, fraction in zip("¼½¾⅓⅔", ("1/4", "1/2", "3/4", "1/3", "2/3"), strict=True)},
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "±": "+/-",
    "©": "(c)",
    "®": "(R)",
    "…": "...",
    "→": "->",
    "←": "<-",
    "\t": " ",
    "\u2028": "\n",
    "\u2029": "\n",
}
ETHS = frozenset("ðÐɖƉɗƊ")  # drawn like đ and Đ, and typed for them
_FOLD = str.maketrans(FOLDED)
NEGATION = "\u0338"  # the stroke through = < >: without it they would say the opposite


def plain(text: str) -> str:
    """The unaccented form: no diacritics, no d with stroke, look-alikes and typographic punctuation folded to ASCII.

    Marks of scripts other than Latin, Greek and Cyrillic are left alone, and so is whatever has no plain form (emoji).
    """
    folded = nfc(text).translate(_FOLD)
    bare = "".join(char for char in unicodedata.normalize("NFKD", folded) if not _mark(char))
    return nfc("".join(map(_visible, bare.translate(_FOLD))))


def _mark(char: str) -> bool:
    return "\u0300" <= char <= "\u036f" and char != NEGATION


def _visible(char: str) -> str:
    """Every kind of space is a space; what has no shape (zero width, direction marks, soft hyphen) is nothing."""
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    return "" if category == "Cf" or (category == "Cc" and char not in GSM7) else char


def costly(text: str) -> list[Costly]:
    """The characters of a text that force UCS-2, in order; empty for a text that fits GSM-7."""
    return [_costly(char, position) for position, char in enumerate(nfc(text), start=1) if char not in GSM7]


def _costly(char: str, position: int) -> Costly:
    unnamed = "CONTROL" if unicodedata.category(char) == "Cc" else "UNNAMED"
    name = unicodedata.name(char, unnamed)
    return Costly(char, f"U+{ord(char):04X}", name, position, replacement(char), kind(char))


def replacement(char: str) -> str | None:
    """The plain way to write a character, None where there is none."""
    simple = plain(char)
    return simple if GSM7.issuperset(simple) else None


_BLANK = {"Zs": Kind.SPACE, "Zl": Kind.SPACE, "Zp": Kind.SPACE, "Cc": Kind.INVISIBLE, "Cf": Kind.INVISIBLE}
_LETTERS = frozenset(("Lu", "Ll", "Lt", "Lm", "Lo", "Nd"))


def kind(char: str) -> Kind:
    """What a character outside GSM-7 is, to tell a Vietnamese letter from one that only looks like it."""
    category = unicodedata.category(char)
    if category in _BLANK:
        return Kind.SPACE if char == "\t" else _BLANK[category]
    if replacement(char) is None:
        return Kind.OTHER
    if category not in _LETTERS:
        return Kind.ACCENT if category == "Mn" else Kind.SIGN
    return Kind.LOOKALIKE if _foreign(char) else Kind.ACCENT if plain(char).isalnum() else Kind.SIGN


def _foreign(char: str) -> bool:
    """Of another alphabet, or a dressed-up form (full-width, mathematical, circled) of a letter or digit."""
    dressed = unicodedata.decomposition(char).startswith("<")
    return dressed or char in ETHS or not unicodedata.name(char, "").startswith(("LATIN ", "MODIFIER LETTER "))
