"""Articles to the followers of an account: what people do to one before and after it is sent, and what is asked before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from campaigns.broadcast import Broadcast, Target, content_hash, too_long
from campaigns.calendar import VIETNAM, spoken
from dispatcher.control import person, second_person
from dispatcher.errors import UserError
from dispatcher.lifecycle import BROADCAST_MOVES, BroadcastStatus, Turn
from dispatcher.runtime import Route
from dispatcher.store import audit, broadcasts, installation
from dispatcher.store.broadcasts import StoredBroadcast, Used
from dispatcher.store.database import Connection
from dispatcher.waiting import spoken_reason
from dispatcher.words import BROADCAST_WORDS, TARGET_WORDS
from providers.errors import ProviderError
from providers.zalo.articles import Articles, Standing
from providers.zalo.oa import Oa

FORM = "dispatcher broadcast 1"
CREATE, SEND = "create", "send"
LOOK = "Xem lại: dispatcher broadcast review {slug}"
# What can be done from a status, for whoever tried something else.
NEXT_STEP = {
    BroadcastStatus.DRAFT: "Cần người khác duyệt: dispatcher broadcast approve {slug} --by NGƯỜI-DUYỆT",
    BroadcastStatus.APPROVED: "Bài tự gửi khi tới giờ; rút phê duyệt bằng: dispatcher broadcast withdraw {slug}",
    BroadcastStatus.SENDING: "Bài đang được gửi; xem: dispatcher broadcast review {slug}",
    BroadcastStatus.SENT: "Ghi số liệu bằng: dispatcher broadcast result {slug}",
    BroadcastStatus.REFUSED: "Sửa rồi duyệt lại: dispatcher broadcast withdraw {slug}",
    BroadcastStatus.HELD: "Sửa xong thì: dispatcher broadcast resume {slug}",
    BroadcastStatus.UNCERTAIN: "Tra trên trang quản trị OA, rồi: dispatcher broadcast settle {slug}",
    BroadcastStatus.CANCELLED: "Bài đã hủy không gửi lại được; lập bài khác với slug khác.",
    BroadcastStatus.EXPIRED: "Đổi ngày rồi duyệt lại: dispatcher broadcast withdraw {slug}",
}


class BroadcastError(UserError):
    """What was asked for is not allowed, or not now."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the account has told of itself; `silence` is why it has not, where it was asked."""

    standing: Standing | None = None
    silence: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an approver sees. `refusals` rule it out, `findings` do unless a reason is given, `notes` are good to know."""

    stored: StoredBroadcast
    broadcast: Broadcast
    hash: str
    standing: Standing | None
    used: Used
    refusals: tuple[str, ...]
    findings: tuple[str, ...]
    notes: tuple[str, ...]


async def find(connection: Connection, slug: str, *, lock: bool = False) -> StoredBroadcast:
    """The broadcast of that name. Raises `BroadcastError`."""
    found = await broadcasts.find(connection, slug, lock=lock)
    if found is None:
        known = ", ".join(one.slug for one in await broadcasts.listing(connection)) or "chưa có bài nào"
        raise BroadcastError(f"Không có bài gửi người quan tâm tên {slug}. Hiện có: {known}.")
    return found


def turned(stored: StoredBroadcast, turn: Turn) -> BroadcastStatus:
    """Where a turn leads. Raises `BroadcastError` where the table has no such move."""
    status = BROADCAST_MOVES.get((stored.status, turn))
    if status is None:
        step = NEXT_STEP[stored.status].format(slug=stored.slug)
        raise BroadcastError(f"Bài {stored.slug} {BROADCAST_WORDS[stored.status]}, không làm việc này được. {step}")
    return status


def reasoned(written: str) -> str:
    """A reason that somebody gave. Raises `BroadcastError` for none."""
    if not written.strip():
        raise BroadcastError("Cần ghi lý do (--reason).")
    return written.strip()


def account(route: Route) -> Oa:
    """The account that a route writes for. Raises `BroadcastError` for another kind of route."""
    if not isinstance(route.provider, Oa):
        raise BroadcastError(
            f'Đường gửi {route.config.name} không gửi được bài viết; cần đường gửi có provider = "zalo_oa".'
        )
    return route.provider


def able(routes: Iterable[Route]) -> list[str]:
    """The names of the routes that write for an account."""
    return [route.config.name for route in routes if isinstance(route.provider, Oa)]


def bound(definition: dict[str, Any], route: Route) -> str:
    """The hash of all that would be done: what is written, over which account, shown how."""
    provider, config = account(route), route.config
    told = {"name": config.name, "sender": config.sender, "account": provider.account}
    shown = {"status": provider.options.article_status, "comment": provider.options.article_comment}
    return content_hash({"form": FORM, "broadcast": definition, "route": told, "article": shown})


async def add(connection: Connection, broadcast: Broadcast, by: str) -> None:
    """Keep a draft, or write it anew. Raises `BroadcastError` where one of that name is no draft any more."""
    definition, who = broadcast.model_dump(mode="json"), person(by)
    days = (broadcast.opens_at, broadcast.closes_at)
    if not await broadcasts.put(connection, definition, who, days, broadcast.window):
        stored = await find(connection, broadcast.slug)
        step = NEXT_STEP[stored.status].format(slug=stored.slug)
        raise BroadcastError(f"Bài {stored.slug} {BROADCAST_WORDS[stored.status]}, không sửa được nữa. {step}")
    await audit.record(connection, who, "broadcast.add", broadcast.slug, content=content_hash(definition))


async def ask(route: Route) -> Asked:
    """Ask the account how it stands. Raises `BroadcastError` for another kind of route."""
    try:
        return Asked(await Articles(account(route)).standing())
    except ProviderError as error:
        return Asked(silence=f"không hỏi được OA: {spoken_reason(str(error))}")


async def review(connection: Connection, slug: str, route: Route, asked: Asked | None = None) -> Seen:
    """What speaks for and against a broadcast; the account is asked unless it was. Raises `BroadcastError`."""
    stored = await find(connection, slug)
    broadcast, provider = Broadcast.model_validate(stored.definition), account(route)
    now = await installation.now(connection)
    used = await broadcasts.used(connection, provider.account, broadcast.date, stored.id)
    asked = asked or await ask(route)
    return Seen(
        stored,
        broadcast,
        bound(stored.definition, route),
        asked.standing,
        used,
        tuple(_refusals(broadcast, route, now)),
        (*filter(None, [asked.silence]), *_findings(broadcast, provider, asked.standing, used)),
        tuple(_notes(broadcast, provider, asked.standing, used)),
    )


def _refusals(broadcast: Broadcast, route: Route, now: datetime) -> Iterator[str]:
    if broadcast.closes_at <= now:
        yield f"đã hết giờ gửi lúc {spoken(broadcast.closes_at)}; đổi date, until hoặc window"
    hours = route.provider.capabilities.hours
    if hours and (broadcast.window[0] < hours.begin or broadcast.window[1] > hours.end):
        yield f"Zalo chỉ nhận trong {hours.begin:%H:%M}-{hours.end:%H:%M} (giờ Việt Nam); thu hẹp window"
    options = account(route).options
    most = {"title": options.title_characters, "description": options.description_characters}
    if broadcast.article:
        yield from too_long(broadcast.article, most)


def _findings(broadcast: Broadcast, provider: Oa, standing: Standing | None, used: Used) -> Iterator[str]:
    if standing and standing.verified is False:
        yield "OA chưa được Zalo xác thực: Zalo chỉ cho OA đã xác thực gửi bài"
    monthly = standing.monthly if standing else None
    if why := spent(used, provider.options.broadcasts_a_day, monthly):
        yield f"{why} (tính tới ngày {broadcast.date:%d/%m/%Y})"


def spent(used: Used, a_day: int, a_month: int | None) -> str | None:
    """What the account has used up, in words; None where it may send one more."""
    if a_month is not None and used.month >= a_month:
        return f"OA đã gửi {used.month} bài trong tháng, hạn mức là {a_month}"
    if used.today >= a_day:
        return f"OA đã gửi {used.today} bài trong ngày, hạn mức là {a_day}"
    return None


def _notes(broadcast: Broadcast, provider: Oa, standing: Standing | None, used: Used) -> Iterator[str]:
    if broadcast.article_id:
        yield "bài đã có sẵn trên Zalo: hệ thống không đọc được nội dung, hãy mở bài trên trang quản trị OA mà đọc"
    elif provider.options.article_status == "show":
        yield "bài cũng hiện trên trang của OA, ai cũng xem được, kể cả khi chưa gửi"
    if standing and standing.monthly is None:
        package = f" ({standing.package})" if standing.package else ""
        yield f"chưa biết gói OA{package} cho gửi mấy bài một tháng; ghi broadcasts_a_month trong [route.options]"
    yield f"trong tháng đã gửi {used.month} bài từ hệ thống này; bài gửi từ trang quản trị OA không tính được ở đây"


async def approve(
    connection: Connection,
    slug: str,
    by: str,
    route: Route,
    *,
    accept: str = "",
    seen: str = "",
    asked: Asked | None = None,
) -> Seen:
    """Another person than the author approves what `review` shows; from now on the clock sends it. Raises `BroadcastError`."""
    stored = await find(connection, slug, lock=True)
    who = second_person(by, [stored.author, *await audit.actors(connection, "broadcast.add", slug)])
    status = turned(stored, Turn.APPROVE)
    found = await review(connection, slug, route, asked)
    if not found.hash.startswith(seen):
        raise BroadcastError(
            f"Bài đã đổi sau khi xem lại (mã {seen}, nay là {found.hash[:12]}). {LOOK.format(slug=slug)}"
        )
    against = found.refusals or (() if accept.strip() else found.findings)
    if against:
        listed = "".join(f"\n- {one}" for one in against)
        more = "" if found.refusals else '\nVẫn duyệt thì ghi lý do: --accept "LÝ DO".'
        raise BroadcastError(f"Chưa duyệt được, vì:{listed}{more}")
    told = {"approved_by": who, "approved_hash": found.hash, "account": account(route).account}
    now = await installation.now(connection)
    await broadcasts.move(
        connection, stored.id, status, approved_at=now, due_at=None, asked_at=None, reason=None, **told
    )
    await audit.record(
        connection, who, "broadcast.approve", slug,
        approved_hash=found.hash, reason=accept.strip(), accepted_findings=list(found.findings),
    )  # fmt: skip
    return found


async def withdraw(connection: Connection, slug: str, by: str, why: str) -> None:
    """Make it a draft again, before anything of it was sent. Raises `BroadcastError`."""
    given = {"approved_by": None, "approved_at": None, "approved_hash": None, "account": None}
    await _turn(connection, slug, by, Turn.WITHDRAW, why, **given)


async def cancel(connection: Connection, slug: str, by: str, why: str) -> None:
    """It will not be sent. Raises `BroadcastError`."""
    await _turn(connection, slug, by, Turn.CANCEL, why)


async def resume(connection: Connection, slug: str, by: str, why: str) -> None:
    """What held it has been mended. Raises `BroadcastError`."""
    await _turn(connection, slug, by, Turn.RESUME, why)


async def _turn(connection: Connection, slug: str, by: str, turn: Turn, why: str, **columns: Any) -> None:
    stored = await find(connection, slug, lock=True)
    status, who, reason = turned(stored, turn), person(by), reasoned(why)
    await broadcasts.move(connection, stored.id, status, due_at=None, asked_at=None, reason=reason, **columns)
    await audit.record(connection, who, f"broadcast.{turn}", slug, reason=reason)


async def settle(
    connection: Connection, slug: str, by: str, why: str, *, sent: bool, article_id: str | None = None
) -> BroadcastStatus:
    """Somebody has looked at the account and says what became of a call whose answer was lost.

    `sent`: followers got it. `article_id`: the article was made, and that is its id. Neither: the call did nothing, and is made
    again while there is time. Raises `BroadcastError`.
    """
    stored = await find(connection, slug, lock=True)
    if stored.status is not BroadcastStatus.UNCERTAIN:
        turned(stored, Turn.FOUND)
    if sent and stored.step == CREATE:
        raise BroadcastError(
            "Chưa rõ là việc tạo bài viết, bài chưa hề được gửi; ghi --article MÃ-BÀI hoặc --not-sent."
        )
    if article_id and stored.article_id:
        raise BroadcastError("Bài viết đã có trên Zalo; chưa rõ là việc gửi: ghi --sent hoặc --not-sent.")
    turn = Turn.FOUND if sent else Turn.MISSED
    status, who, reason = turned(stored, turn), person(by), reasoned(why)
    at = stored.claimed_at or await installation.now(connection)
    found = {"sent_at": at} if sent else {"article_id": article_id} if article_id else {}
    await broadcasts.move(connection, stored.id, status, due_at=None, asked_at=None, reason=reason, **found)
    await audit.record(connection, who, f"broadcast.{turn}", slug, reason=reason, step=stored.step, article=article_id)
    return status


async def result(
    connection: Connection, slug: str, by: str, source: str, *, reached: int | None, opened: int | None
) -> None:
    """Keep what the account's console says of all who got it. Raises `BroadcastError`."""
    stored = await find(connection, slug, lock=True)
    if stored.status is not BroadcastStatus.SENT:
        step = NEXT_STEP[stored.status].format(slug=slug)
        raise BroadcastError(f"Bài {slug} {BROADCAST_WORDS[stored.status]}, chưa có số liệu để ghi. {step}")
    if reached is None and opened is None:
        raise BroadcastError("Ghi ít nhất một số: --reached (người nhận) hoặc --opened (lượt xem).")
    if not source.strip():
        raise BroadcastError("Cần ghi nguồn của số liệu (--source).")
    who = person(by)
    await broadcasts.put_result(connection, stored.id, reached, opened, source.strip(), who)
    await audit.record(connection, who, "broadcast.result", slug, reached=reached, opened=opened, source=source.strip())


