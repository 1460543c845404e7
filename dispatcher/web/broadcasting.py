"""Articles to the followers of an account: what there is, one as followers will see it, and what people do to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from campaigns.broadcast import Broadcast
from dispatcher import broadcasts
from dispatcher.broadcasts import Asked, BroadcastError, Seen
from dispatcher.errors import UserError
from dispatcher.lifecycle import BROADCAST_MOVES, BroadcastStatus
from dispatcher.runtime import Route
from dispatcher.store import audit, installation
from dispatcher.store import broadcasts as stored_broadcasts
from dispatcher.store.broadcasts import StoredBroadcast
from dispatcher.store.database import Connection
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action
from dispatcher.words import BROADCAST_STEPS, BROADCAST_WORDS

TRAIL = 20
MOST = 2_000_000_000
# What waits for a person stands first, what is most urgent before the rest.
WAITING = (BroadcastStatus.UNCERTAIN, BroadcastStatus.HELD, BroadcastStatus.REFUSED, BroadcastStatus.DRAFT)
WORDS = {**BROADCAST_WORDS, BroadcastStatus.DRAFT: "bản nháp"}
TONES = {
    BroadcastStatus.APPROVED: "sea",
    BroadcastStatus.SENDING: "sea",
    BroadcastStatus.SENT: "good",
    BroadcastStatus.REFUSED: "bad",
    BroadcastStatus.HELD: "heed",
    BroadcastStatus.UNCERTAIN: "heed",
}
# (heading, statuses, who is told) of what today's page names.
TODAY = (
    (
        "Bài chưa rõ kết quả hoặc đang được giữ lại",
        (BroadcastStatus.UNCERTAIN, BroadcastStatus.HELD),
        Action.SEE_DOUBTS,
    ),
    ("Bài gửi người quan tâm chờ duyệt", (BroadcastStatus.DRAFT,), Action.APPROVE),
)
OUTCOMES = ("sent", "article", "not_sent")
TOLD = {
    "approve": "Đã duyệt. Tới giờ thì bài tự gửi, đúng một lần.",
    "withdraw": "Đã rút phê duyệt: bài trở lại bản nháp.",
    "cancel": "Đã hủy bài.",
    "resume": "Bài được gửi tiếp khi còn giờ.",
    "settle": "Đã ghi kết quả tra cứu.",
    "result": "Đã ghi số liệu.",
}

Act = Callable[[Connection, str], Awaitable[object]]


async def listing(visit: Visit) -> Response:
    async with visit.desk(snapshot=True) as connection:
        found = await stored_broadcasts.listing(connection)
        now = await installation.now(connection)
    rows = [(one, title(one), broadcasts.waits(one, now)) for one in found]
    parts = [[row for row in rows if row[0].status is status] for status in WAITING]
    return visit.show(
        "broadcasts.html",
        waiting=[row for part in parts for row in part],
        rest=[row for row in rows if row[0].status not in WAITING],
        words=WORDS,
        tones=TONES,
    )


def title(stored: StoredBroadcast) -> str:
    return Broadcast.model_validate(stored.definition).title


async def waiting(visit: Visit) -> list[tuple[str, list[StoredBroadcast]]]:
    """What today's page names to this person, each kind under its heading."""
    if not visit.may(Action.SEE_CAMPAIGN):
        return []
    async with visit.desk() as connection:
        found = await stored_broadcasts.listing(connection)
    kinds = [
        (words, [one for one in found if one.status in statuses])
        for words, statuses, action in TODAY
        if visit.may(action)
    ]
    return [(words, listed) for words, listed in kinds if listed]


async def _found(connection: Connection, visit: Visit) -> StoredBroadcast:
    found = await stored_broadcasts.find(connection, visit.path("broadcast"))
    if found is None:
        raise MissingError("Không có bài này ở đơn vị của bạn.")
    return found


def _route(visit: Visit, stored: StoredBroadcast) -> Route:
    route = visit.runtime.routes.get(stored.route)
    if route is None:
        raise BroadcastError(f"Không có đường gửi {stored.route} trong cấu hình; bài không gửi được.")
    return route


async def show(visit: Visit) -> Response:
    return await _show(visit)


async def _show(visit: Visit, problem: str | None = None) -> Response:
    """The account is asked for a draft only, and before a connection is taken: it may be slow to answer."""
    status = 409 if problem else 200
    async with visit.desk() as connection:
        stored = await _found(connection, visit)
    asked = await _asked(visit, stored)
    async with visit.desk(snapshot=True) as connection:
        stored = await _found(connection, visit)
        seen, lacking = await _seen(connection, visit, stored, asked)
        writers = {stored.author, *await audit.actors(connection, "broadcast.add", stored.slug)}
        return visit.show(
            "broadcast.html",
            status,
            stored=stored,
            broadcast=Broadcast.model_validate(stored.definition),
            whom=broadcasts.whom,
            seen=seen,
            problem=problem,
            lacking=lacking,
            waits=broadcasts.waits(stored, await installation.now(connection)),
            turns={turn for (at, turn) in BROADCAST_MOVES if at is stored.status},
            calls=await stored_broadcasts.calls(connection, stored.id),
            result=await stored_broadcasts.newest_result(connection, stored.id),
            trail=await audit.deeds(connection, limit=TRAIL, act="broadcast.", subject=stored.slug),
            writers=sorted(writers),
            own=visit.by.casefold() in (name.casefold() for name in writers),
            words=WORDS,
            tones=TONES,
            steps=BROADCAST_STEPS,
        )


