"""Pictures drawn here: bars of statuses and a grid of places, as SVG. Each stands beside a table that says the same in figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from markupsafe import Markup

from dispatcher.lifecycle import Status
from dispatcher.web.speech import Speech

S = Status
# What is drawn in one colour, the certain first; `wait` has not left.
BANDS: tuple[tuple[str, str, tuple[Status, ...]], ...] = (
    ("good", "đã tới máy", (S.DELIVERED,)),
    ("sea", "nhà mạng đã nhận, đang gửi", (S.SUBMITTED, S.SENDING)),
    ("heed", "chưa rõ", (S.UNCERTAIN, S.UNCONFIRMED)),
    ("bad", "không tới, bị từ chối, hỏng", (S.UNDELIVERED, S.REJECTED, S.FAILED)),
    ("quiet", "bỏ qua, hủy, quá hạn", (S.SUPPRESSED, S.CANCELLED, S.EXPIRED)),
    ("wait", "chờ gửi", (S.QUEUED, S.RETRYING)),
)
WIDTH, BAR = 720, 22
# Bars with names beside them, no wider than half a page or a phone: what is wider is drawn smaller, letters too.
NARROW, LABEL, NUMBER, LINE, LETTERS = 440, 122, 64, 38, 16
# A grid of places: so many beside each other, each so large.
COLUMNS, TILE_WIDTH, TILE_HEIGHT, GAP, NAME = 3, 144, 54, 4, 16
# From what share of its messages delivered a place is drawn in which tone; the last is for none at all.
REACHED: tuple[tuple[float, str], ...] = ((0.9, "most"), (0.5, "half"), (0.0001, "few"), (0.0, "none"))


@dataclass(frozen=True, slots=True)
class Band:
    """A part of a bar."""

    tone: str
    words: str
    count: int


def bands(counts: Mapping[str, int], speech: Speech) -> list[Band]:
    """Statuses as bands, in the order of `BANDS`; empty ones too, so that colours keep their places."""
    return [Band(tone, speech.word(words), sum(counts.get(s, 0) for s in statuses)) for tone, words, statuses in BANDS]


def bar(counts: Mapping[str, int], speech: Speech) -> Markup:
    """One bar over the whole width."""
    found = bands(counts, speech)
    said = ", ".join(f"{band.words}: {speech.number(band.count)}" for band in found if band.count)
    parts = "".join(_pieces(found, 0, WIDTH, 0))
    return _svg(WIDTH, BAR, said or speech.word("chưa có tin nào"), parts)


def bars(rows: Sequence[tuple[str, Mapping[str, int]]], speech: Speech, title: str) -> Markup:
    """A bar for each row, as long as the row is large; the largest takes the width."""
    largest = max((sum(counts.values()) for _, counts in rows), default=0) or 1
    drawn = []
    for place, (name, counts) in enumerate(rows):
        top, total = place * LINE, sum(counts.values())
        length = (NARROW - LABEL - NUMBER) * total / largest
        drawn.append(f'<text x="0" y="{top + 17}" font-size="{LETTERS}">{escape(name)}</text>')
        drawn += _pieces(bands(counts, speech), LABEL, length, top)
        number = escape(speech.number(total))
        drawn.append(
            f'<text class="faint" x="{LABEL + length + 8:.1f}" y="{top + 17}" font-size="{LETTERS}">{number}</text>'
        )
    return _svg(NARROW, max(len(rows), 1) * LINE, title, "".join(drawn))


def tiles(rows: Sequence[tuple[str, Mapping[str, int]]], speech: Speech, title: str) -> Markup:
    """A tile for each place with the share of its messages that reached a phone, the darker the larger."""
    drawn = []
    for place, (name, counts) in enumerate(rows):
        left, top = place % COLUMNS * (TILE_WIDTH + GAP), place // COLUMNS * (TILE_HEIGHT + GAP)
        total, reached = sum(counts.values()), counts.get(S.DELIVERED, 0)
        share = reached / total if total else 0.0
        tone = next(tone for least, tone in REACHED if share >= least)
        short = name if len(name) <= NAME else f"{name[: NAME - 1]}…"
        said = f"{name}: {speech.number(reached)}/{speech.number(total)}"
        drawn.append(
            f'<g class="t-{tone}"><title>{escape(said)}</title><rect x="{left}" y="{top}" width="{TILE_WIDTH}"'
            f' height="{TILE_HEIGHT}" rx="4"/><text x="{left + 8}" y="{top + 22}" font-size="{LETTERS}">{escape(short)}</text>'
            f'<text x="{left + 8}" y="{top + 43}" font-size="{LETTERS}">{speech.percent(reached, total)}</text></g>'
        )
    lines = max(1, -(-len(rows) // COLUMNS))
    return _svg(COLUMNS * (TILE_WIDTH + GAP) - GAP, lines * (TILE_HEIGHT + GAP), title, "".join(drawn))


def _pieces(found: Iterable[Band], left: float, width: float, top: float) -> list[str]:
    found = list(found)
    total = sum(band.count for band in found)
    drawn, at = [], left
    for band in found:
        wide = width * band.count / total if total else 0
        if wide:
            drawn.append(f'<rect class="s-{band.tone}" x="{at:.2f}" y="{top}" width="{wide:.2f}" height="{BAR}"/>')
        at += wide
    return drawn or [f'<rect class="s-wait" x="{left}" y="{top}" width="{max(width, 2):.2f}" height="{BAR}"/>']


def _svg(width: float, height: float, said: str, inside: str) -> Markup:
    head = f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(said)}>'
    return Markup(f"{head}{inside}</svg>")  # noqa: S704  every text in it is escaped above
