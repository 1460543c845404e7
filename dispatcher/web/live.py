"""A campaign while it is sent: figures that move, why it waits, and the stop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse

from campaigns import places
from campaigns.campaign import Campaign
from dispatcher import control, outlook
from dispatcher.control import View
from dispatcher.lifecycle import CampaignStatus
from dispatcher.outlook import Outlook
from dispatcher.store import campaigns, log
from dispatcher.waiting import stop_words
from dispatcher.web import campaign as one
from dispatcher.web.charts import bands, bar, bars, tiles
from dispatcher.web.door import Page, Visit, recognised
from dispatcher.web.rendering import fragment
from dispatcher.web.rights import Action
from dispatcher.words import NETWORK_WORDS

TICK_SECONDS = 1.0
# A stream lasts so long; the browser then opens a new one, and is asked anew who it is.
STREAM_SECONDS = 300
RATE_SECONDS = 30
# Counting by commune reads every message: once in so long for everybody who looks.
FRESH_SECONDS = 20
FORESEEN_SECONDS = 50
SHOWN_COMMUNES = 200
TILES = 60
MOVING = (CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.APPROVED)
EVENTS = {"cache-control": "no-store", "x-accel-buffering": "no"}

# What a campaign may expect; nothing for one that is not going on.
Foreseen = tuple[Outlook, Campaign] | tuple[None, None]
Rows = list[tuple[str, Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Messages by network and by commune, as they stood at a moment of `time.monotonic`."""

    networks: Rows
    communes: Rows
    at: float


async def _view(visit: Visit) -> View:
    refusal = (await visit.runtime.guard.find(visit.runtime.pool)).refusal
    async with visit.desk(snapshot=True) as connection:
        stored = await one.found(connection, visit)
        return await control.view(connection, stored.edition, refusal)


def _told(visit: Visit, seen: View, rate: float | None) -> dict[str, Any]:
    """What the moving part of the page shows."""
    return {
        "view": seen,
        "stand": control.stopped(seen.counts),
        "unplanned": control.unplanned(seen),
        "bands": bands(seen.counts, visit.speech),
        "bar": bar(seen.counts, visit.speech),
        "stops": [(route, stop_words(stop)) for route, stops in seen.stopped_routes.items() for stop in stops],
        "rate": rate,
        "moving": seen.status in MOVING,
    }


async def live(visit: Visit) -> Response:
    return visit.show("live.html", **_told(visit, await _view(visit), None))


async def events(visit: Visit) -> Response:
    """The moving part, each time it has changed."""
    await _view(visit)  # what is not there is told before a stream begins
    return StreamingResponse(_stream(visit), media_type="text/event-stream", headers=EVENTS)


async def _stream(visit: Visit) -> AsyncIterator[str]:
    history: deque[tuple[float, int]] = deque()
    last, ends = "", time.monotonic() + STREAM_SECONDS
    while time.monotonic() < ends:
        seen = await _view(visit)
        html = fragment(visit, "parts/live.html", _told(visit, seen, _rate(history, seen)))
        if html != last:
            yield event("figures", html)
            last = html
        if seen.status not in MOVING:
            yield event("over", "")
            return
        await asyncio.sleep(TICK_SECONDS)
        if not (await recognised(visit)).may(Action.SEE_FIGURES):
            yield event("over", "")
            return


def event(name: str, html: str) -> str:
    """A piece of a page in a stream of them."""
    lines = "".join(f"data: {line}\n" for line in html.split("\n"))
    return f"event: {name}\n{lines}\n"


def _rate(history: deque[tuple[float, int]], seen: View) -> float | None:
    """Messages a second over the last half minute; None before there is anything to compare."""
    now, out = time.monotonic(), control.stopped(seen.counts).out
    history.append((now, out))
    while now - history[0][0] > RATE_SECONDS:
        history.popleft()
    began, before = history[0]
    return (out - before) / (now - began) if now - began > 2 * TICK_SECONDS else None