async def _asked(visit: Visit, stored: StoredBroadcast) -> Asked:
    """What the account says, where somebody is about to decide; what it cannot be asked for `_seen` tells."""
    if stored.status is not BroadcastStatus.DRAFT:
        return Asked()
    try:
        return await broadcasts.ask(_route(visit, stored))
    except BroadcastError:
        return Asked()


async def _seen(
    connection: Connection, visit: Visit, stored: StoredBroadcast, asked: Asked
) -> tuple[Seen | None, str | None]:
    """The review; or else why there is none, in words."""
    try:
        return await broadcasts.review(connection, stored.slug, _route(visit, stored), asked), None
    except BroadcastError as error:
        return None, str(error)


async def approve(visit: Visit) -> Response:
    """A second person says yes to what they have looked at, and proves once more who they are."""
    async with visit.desk() as connection:
        stored = await _found(connection, visit)
    try:
        await visit.doorman.prove(visit.person, visit.given("code"))
        route = _route(visit, stored)
        asked = await broadcasts.ask(route)
    except UserError as error:
        return await _show(visit, str(error))
    return await _done(visit, lambda connection, slug: broadcasts.approve(
        connection, slug, visit.by, route, accept=visit.given("accept"), seen=visit.given("seen") or "-", asked=asked,
    ), TOLD["approve"])  # fmt: skip


async def withdraw(visit: Visit) -> Response:
    return await _reasoned(visit, broadcasts.withdraw, TOLD["withdraw"])


async def cancel(visit: Visit) -> Response:
    return await _reasoned(visit, broadcasts.cancel, TOLD["cancel"])


async def resume(visit: Visit) -> Response:
    return await _reasoned(visit, broadcasts.resume, TOLD["resume"])


async def _reasoned(visit: Visit, act: Callable[[Connection, str, str, str], Awaitable[None]], told: str) -> Response:
    return await _done(visit, lambda connection, slug: act(connection, slug, visit.by, visit.given("reason")), told)


async def _done(visit: Visit, act: Act, told: str) -> Response:
    async with visit.desk() as connection:
        slug = (await _found(connection, visit)).slug
    try:
        async with visit.desk() as connection:
            await act(connection, slug)
    except UserError as error:
        return await _show(visit, str(error))
    return visit.go(f"/broadcasts/{slug}", visit.speech.word(told))


async def settle(visit: Visit) -> Response:
    """Somebody has looked at the account and says what became of a call whose answer was lost."""
    return await _done(visit, lambda connection, slug: _settled(connection, visit, slug), TOLD["settle"])


async def _settled(connection: Connection, visit: Visit, slug: str) -> None:
    outcome, article = visit.given("outcome"), visit.given("article")
    if outcome not in OUTCOMES or (outcome == "article") != bool(article):
        raise BroadcastError("Chọn một kết quả đã tra; mã bài viết chỉ ghi khi bài đã được tạo.")
    await broadcasts.settle(
        connection, slug, visit.by, visit.given("reason"), sent=outcome == "sent", article_id=article or None
    )


async def result(visit: Visit) -> Response:
    """What the account's console says of all who got it."""
    return await _done(visit, lambda connection, slug: _result(connection, visit, slug), TOLD["result"])


async def _result(connection: Connection, visit: Visit, slug: str) -> None:
    reached, opened = (_count(visit.given(name)) for name in ("reached", "opened"))
    if reached is None and opened is None:
        raise BroadcastError("Ghi ít nhất một số: người nhận hoặc lượt xem.")
    await broadcasts.result(connection, slug, visit.by, visit.given("source"), reached=reached, opened=opened)


def _count(written: str) -> int | None:
    if not written:
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= len(str(MOST)) and int(written) <= MOST):
        raise BroadcastError("Số liệu chỉ ghi bằng chữ số, không dấu chấm, ví dụ 9876.")
    return int(written)


PAGES = (
    Page("/broadcasts", Action.SEE_CAMPAIGN, listing),
    Page("/broadcasts/{broadcast}", Action.SEE_CAMPAIGN, show),
    Page("/broadcasts/{broadcast}/approve", Action.APPROVE, approve, "POST"),
    Page("/broadcasts/{broadcast}/withdraw", Action.APPROVE, withdraw, "POST"),
    Page("/broadcasts/{broadcast}/cancel", Action.RUN, cancel, "POST"),
    Page("/broadcasts/{broadcast}/resume", Action.RUN, resume, "POST"),
    Page("/broadcasts/{broadcast}/settle", Action.DECIDE_DOUBTS, settle, "POST"),
    Page("/broadcasts/{broadcast}/result", Action.RUN, result, "POST"),
)