def waits(stored: StoredBroadcast, now: datetime) -> str | None:
    """Why an approved one has not left yet, in words."""
    if stored.status is not BroadcastStatus.APPROVED:
        return spoken_reason(stored.reason) if stored.reason else None
    if now < stored.opens_at:
        return f"chờ tới giờ gửi: {spoken(stored.opens_at)}"
    window = [time.fromisoformat(one) for one in stored.definition["window"]]
    if not window[0] <= now.astimezone(VIETNAM).time() < window[1]:
        return f"ngoài khung giờ gửi {window[0]:%H:%M}-{window[1]:%H:%M}"
    return spoken_reason(stored.reason) if stored.reason else "chờ máy gửi (dispatcher up)"


def whom(target: Target) -> str:
    """The followers that are chosen, in words."""
    chosen = {
        "tuổi": [str(one) for one in target.ages],
        "giới": [TARGET_WORDS[target.gender]] if target.gender else [],
        "miền": [TARGET_WORDS[one] for one in target.regions],
        "mã tỉnh": list(target.cities),
        "máy": [TARGET_WORDS[one] for one in target.platforms],
    }
    said = [f"{words} {', '.join(listed)}" for words, listed in chosen.items() if listed]
    return "người quan tâm: " + "; ".join(said) if said else "mọi người quan tâm OA"