async def breakdown(visit: Visit) -> Response:
    """By network and commune: a part of the live page, or a page of its own where there is no JavaScript."""
    found = await _counted(visit)
    alone = not visit.request.headers.get("hx-request")
    values: dict[str, Any] = {
        "edition": visit.path("edition"),
        "networks": found.networks,
        "communes": found.communes[:SHOWN_COMMUNES],
        "more": max(0, len(found.communes) - SHOWN_COMMUNES),
        "network_bars": bars(found.networks, visit.speech, visit.speech.word("Số tin theo nhà mạng")),
        "commune_tiles": tiles(
            found.communes[:TILES], visit.speech, visit.speech.word("Các xã, phường có nhiều tin nhất")
        ),
        "bands_of": lambda counts: bands(counts, visit.speech),
    }
    return visit.show("breakdown.html" if alone else "parts/breakdown.html", **values)


async def forecast(visit: Visit) -> Response:
    """When each wave will be out, as far as can be told now: a part of the live page, or a page of its own."""
    seen, campaign = await _foreseen(visit)
    alone = not visit.request.headers.get("hx-request")
    return visit.show(
        "forecast.html" if alone else "parts/forecast.html",
        edition=visit.path("edition"),
        outlook=seen,
        finishes=list(one.finishes(seen, campaign)) if seen and campaign else [],
    )


async def _foreseen(visit: Visit) -> Foreseen:
    """Counting people may take a while: reckoned once in so long for everybody who looks."""
    kept: dict[tuple[int, str], tuple[float, Foreseen]] = visit.request.app.state.outlooks
    key = (visit.person.organisation_id, visit.path("edition"))
    async with visit.request.app.state.foreseeing:
        for old in [k for k, (at, _) in kept.items() if time.monotonic() - at > FORESEEN_SECONDS]:
            del kept[old]
        if key not in kept:
            async with visit.desk() as connection:
                stored = await one.found(connection, visit)
                if stored.status not in MOVING:
                    return None, None
                waves = await campaigns.waves(connection, stored.id)
                seen = await outlook.look(connection, stored, waves, one.routes(visit))
            kept[key] = time.monotonic(), (seen, Campaign.model_validate(stored.definition))
        return kept[key][1]


async def _counted(visit: Visit) -> Breakdown:
    kept: dict[tuple[int, str], Breakdown] = visit.request.app.state.breakdowns
    key = (visit.person.organisation_id, visit.path("edition"))
    async with visit.request.app.state.counting:
        for old in [k for k, found in kept.items() if time.monotonic() - found.at > FRESH_SECONDS]:
            del kept[old]
        if key not in kept:
            async with visit.desk() as connection:
                stored = await one.found(connection, visit)
                networks = await log.outcomes(connection, stored.edition, "network")
                communes = await log.outcomes(connection, stored.edition, "area_code")
            made = Breakdown(_rows(networks, NETWORK_WORDS), _rows(communes, _communes()), time.monotonic())
            if not networks:
                return made  # costs nothing to count, and looks wrong as soon as the first wave is planned
            kept[key] = made
        return kept[key]


def _communes() -> dict[str, str]:
    return {"": "chưa rõ xã", **{code: area.name for code, area in places.areas().items()}}


def _rows(found: list[tuple[str, str, int]], words: Mapping[str, str]) -> Rows:
    counts: dict[str, dict[str, int]] = {}
    for value, status, n in found:
        counts.setdefault(value, {})[status] = n
    largest = sorted(counts.items(), key=lambda item: -sum(item[1].values()))
    return [(words.get(value, value), by_status) for value, by_status in largest]


PAGES = (
    Page("/campaigns/{edition}/live", Action.SEE_FIGURES, live),
    Page("/campaigns/{edition}/live/events", Action.SEE_FIGURES, events),
    Page("/campaigns/{edition}/forecast", Action.SEE_FIGURES, forecast),
    Page("/campaigns/{edition}/breakdown", Action.SEE_FIGURES, breakdown),
)
