"""A provider with a standing link is opened with the worker, heard, and taken leave of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatcher.links import open_links
from dispatcher.runtime import Runtime
from providers.base import (
    Callback,
    Capabilities,
    Health,
    Hear,
    Inbound,
    Outcome,
    Provider,
    Receipt,
    Submission,
    Submitted,
)
from tests.dispatcher.hall import Hall


class Chatter(Provider):
    """A carrier that has nothing but a link."""

    capabilities = Capabilities(channel="sms")
    hear: Hear | None = None

    async def open(self, hear: Hear) -> None:
        self.hear = hear

    async def close(self) -> None:
        self.hear = None

    async def submit(self, submissions: list[Submission]) -> Submitted:
        raise NotImplementedError

    def read_callback(self, callback: Callback) -> list[Receipt]:
        raise ValueError(callback)

    async def check(self) -> Health:
        raise NotImplementedError


@pytest.fixture
def chatter(hall: Hall) -> tuple[Runtime, Chatter]:
    (name, route), *_ = hall.runtime.routes.items()
    provider = Chatter("CA LANGSON", route.options, route.provider.http)
    return replace(hall.runtime, routes={name: replace(route, provider=provider)}), provider


async def test_what_a_link_tells_is_stored_when_hear_returns(hall: Hall, chatter: tuple[Runtime, Chatter]) -> None:
    runtime, provider = chatter
    async with open_links(runtime):
        assert provider.hear
        await provider.hear(
            [
                Receipt(Outcome.DELIVERED, None, "one"),
                Inbound("84960000001", "8138", "Từ chối"),
                Receipt(Outcome.UNDELIVERED, None, "two"),
                Inbound("84960000002", "8138", "Chào"),
            ]
        )
        assert [row.reference for row in await hall.sql("SELECT reference FROM receipt_inbox ORDER BY id")] == [
            "one",
            "two",
        ]
        assert [row.body for row in await hall.sql("SELECT body FROM inbound ORDER BY id")] == ["Từ chối", "Chào"]
        assert await hall.scalar("SELECT count(*) FROM suppressions") == 1
    assert provider.hear is None


async def test_who_tells_what_cannot_be_stored_hears_of_it(hall: Hall, chatter: tuple[Runtime, Chatter]) -> None:
    runtime, provider = chatter
    async with open_links(runtime):
        await hall.sql("ALTER TABLE inbound RENAME TO elsewhere")
        assert provider.hear
        with pytest.raises(Exception, match="inbound"):
            await provider.hear([Inbound("84960000001", "8138", "Chào")])


async def test_links_are_closed_whatever_ends_the_work(chatter: tuple[Runtime, Chatter]) -> None:
    runtime, provider = chatter
    with pytest.raises(RuntimeError, match="over"):
        async with open_links(runtime):
            raise RuntimeError("over")
    assert provider.hear is None


async def test_a_provider_without_a_link_is_left_alone(hall: Hall) -> None:
    async with open_links(hall.runtime):
        assert hall.runtime.routes
