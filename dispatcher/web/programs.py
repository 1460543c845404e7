"""The administrator's room for programs: tokens that open a part of the API, and webhooks that are told what happens."""

from __future__ import annotations

from starlette.responses import Response

from dispatcher import accounts, tokens, webhooks
from dispatcher.accounts import AccountError
from dispatcher.store import tokens as stored_tokens
from dispatcher.store import users
from dispatcher.store import webhooks as stored_webhooks
from dispatcher.store.database import Connection
from dispatcher.store.webhooks import Webhook
from dispatcher.tokens import TokenError
from dispatcher.web.api import service
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import ACTION_WORDS, Action
from dispatcher.webhooks import KINDS, WebhookError

# What a token may be for: only what programs can ask.
OPENED = tuple(action for action in ACTION_WORDS if action in {entry.action for entry in service.ENTRIES})
DAYS = 90
SHOWN = 50
LONGEST_ID = 9
KIND_WORDS = {"campaign": "chiến dịch", "wave": "đợt gửi", "upload": "danh sách số tải lên"}


async def token_list(visit: Visit) -> Response:
    return await _tokens(visit)


async def _tokens(visit: Visit, problem: str | None = None, made: tuple[int, str] | None = None) -> Response:
    async with visit.desk() as connection:
        found = await stored_tokens.listing(connection)
        people = await users.listing(connection)
    given = {name: visit.given(name) for name in ("login", "name", "days")}
    return visit.show(
        "tokens.html", 409 if problem else 200, tokens=found[::-1], people=people, given=given, chosen=visit.form.getlist("right"),
        opened=OPENED, words=ACTION_WORDS, days=DAYS, longest=tokens.LONGEST_DAYS, problem=problem,
        made=made,
    )  # fmt: skip


async def add_token(visit: Visit) -> Response:
    """Give a program a token of a person of the organisation; it is shown now and never again."""
    rights = [right for right in visit.form.getlist("right") if isinstance(right, str)]
    try:
        async with visit.desk() as connection:
            person = await accounts.known(connection, visit.given("login"), visit.person.organisation_id)
            days = _number(visit.given("days"))
            made = await tokens.add(connection, person.login, visit.given("name"), rights, set(OPENED), days, visit.by)
    except (AccountError, TokenError) as error:
        return await _tokens(visit, str(error))
    return await _tokens(visit, made=made)


async def end_token(visit: Visit) -> Response:
    id_ = _number(visit.path("token"))
    async with visit.desk() as connection:
        if id_ not in {token.id for token in await stored_tokens.listing(connection)}:
            raise MissingError("Không có mã này ở đơn vị của bạn.")
        await tokens.end(connection, id_, visit.by)
    return visit.go("/tokens", visit.speech.word("Mã {n} đã thu hồi: từ nay không mở được gì.", n=id_))


def _number(written: str) -> int:
    return int(written) if written.isdecimal() and len(written) <= LONGEST_ID else 0


async def webhook_list(visit: Visit) -> Response:
    return await _webhooks(visit)


async def _webhooks(visit: Visit, problem: str | None = None, made: tuple[int, str] | None = None) -> Response:
    async with visit.desk() as connection:
        found = await stored_webhooks.listing(connection)
    hosts = [host.strip() for host in visit.runtime.settings.webhook_hosts.split(",") if host.strip()]
    return visit.show(
        "webhooks.html", 409 if problem else 200, webhooks=found, hosts=hosts, url=visit.given("url"), kinds=KINDS,
        chosen=visit.form.getlist("kind") or list(KINDS), words=KIND_WORDS, problem=problem, made=made,
    )  # fmt: skip


async def add_webhook(visit: Visit) -> Response:
    """Tell a program what happens; its secret is shown now and never again."""
    kinds = [kind for kind in visit.form.getlist("kind") if isinstance(kind, str)]
    keyring, settings = visit.runtime.keyring, visit.runtime.settings
    try:
        async with visit.desk() as connection:
            made = await webhooks.add(connection, keyring, settings, visit.given("url"), kinds, visit.by)
    except WebhookError as error:
        return await _webhooks(visit, str(error))
    return await _webhooks(visit, made=made)


async def _webhook(connection: Connection, visit: Visit) -> Webhook:
    id_ = _number(visit.path("webhook"))
    found = {one.id: one for one in await stored_webhooks.listing(connection)}.get(id_)
    if found is None:
        raise MissingError("Không có webhook này ở đơn vị của bạn.")
    return found


async def webhook(visit: Visit) -> Response:
    """The last events that it was told, or is still to be told."""
    async with visit.desk() as connection:
        found = await _webhook(connection, visit)
        told = await stored_webhooks.deliveries(connection, found.id, SHOWN)
    return visit.show("webhook.html", webhook=found, deliveries=told, words=KIND_WORDS, shown=SHOWN)


async def ping(visit: Visit) -> Response:
    async with visit.desk() as connection:
        found = await _webhook(connection, visit)
        await stored_webhooks.ping(connection, found.id)
    return visit.go(f"/webhooks/{found.id}", visit.speech.word("Đã xếp một sự kiện thử; nó được báo trong vài giây."))


async def end_webhook(visit: Visit) -> Response:
    async with visit.desk() as connection:
        found = await _webhook(connection, visit)
        await webhooks.end(connection, found.id, visit.by)
    return visit.go("/webhooks", visit.speech.word("Đã bỏ webhook {n}.", n=found.id))


PAGES = (
    Page("/tokens", Action.MANAGE_TOKENS, token_list),
    Page("/tokens", Action.MANAGE_TOKENS, add_token, "POST"),
    Page("/tokens/{token}/end", Action.MANAGE_TOKENS, end_token, "POST"),
    Page("/webhooks", Action.MANAGE_WEBHOOKS, webhook_list),
    Page("/webhooks", Action.MANAGE_WEBHOOKS, add_webhook, "POST"),
    Page("/webhooks/{webhook}", Action.MANAGE_WEBHOOKS, webhook),
    Page("/webhooks/{webhook}/ping", Action.MANAGE_WEBHOOKS, ping, "POST"),
    Page("/webhooks/{webhook}/end", Action.MANAGE_WEBHOOKS, end_webhook, "POST"),
)
