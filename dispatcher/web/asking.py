"""What a form asks of the log: read into a query, and put into the form again."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from campaigns.calendar import VIETNAM
from dispatcher.lifecycle import Status
from dispatcher.searching import Query, SearchError
from dispatcher.store import campaigns, search
from dispatcher.store.database import Connection
from dispatcher.store.search import Wanted
from dispatcher.web.door import Visit

DAYS = ("since", "until")
WORDS = ("number", "campaign", "wave", "route", "place", "error", "reference", "approver")
# Asked rarely: the form shows them when one of them is.
SELDOM = ("wave", "route", "place", "error", "reference", "approver", *DAYS)


def asked(visit: Visit) -> dict[str, Any]:
    """The fields as they were filled in; `statuses` are those that there are."""
    written = {name: visit.given(name) for name in (*WORDS, *DAYS)}
    return {**written, "statuses": [Status(s) for s in visit.form.getlist("status") if s in set(Status)]}


def query(visit: Visit, limit: int) -> Query:
    """What is looked for. Days are whole ones of Viet Nam: those are counted. Raises `SearchError`."""
    given = asked(visit)
    return Query(
        **{name: given[name] or None for name in WORDS},
        statuses=tuple(given["statuses"]),
        since=_midnight(given["since"], timedelta(0)),
        until=_midnight(given["until"], timedelta(days=1)),
        limit=limit,
    )


def _midnight(written: str, later: timedelta) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(written), time(), VIETNAM) + later if written else None
    except (ValueError, OverflowError):
        raise SearchError(f"Không đọc được ngày {written}: ghi dạng 2026-06-01.") from None


async def choices(connection: Connection, visit: Visit) -> dict[str, Any]:
    """What the form offers to choose from; waves, where the form names their campaign."""
    chosen = visit.given("campaign")
    return {
        "asked": asked(visit),
        "more": visit.form.getlist("status") != [] or any(visit.given(name) for name in SELDOM),
        "stored": await campaigns.titles(connection),
        "waves": await search.slugs(connection, Wanted(edition=chosen)) if chosen else [],
        "routes": sorted(visit.runtime.routes),
    }
