"""Texts from people: a refusal goes on the suppression list at once, everything goes into the inbox, each text once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import structlog

from campaigns import msisdn
from campaigns.refusals import refuses
from dispatcher.keyring import Keyring
from dispatcher.settings import FOLLOWERS
from dispatcher.store import confirmations, inbound, suppressions
from dispatcher.store.database import Connection
from dispatcher.store.inbound import Text, TextPart
from providers.base import USER, Inbound, Part

log = structlog.get_logger()

# A carrier delivers again within minutes what it believes we have not got, and the parts of a text come within minutes.
PATIENCE_SECONDS = 3600
REASON = "người dân từ chối nhận bằng tin nhắn"


async def put(
    connection: Connection,
    keyring: Keyring,
    route: str,
    texts: Sequence[Inbound],
    words: Sequence[str],
    *,
    confirm_all: bool = False,
) -> None:
    """Store texts in the caller's transaction; once committed the carrier may be told that we have them.

    `words` are those of a refusal, as in `campaigns.refusals`; `confirm_all`: also where the person had no advertising from
    us. The same text again within the hour is that text.
    """
    await inbound.alone(connection)
    await keep_numbers(connection, keyring, [one.msisdn for one in texts])
    users = {keyring.hash(one.msisdn) for one in texts if one.msisdn.startswith(USER)}  # a confirmation goes by SMS
    whole = []
    for one in texts:
        if one.part:
            await inbound.put_part(connection, _part(keyring, route, one, one.part))
        else:
            whole.append(Text(route, keyring.hash(one.msisdn), one.to, _clean(one.text), reference=one.reference or ""))
    for text in [*whole, *await inbound.join(connection, PATIENCE_SECONDS)]:
        refusal = refuses(text.body, words)
        await _deliver(connection, text, refusal)
        if refusal and text.msisdn_hash not in users:
            await confirmations.owe(connection, text.msisdn_hash, whatever=confirm_all)


async def keep_numbers(connection: Connection, keyring: Keyring, addresses: Iterable[str]) -> None:
    """Keep people's numbers, or their ids at our account."""
    numbers = sorted(set(addresses))
    hashes = keyring.hashes(numbers)
    await inbound.put_numbers(
        connection,
        hashes=hashes,
        ciphers=keyring.encrypt_all(numbers, hashes),
        networks=[FOLLOWERS if number.startswith(USER) else msisdn.network(number) for number in numbers],
        key_id=keyring.current,
    )


def _part(keyring: Keyring, route: str, one: Inbound, place: Part) -> TextPart:
    return TextPart(route, keyring.hash(one.msisdn), one.to, place.group, place.total, place.number, _clean(one.text))


async def _deliver(connection: Connection, text: Text, refusal: bool) -> None:
    told = "\0".join((text.route, text.msisdn_hash.hex(), text.sent_to, text.reference, text.body)).encode()
    digest = hashlib.blake2b(told, digest_size=16).digest()
    new = await inbound.put(connection, text, digest=digest, refusal=refusal, patience_seconds=PATIENCE_SECONDS)
    if refusal:
        source = f"{text.route} {text.sent_to}"
        proof = f"tin đến {new}" if new else ""
        await suppressions.add_known(
            connection, text.msisdn_hash, reason=REASON, source=source, proof=proof, by="inbound"
        )
    if new:
        log.info("inbound.stored", route=text.route, characters=len(text.body), refusal=refusal, complete=text.complete)


def _clean(text: str) -> str:
    """PostgreSQL refuses NUL, and a terminal obeys escape codes: what a stranger wrote keeps neither."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
