"""What is worth a second look in one text before anybody approves it: never a reason to refuse."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.lints import Finding, Rule
from campaigns.template import Form
from campaigns.text import LIMITS, Kind, Size, costly, measure, nfc, plain
from campaigns.tones import syllables, two_ways
from campaigns.words import named, stigmatising

# Refused by some carriers or aggregators in at least one class of message.
REFUSED = frozenset("#&%[]{}\\<@")
NEAR = 10  # units over the edge of a segment that are worth an editor's minute
FEW = 0.25  # Vietnamese written with accents has them on most of its syllables


def advice(body: str, form: Form) -> Iterator[Finding]:
    """Every remark on a text as it will be read."""
    remarks = (
        signs(body) if form is Form.ACCENTED else leftover_accents(body),
        edge(measure(body)),
        refused_signs(body),
        half_accented(body),
        spelling(body),
    )
    yield from (Finding(Rule.ADVICE, remark, refuses=False) for remark in remarks if remark)
    yield from (Finding(Rule.BANNED, remark, refuses=False) for remark in stigma(body))


def signs(body: str) -> str | None:
    """A text that would be plain but for a typographic sign: one en dash costs a campaign."""
    found = costly(body)
    if not found or any(char.kind in (Kind.ACCENT, Kind.LOOKALIKE) or char.char.isalpha() for char in found):
        return None
    listed = ", ".join(dict.fromkeys(f'"{char.char}" ({char.code_point})' for char in found))
    return f"chỉ vì {listed} mà cả tin thành UCS-2; thay bằng dấu thường để giảm số phần tin"


def edge(size: Size) -> str | None:
    """A text that a few characters less would make a segment shorter."""
    limits, fewer = LIMITS[size.encoding], size.segments - 1
    over = size.units - (limits.alone if fewer == 1 else limits.part * fewer) if fewer > 0 else 0
    return f"bớt {over} ký tự thì còn {fewer} phần tin" if 0 < over <= NEAR else None


def refused_signs(body: str) -> str | None:
    """Signs that not every carrier takes."""
    found = " ".join(sorted(REFUSED.intersection(body)))
    return f"một số nhà mạng từ chối tin có ký tự {found}" if found else None


def stigma(body: str) -> Iterator[str]:
    """Words that put people down."""
    yield from (f'từ "{word.word}" {word.reason}; viết "{word.instead}"' for word in named(body, stigmatising()))


def leftover_accents(body: str) -> str | None:
    """Letters with accents in a text that should have none; seven of them are in GSM-7 and so pass unnoticed."""
    left = "".join(dict.fromkeys(char for char in body if char.isalpha() and plain(char) != char))
    return f"bản không dấu vẫn còn chữ có dấu: {left}" if left else None


def half_accented(body: str) -> str | None:
    """A text that pays for accents on few of its words."""
    words = [word for _, word in syllables(nfc(body))]
    accented = [word for word in words if plain(word) != word]
    if not costly(body) or not 0 < len(accented) < FEW * len(words):
        return None
    listed = ", ".join(dict.fromkeys(accented[:5]))
    return f"chỉ {len(accented)} trên {len(words)} chữ có dấu ({listed}) mà cả tin tính giá có dấu; viết thống nhất"


def spelling(body: str) -> str | None:
    """One word spelled in both schools; told, never changed."""
    pairs = "; ".join(f"{one} và {other}" for one, other in two_ways(body)[:5])
    return f"cùng một chữ viết hai cách đặt dấu: {pairs}; cả hai đều đúng, nên chọn một" if pairs else None
