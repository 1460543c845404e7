"""What an approval is bound to, part by part, and what of it is no longer so. The canonical form: docs/approval.md."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC
from enum import StrEnum
from typing import Any

from campaigns.campaign import Campaign, Channel, Wave
from campaigns.compose import variants
from dispatcher.settings import RouteConfig
from dispatcher.store import approvals, audiences
from dispatcher.store.approvals import Path
from dispatcher.store.audiences import EVERYBODY
from dispatcher.store.campaigns import StoredCampaign, StoredWave
from dispatcher.store.database import Connection

FORM = "dispatcher approval 1"
# Changes that are told one by one; the rest are counted.
TOLD = 3
LONGEST = 60
# So long an alert that was approved the short way may run unconfirmed.
UNCONFIRMED_HOURS = 24


class Part(StrEnum):
    """What is sealed. `bodies` are the texts as people will read them, `campaign` is all that has no part of its own."""

    AUDIENCES = "audiences"
    BODIES = "bodies"
    CAMPAIGN = "campaign"
    CEILING = "ceiling"
    CLASS = "class"
    ROUTES = "routes"
    TEXTS = "texts"
    WAVES = "waves"


PART_WORDS = {
    Part.TEXTS: "nội dung tin",
    Part.BODIES: "chữ người dân sẽ đọc",
    Part.WAVES: "lịch gửi",
    Part.AUDIENCES: "nhóm người nhận",
    Part.ROUTES: "đường gửi",
    Part.CEILING: "mức chi tối đa",
    Part.CLASS: "loại tin",
    Part.CAMPAIGN: "thông tin chiến dịch",
}
ROUTE_FIELDS = {"name", "provider", "sender", "networks", "tps", "per_hour", "per_day", "when_down"}

Terms = Mapping[str, Any]


async def terms(
    connection: Connection,
    stored: StoredCampaign,
    waves: Sequence[StoredWave],
    routes: Sequence[RouteConfig],
    *,
    bodies: Collection[str] | None = None,
) -> dict[str, Any]:
    """Every part as it stands now; the bodies of these waves only (None: of all). A wave for operators has no audience."""
    campaign = Campaign.model_validate(stored.definition)
    wanted = [wave for wave in waves if bodies is None or wave.slug in bodies]
    rest = {k: v for k, v in stored.definition.items() if k not in ("texts", "waves", "budget", "message_class")}
    parts: dict[Part, Any] = {
        Part.AUDIENCES: {wave.slug: await _audience(connection, wave) for wave in waves},
        Part.BODIES: {wave.slug: await _bodies(connection, campaign, wave) for wave in wanted},
        Part.CAMPAIGN: rest,
        Part.CEILING: campaign.budget,
        Part.CLASS: campaign.message_class.value,
        Part.ROUTES: [_route(route) for route in routes],
        Part.TEXTS: stored.definition["texts"],
        Part.WAVES: {wave.slug: _wave(campaign, wave) for wave in waves},
    }
    # As it will be read again from the database.
    found: dict[str, Any] = json.loads(json.dumps(parts))
    return found


async def _audience(connection: Connection, wave: StoredWave) -> dict[str, Any]:
    audience = await audiences.of_id(connection, wave.audience_id or 0)
    if audience is None:
        return {}
    chosen = {} if wave.selection == EVERYBODY else {"chosen": dataclasses.asdict(wave.selection)}
    return {
        "name": audience.name,
        "version": audience.version,
        "roster_sha256": audience.source_sha256,
        "recipients": audience.recipients,
        **({"relation": audience.relation} if audience.relation else {}),
        **chosen,
    }


async def _bodies(connection: Connection, campaign: Campaign, wave: StoredWave) -> str:
    """A hash of every body of a wave, with whom it is for."""
    found = variants(campaign, wave.slug, await audiences.areas(connection, wave.audience_id or 0))
    listed = [
        [
            v.language,
            v.area_code,
            v.body,
            v.encoding.value,
            v.segments,
            *([v.template, v.parameters] if v.template else []),
        ]
        for v in found
    ]
    return _hash(listed)


def _route(route: RouteConfig) -> dict[str, Any]:
    return route.model_dump(mode="json", include=ROUTE_FIELDS)


def _wave(campaign: Campaign, wave: StoredWave) -> dict[str, Any]:
    written = campaign.wave(wave.slug)
    return {
        "opens_at": wave.opens_at.astimezone(UTC).isoformat(),
        "closes_at": wave.closes_at.astimezone(UTC).isoformat(),
        "window": [wave.window_from.isoformat(), wave.window_to.isoformat()],
        "text": written.text,
        "form": written.form.value,
        "priority": wave.priority.value,
        "order": list(written.order),
        "areas": list(written.areas),
        **_channel(written),
    }


def _channel(wave: Wave) -> dict[str, Any]:
    """Left out for SMS: approvals of before there was another channel hold."""
    if wave.channel is Channel.SMS:
        return {}
    return {"channel": wave.channel.value, "wait_minutes": wave.wait_minutes}


def _hash(value: Any) -> str:
    written = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


def digest(found: Terms) -> str:
    """The hash that an approval is bound to: that of a line for each part, its name and its own hash."""
    lines = [FORM, *(f"{part.value} {_hash(found[part])}" for part in Part)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def changes(approved: Terms, now: Terms) -> dict[Part, list[str]]:
    """What is no longer as it was approved, by part, each change in words; parts that are as they were are left out."""
    found = {part: list(_differences("", _named(approved[part]), _named(now[part]))) for part in Part}
    return {part: told for part, told in found.items() if told}


def _named(value: Any) -> Any:
    """Lists of things with names are compared by name, so that one that is put in between does not change all."""
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {item["name"]: {**item, "order": place} for place, item in enumerate(value, 1)}
    return value


def _differences(path: str, was: Any, now: Any) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in [*was, *(key for key in now if key not in was)]:
            yield from _differences(f"{path}.{key}".lstrip("."), was.get(key), now.get(key))
    elif was != now:
        yield f"{path}: {_short(was)} → {_short(now)}".lstrip(": ")


def _short(value: Any) -> str:
    if value is None:
        return "(không có)"
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return written if len(written) <= LONGEST else f"{written[: LONGEST - 1]}…"


def told(found: Mapping[Part, list[str]]) -> str:
    """Changes in one sentence."""
    return "; ".join(f"{PART_WORDS[part]} ({_some(listed)})" for part, listed in found.items())


def _some(listed: Sequence[str]) -> str:
    more = f" và {len(listed) - TOLD} chỗ khác" if len(listed) > TOLD else ""
    return "; ".join(listed[:TOLD]) + more


async def breach(
    connection: Connection,
    stored: StoredCampaign,
    waves: Sequence[StoredWave],
    routes: Sequence[RouteConfig],
    *,
    bodies: Collection[str] | None = (),
) -> str | None:
    """Why the approval does not cover what would be sent now, in words; None when it does.

    Of the bodies only those of the named waves are written anew (None: all), the rest is taken as approved.
    """
    approval = await approvals.last(connection, stored.id)
    if approval is None or approval.hash != stored.approved_hash or digest(approval.terms) != approval.hash:
        return "không có bản phê duyệt nào ứng với chiến dịch này"
    now = await terms(connection, stored, waves, routes, bodies=bodies)
    now[Part.BODIES] = {**approval.terms[Part.BODIES], **now[Part.BODIES]}
    if found := changes(approval.terms, now):
        return f"đã đổi sau khi duyệt: {told(found)}"
    if approval.path is Path.ALERT and await _overdue(connection, stored, approval.hash):
        return f"cảnh báo duyệt nhanh đã quá {UNCONFIRMED_HOURS} giờ mà chưa được xác nhận"
    return None


async def _overdue(connection: Connection, stored: StoredCampaign, approved: str) -> bool:
    if await approvals.confirmed(connection, stored.id, approved):
        return False
    return await approvals.older_than(connection, stored.id, UNCONFIRMED_HOURS)
