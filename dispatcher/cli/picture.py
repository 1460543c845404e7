"""A campaign's status as a person sees it on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from dispatcher.cli.terminal import number
from dispatcher.control import SPOKEN, View
from dispatcher.waiting import stop_words
from dispatcher.words import STATUS_WORDS, WAVE_WORDS


def picture_grid(seen: View) -> Table:
    """A status for people, in one piece."""
    grid = Table.grid()
    for part in picture(seen):
        grid.add_row(part)
    return grid


def picture(seen: View) -> Iterator[Any]:
    """A status for people."""
    yield f"[bold]{seen.campaign}[/]: {escape(seen.title)} ({SPOKEN[seen.status]})"
    made = Table(header_style="bold")
    for column in ("đợt", "trạng thái", "đã lập"):
        made.add_column(column)
    present = [s for s in STATUS_WORDS if seen.counts.get(s)]
    for status_ in present:
        made.add_column(STATUS_WORDS[status_], justify="right")
    for wave in seen.waves:
        counts = [number(wave.counts.get(s, 0)) for s in present]
        made.add_row(wave.slug, WAVE_WORDS[wave.status], number(wave.planned), *counts)
    yield made
    for wave in seen.waves:
        if wave.waits:
            yield f"Đợt {wave.slug} chưa gửi: {escape(wave.waits)}."
    accounted = "[green]khớp[/]" if seen.accounted else "[bold red]KHÔNG KHỚP[/]"
    yield f"Đã lập {number(seen.planned)} tin, {number(seen.segments)} phần tin; tổng các trạng thái: {accounted}."
    if seen.void:
        yield f"[bold red]Phê duyệt không còn hiệu lực:[/] {escape(seen.void)}."
    for route, stops in seen.stopped_routes.items():
        for stop in stops:
            yield f"[yellow]Đường gửi {route}[/] {escape(stop_words(stop))}"
