"""Sends approved articles to the followers of an account: each step is claimed before the wire and never done twice by itself."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import time
from typing import Any

import structlog

from campaigns.broadcast import Broadcast
from campaigns.calendar import VIETNAM
from dispatcher.broadcasts import CREATE, SEND, BroadcastError, account, bound, spent
from dispatcher.lifecycle import BROADCAST_MOVES, BroadcastStatus, Turn
from dispatcher.runtime import Route, Runtime
from dispatcher.store import audit, broadcasts, installation, users
from dispatcher.store.broadcasts import Called, StoredBroadcast
from dispatcher.store.database import Connection
from providers.base import Accepted, Exchange, Refused, Submitted
from providers.errors import Misconfigured, NotSent, ProviderError, Throttled
from providers.zalo import articles as zalo
from providers.zalo.articles import Articles, Standing
from providers.zalo.codes import until

log = structlog.get_logger()

MACHINE = "dispatcher"
AGAIN_SECONDS = 60.0  # after a call that did nothing, where Zalo does not say how long
LOOK_SECONDS = 15.0  # between two looks at an article that Zalo works on
LOST = "không rõ Zalo đã nhận chưa; người phụ trách tra trên trang quản trị OA rồi ghi kết quả"


@dataclass(frozen=True, slots=True)
class Came:
    """What a call came to: `wait` seconds before another, `columns` of the row that follow from the answer."""

    turn: Turn
    called: Called
    columns: dict[str, Any]
    wait: float = 0.0


async def announce(runtime: Runtime, broadcast: int) -> None:
    """Do the next step of a broadcast: make its article, look at it, send it; nothing where it may not be done now."""
    async with runtime.pool.connection() as connection:
        stored = await broadcasts.ready(connection, broadcast) if await runtime.guard.holds(connection) else None
    if stored is None:
        return
    route = runtime.routes.get(stored.route)
    why = _breach(stored, route) if route else f"không có đường gửi {stored.route} trong routes.toml"
    if route is None or why:
        await _hold(runtime, stored, why)
    elif stored.article_id:
        await _send(runtime, stored, route)
    else:
        await (_look if stored.article_token else _create)(runtime, stored, route)


def _breach(stored: StoredBroadcast, route: Route) -> str | None:
    """Why the approval does not cover what would be done now."""
    try:
        same = bound(stored.definition, route) == stored.approved_hash
    except BroadcastError as error:
        return str(error)
    return (
        None if same else f"đường gửi {stored.route} (tài khoản, tên, cách đăng bài) hoặc nội dung đã đổi sau khi duyệt"
    )


async def _create(runtime: Runtime, stored: StoredBroadcast, route: Route) -> None:
    written = Broadcast.model_validate(stored.definition).article
    if written is None:
        raise LookupError(f"broadcast {stored.slug} has neither an article nor the id of one")
    async with runtime.pool.connection() as connection:
        if not await _claimed(runtime, connection, stored, CREATE, route):
            return
    call = Articles(account(route)).create(zalo.Article(**written.model_dump()))
    came = await _came(CREATE, stored.tries + 1, call, Turn.MADE, "article_token")
    await _record(runtime, stored, came)


async def _look(runtime: Runtime, stored: StoredBroadcast, route: Route) -> None:
    """It only reads: whatever fails is asked again, and nothing is in doubt."""
    call = Articles(account(route)).made(stored.article_token or "")
    came = await _came("look", stored.tries, call, Turn.MADE, "article_id")
    if came.turn in (Turn.LOSE, Turn.NOT_SENT):
        async with runtime.pool.connection() as connection:
            await broadcasts.wait(connection, stored.id, came.wait or LOOK_SECONDS, came.called.detail)
        return
    await _record(runtime, stored, came)


async def _send(runtime: Runtime, stored: StoredBroadcast, route: Route) -> None:
    provider = account(route)
    try:
        standing = await Articles(provider).standing()
    except ProviderError as error:
        await _postpone(runtime, stored, error)
        return
    if await _granted(runtime, stored, route, standing):
        target = Broadcast.model_validate(stored.definition).target.model_dump(exclude_none=True)
        call = Articles(provider).send(stored.article_id or "", zalo.Target(**target))
        await _record(runtime, stored, await _came(SEND, stored.tries + 1, call, Turn.SENT, "message_id"))


async def _granted(runtime: Runtime, stored: StoredBroadcast, route: Route, standing: Standing) -> bool:
    """Whether the account may send one more, and this one is ours to send; two never count the same free place."""
    provider = account(route)
    async with runtime.pool.connection() as connection:
        await broadcasts.alone(connection, provider.account)
        now = await installation.now(connection)
        used = await broadcasts.used(connection, provider.account, now.astimezone(VIETNAM).date(), stored.id)
        if why := spent(used, provider.options.broadcasts_a_day, standing.monthly):
            await broadcasts.wait(connection, stored.id, until(time(0), now), why)
            return False
        return await _claimed(runtime, connection, stored, SEND, route, standing.followers)


async def _claimed(
    runtime: Runtime,
    connection: Connection,
    stored: StoredBroadcast,
    step: str,
    route: Route,
    followers: int | None = None,
) -> bool:
    """Whether this step is ours, for as long as a call, the renewal of its token and the call again may take."""
    if runtime.stopping.is_set() or not await runtime.guard.holds(connection):
        return False
    return await broadcasts.claim(connection, stored, step, 3 * route.options.timeout + 60, followers)


async def _postpone(runtime: Runtime, stored: StoredBroadcast, error: ProviderError) -> None:
    """Nothing was begun: held for a person, or tried again."""
    if isinstance(error, Misconfigured):
        await _hold(runtime, stored, str(error))
        return
    async with runtime.pool.connection() as connection:
        await broadcasts.wait(connection, stored.id, AGAIN_SECONDS, str(error))


async def _hold(runtime: Runtime, stored: StoredBroadcast, why: str | None) -> None:
    async with runtime.pool.connection() as connection:
        await _turn(connection, stored.id, Turn.HOLD, reason=why)


async def _came(step: str, number: int, call: Awaitable[Submitted], done: Turn, name: str) -> Came:
    """The answer to a call, as a value; its reference goes to the column of that name."""
    try:
        submitted = await call
    except ProviderError as error:
        turn, wait = _of_failure(error)
        return Came(turn, _called(step, number, turn, error.code, str(error), error.exchange), {}, wait)
    except Exception as error:  # an adapter's own mistake says nothing about what the account did
        log.exception("provider.broke", step=step)
        return Came(Turn.LOSE, _called(step, number, Turn.LOSE, "", type(error).__name__, None), {})
    (verdict,) = submitted.verdicts
    match verdict:
        case Accepted(reference=reference):
            return Came(done, _called(step, number, done, "0", "", submitted.exchange), {name: reference})
        case Refused(code=code, detail=detail):
            called = _called(step, number, Turn.REFUSED, code, detail, submitted.exchange)
            return Came(Turn.REFUSED, called, {"reason": f"Zalo từ chối: {detail} (mã {code})"})
    raise TypeError(f"no answer to one call: {verdict!r}")


def _of_failure(error: ProviderError) -> tuple[Turn, float]:
    if isinstance(error, Misconfigured):
        return Turn.HOLD, 0.0
    if isinstance(error, NotSent):
        return Turn.NOT_SENT, (error.retry_after if isinstance(error, Throttled) else None) or AGAIN_SECONDS
    return Turn.LOSE, 0.0


def _called(step: str, number: int, turn: Turn, code: str, detail: str, exchange: Exchange | None) -> Called:
    if exchange is None:
        return Called(step, number, turn.value, code, detail)
    sent, got = exchange.request, exchange.response
    return Called(step, number, turn.value, code, detail, exchange.status, sent, got, exchange.elapsed)


async def _record(runtime: Runtime, stored: StoredBroadcast, came: Came) -> None:
    """The call, and what it moves: nothing where somebody has begun another since, or it is another article by now."""
    async with runtime.pool.connection() as connection:
        await broadcasts.note(connection, stored.id, came.called)
        now = await broadcasts.locked(connection, stored.id)
        if (now.tries, now.definition, now.article_token) != (
            came.called.number,
            stored.definition,
            stored.article_token,
        ):
            log.error("broadcast.answered_late", broadcast=stored.slug, outcome=came.called.outcome)
            return
        columns = {"reason": _reason(came), **came.columns}
        if came.turn is Turn.SENT:
            columns["sent_at"] = now.claimed_at
        moved = await _turn(connection, stored.id, came.turn, code=came.called.code, **columns)
        if moved is BroadcastStatus.APPROVED:
            wait = came.wait or (LOOK_SECONDS if came.called.step == CREATE else 0.0)
            await broadcasts.wait(connection, stored.id, wait, columns["reason"] or "")


def _reason(came: Came) -> str | None:
    if came.turn is Turn.LOSE:
        return LOST
    if came.turn is Turn.MADE:
        return "chờ Zalo xử lý bài viết" if came.called.step == CREATE else None
    return came.called.detail or None


async def _turn(
    connection: Connection, broadcast: int, turn: Turn, code: str = "", **columns: Any
) -> BroadcastStatus | None:
    """What the machine does to one, in the trail of its organisation; None where the table has no such move."""
    now = await broadcasts.locked(connection, broadcast)
    status = BROADCAST_MOVES.get((now.status, turn))
    if status is None:
        return None
    await users.act_for(connection, now.organisation_id)
    await broadcasts.move(connection, broadcast, status, **columns)
    told = {"step": now.step, "code": code, "reason": columns.get("reason")}
    await audit.record(connection, MACHINE, f"broadcast.{turn}", now.slug, **{k: v for k, v in told.items() if v})
    log.info("broadcast.turned", broadcast=now.slug, turn=turn, status=status)
    return status


async def tidy(connection: Connection) -> None:
    """What time alone does: whoever began a step and died leaves it in doubt, and what never left is over."""
    for broadcast in await broadcasts.abandoned(connection):
        await _turn(connection, broadcast, Turn.LOSE, reason=LOST)
    for broadcast in await broadcasts.overdue(connection):
        await _turn(connection, broadcast, Turn.EXPIRE)
