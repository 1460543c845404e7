"""What people may say of places: the zones that communes belong to, and the names that rosters use for them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from campaigns import places
from campaigns.places import Area
from dispatcher.errors import UserError
from dispatcher.store import audit, tags
from dispatcher.store.database import Connection


class PlaceTagError(UserError):
    """A zone or a name that cannot be kept."""


async def tag(
    connection: Connection, codes: Collection[str], zone: str, start: date | None, source: str, by: str
) -> int:
    """Put communes in a zone from a day on, by default today; answers how many were not in it. Raises `PlaceTagError`."""
    name = _zone(zone)
    day = start or await tags.today(connection)
    new = await tags.add(connection, codes, name, day, _source(source), by)
    await audit.record(
        connection, by, "place.tag", name, areas=sorted(codes), start=day.isoformat(), source=source, new=new
    )
    return new


async def end(connection: Connection, codes: Collection[str], zone: str, last: date | None, by: str) -> int:
    """The last day of communes in a zone, by default today; answers how many were in it. Raises `PlaceTagError`."""
    name = _zone(zone)
    day = last or await tags.today(connection)
    ended = await tags.end(connection, codes, name, day)
    await audit.record(connection, by, "place.end", name, areas=sorted(codes), last=day.isoformat(), ended=ended)
    return ended


async def alias(connection: Connection, name: str, area: Area, source: str, by: str) -> None:
    """A name that rosters use for a commune. Raises `PlaceTagError`."""
    key = places.key(name)
    if not key:
        raise PlaceTagError("Cần ghi tên gọi khác của xã.")
    await tags.add_alias(connection, key, name, area.code, _source(source), by)
    await audit.record(connection, by, "place.alias", name, area=area.code, source=source)


def _zone(written: str) -> str:
    if not (name := places.zone(written)):
        raise PlaceTagError("Cần ghi tên vùng, ví dụ: biên giới, cửa khẩu, trọng điểm, dân tộc thiểu số.")
    return name


def _source(written: str) -> str:
    if not written.strip():
        raise PlaceTagError("Cần ghi văn bản làm căn cứ (--source).")
    return written.strip()
