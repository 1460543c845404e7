"""People who follow our Official Account: heard of by webhook, or asked for, and texted as an audience."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from dispatcher.errors import UserError
from dispatcher.inbound import keep_numbers
from dispatcher.keyring import Keyring
from dispatcher.store import audit, followers
from dispatcher.store.audiences import Audience
from dispatcher.store.database import Connection
from dispatcher.store.followers import Word
from providers.base import Follow
from providers.zalo.calls import Zalo

RELATION = "người quan tâm Official Account {name}"
# By whether only those were wanted who have lately done something with the account.
NOBODY = {
    False: "Chưa biết ai quan tâm {name}; thêm --fetch để hỏi Zalo.",
    True: "Không ai quan tâm {name} có tương tác trong 7 ngày qua; Zalo chỉ cho gửi tin nhắn OA tới họ.",
}


class FollowersError(UserError):
    """There is nobody to make an audience of."""


async def put(connection: Connection, keyring: Keyring, account: str, told: Sequence[Follow]) -> None:
    """Store what was told in the caller's transaction."""
    await keep_numbers(connection, keyring, [one.address for one in told])
    words = [Word(keyring.hash(one.address), one.follows, one.at) for one in told]
    await followers.put(connection, account, words)


async def fetch(connection: Connection, keyring: Keyring, provider: Zalo, *, recent: bool = False) -> list[bytes]:
    """Ask the account for all who follow it (`recent`: and have lately done something with it); answers the hashes of their
    addresses. Raises a `ProviderError`."""
    now, found = datetime.now(UTC), list[bytes]()
    async for page in provider.followers(recent=recent):
        await put(connection, keyring, provider.account, [Follow(address, follows=True, at=now) for address in page])
        found += [keyring.hash(address) for address in page]
    return found


async def audience(
    connection: Connection, provider: Zalo, name: str, by: str, only: Sequence[bytes] | None = None
) -> Audience:
    """A new version of the audience, of everybody who follows now (`only`: of these, by hash). Raises `FollowersError`."""
    relation = RELATION.format(name=provider.sender)
    made = await followers.audience(connection, provider.account, name, relation, by, only)
    if not made.recipients:
        raise FollowersError(NOBODY[only is not None].format(name=provider.sender))
    await audit.record(connection, by, "audience.followers", f"{name} v{made.version}", people=made.recipients)
    return made
