"""Segments by brute force: one character after another is put into parts, from a table written out a second time."""

import unicodedata
from collections.abc import Iterable

from campaigns.text import Encoding

# 3GPP TS 23.038 6.2.1, copied from the standard and not from our data file.
ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPED = "\f^{}\\[~]|€"


def packed(text: str) -> tuple[Encoding, int, int]:
    """Encoding, units and parts of a text."""
    text = unicodedata.normalize("NFC", text)
    if all(char in ALPHABET + ESCAPED for char in text):
        costs = [2 if char in ESCAPED else 1 for char in text]
        return Encoding.GSM7, sum(costs), parts(costs, 160, 153)
    costs = [len(char.encode("utf-16-le", "surrogatepass")) // 2 for char in text]
    return Encoding.UCS2, sum(costs), parts(costs, 70, 67)


def parts(costs: Iterable[int], alone: int, part: int) -> int:
    """Parts that pieces of these costs fill, none of them torn apart."""
    costs = list(costs)
    if sum(costs) <= alone:
        return 1 if costs else 0
    filled = [0]
    for cost in costs:
        if filled[-1] + cost > part:
            filled.append(0)
        filled[-1] += cost
    return len(filled)
