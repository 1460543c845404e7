"""Letters into octets and back: the GSM default alphabet unpacked (one septet an octet), Latin-1, UCS-2.

Source: 3GPP TS 23.038 6.2.1 for the alphabet, 4 for what a data_coding means; SMPP 3.4, 5.2.19.
"""

from __future__ import annotations

from enum import StrEnum


class Alphabet(StrEnum):
    """How the letters of one PDU are written. What data_coding 0 means is the carrier's choice: GSM or Latin-1."""

    GSM = "gsm"
    LATIN1 = "latin1"
    UCS2 = "ucs2"


# data_coding to send each with, unless the account says otherwise.
DATA_CODING = {Alphabet.GSM: 0, Alphabet.LATIN1: 3, Alphabet.UCS2: 8}

ESCAPE = 0x1B
# In the order of their septets.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
EXTENDED = frozenset(EXTENSION.values())
LETTERS = frozenset(BASIC) - {chr(ESCAPE)} | EXTENDED

_TO_SEPTETS = {ord(letter): septet for septet, letter in enumerate(BASIC)} | {
    ord(letter): chr(ESCAPE) + chr(septet) for septet, letter in EXTENSION.items()
}
_FROM_SEPTETS = dict(enumerate(BASIC)) | dict.fromkeys(range(0x80, 0x100), "\ufffd")


def encoded(text: str, alphabet: Alphabet) -> bytes:
    """The octets of a text. Raises ValueError for a letter that the alphabet does not have."""
    if alphabet is Alphabet.UCS2:
        return text.encode("utf-16-be")
    if not LETTERS.issuperset(text):
        raise ValueError(f"not in the GSM alphabet: {sorted(set(text) - LETTERS)[:5]}")
    if alphabet is Alphabet.LATIN1:
        return text.encode("latin-1")
    return text.translate(_TO_SEPTETS).encode("latin-1")


def decoded(octets: bytes, alphabet: Alphabet) -> str:
    """The text that somebody sent. Never fails: what is not in the alphabet becomes U+FFFD."""
    if alphabet is Alphabet.UCS2:
        return octets.decode("utf-16-be", errors="replace")
    if alphabet is Alphabet.LATIN1:
        return octets.decode("latin-1")
    head, *escaped = octets.split(bytes((ESCAPE,)))
    return _letters(head) + "".join(map(_after_escape, escaped))


def _letters(octets: bytes) -> str:
    return octets.decode("latin-1").translate(_FROM_SEPTETS)


def _after_escape(octets: bytes) -> str:
    """An escaped septet that is not in the extension is read in the basic table, as the standard wants."""
    extended = EXTENSION.get(octets[0]) if octets else None
    return extended + _letters(octets[1:]) if extended else _letters(octets)


def alphabet_of(data_coding: int, default: Alphabet) -> Alphabet:
    """How to read what came with this data_coding; `default` is what the carrier means by 0.

    Octets of no alphabet (2, 4) are read as Latin-1: nothing of them is lost.
    """
    if data_coding >= 0xF0:  # a message class
        return Alphabet.LATIN1 if data_coding & 0x04 else default
    if data_coding >= 0xC0:  # message waiting
        return Alphabet.UCS2 if data_coding >= 0xE0 else default
    if data_coding >= 0x10:  # a GSM coding group, compressed or with a class
        return (default, Alphabet.LATIN1, Alphabet.UCS2, default)[data_coding >> 2 & 3]
    return {8: Alphabet.UCS2, 0: default, 1: default}.get(data_coding, Alphabet.LATIN1)
