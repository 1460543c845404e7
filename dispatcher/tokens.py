"""Programs act for people: a token opens a part of what its person may do, for a while."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable

from dispatcher import accounts, credentials
from dispatcher.errors import UserError
from dispatcher.store import audit, tokens, users
from dispatcher.store.database import Connection

PREFIX = "dsp_"
LONGEST_DAYS = 366
LONGEST_NAME = 80


class TokenError(UserError):
    """A token cannot be given as asked."""


async def add(
    connection: Connection, login: str, name: str, actions: Iterable[str], known: Collection[str], days: int, by: str
) -> tuple[int, str]:
    """Give a program a token of this person; answers its number and the token itself, which nobody can read again.

    `known` are all actions that there are. Raises `TokenError`, `AccountError`.
    """
    user = await accounts.known(connection, login)
    name, wanted = " ".join(name.split()), sorted(set(actions))
    if not name or len(name) > LONGEST_NAME:
        raise TokenError(f"Cần ghi tên chương trình dùng mã này, dài nhất {LONGEST_NAME} ký tự.")
    if unknown := [action for action in wanted if action not in known]:
        raise TokenError(f"Không có quyền {', '.join(unknown)}. Các quyền: {', '.join(sorted(known))}.")
    if not wanted:
        raise TokenError("Cần chọn ít nhất một quyền.")
    if not 1 <= days <= LONGEST_DAYS:
        raise TokenError(f"Mã dùng được từ 1 đến {LONGEST_DAYS} ngày.")
    token = PREFIX + secrets.token_urlsafe(32)
    await users.act_for(connection, user.organisation_id)
    id_ = await tokens.add(connection, user.id, name, credentials.token_hash(token), wanted, by, days)
    await audit.record(connection, by, "token.add", user.login, token=id_, name=name, actions=wanted, days=days)
    return id_, token


async def end(connection: Connection, token_id: int, by: str) -> None:
    """The token opens nothing from now on. Raises `TokenError`."""
    ended = await tokens.end(connection, token_id)
    if ended is None:
        raise TokenError(f"Không có mã {token_id} còn dùng được.")
    login, organisation_id, name = ended
    await users.act_for(connection, organisation_id)
    await audit.record(connection, by, "token.end", login, token=token_id, name=name)
