"""The promises that every adapter keeps. A new one passes these before it has tests of its own.

Describe the adapter in a subclass of `Adapter` and make a test class of `Conformance`: see test_conformance.py.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import pytest

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Encoding,
    Filled,
    Finding,
    Heard,
    Lookup,
    Outcome,
    Provider,
    Queried,
    Reason,
    Receipt,
    Receipts,
    Refused,
    Submission,
    Submitted,
    Unclear,
)
from providers.errors import ProviderError, Throttled, Unavailable, Uncertain
from providers.http import Http, Timeouts
from providers.registry import provider_class
from tests.providers.rawserver import CUTS, Behaviour, RawServer, answers, closed_port, enough, raw_server

TEXT = 'Chung tay phòng, chống ma túy \N{EN DASH} hãy nói "không"'
MSISDN = "84912345678"
CALLBACK = "https://callback.example.vn/c/esms/tok3n-0123456789abcdef"
FILLED = Filled("204519", {"commune": "xã Na Sầm", "hotline": "111"})

Failing = Callable[[str, Timeouts], Awaitable[ProviderError]]  # at an origin, in so much time

UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "HTML": b"<html><body>Bad gateway</body></html>",
    "a JSON string": b'"100"',
    "a JSON number": b"100",
    "a JSON list": b"[]",
    "an empty JSON object": b"{}",
    "null": b"null",
    "invalid UTF-8": b'{"CodeResult":"\xff\xfe","SMSID":"1"}',
    "half a JSON object": b'{"CodeResult":"1',
    "JSON nested without end": b"[" * 100_000,
    "2 MiB": b" " * (2 * 1024 * 1024),
    "NUL bytes": b"\x00" * 64,
}


class Adapter(ABC):
    """What the suite has to know of one adapter."""

    name: ClassVar[str]  # in the table of providers
    title: ClassVar[str]  # of its column in docs/providers/README.md
    sender: ClassVar[str] = "CA LANGSON"
    secrets: ClassVar[tuple[str, ...]]
    unknown_code: ClassVar[str] = "98765"
    # What a call that refuses tells beside its code; where the carrier tells nothing, "".
    words: ClassVar[str] = "something new"
    references: ClassVar[bool] = True  # whether the carrier gives an id
    # A part of an address -> the answer to what comes before the submission (a login).
    preludes: ClassVar[dict[str, bytes]] = {}
    # Bodies that this carrier's answer could be mistaken for, beside `UNREADABLE`.
    unreadable: ClassVar[dict[str, bytes]] = {}

    @abstractmethod
    def options(self, origin: str) -> dict[str, object]:
        """`[route.options]` for a carrier at `origin` (ends with a slash), with the `secrets` in it."""

    @abstractmethod
    def accepting(self, count: int) -> bytes:
        """The body that accepts `count` messages, with references that differ."""

    @abstractmethod
    def refusing(self, code: str, words: str) -> bytes:
        """The body that refuses a message with a code and the carrier's own words."""

    def submissions(self, count: int) -> list[Submission]:
        """`count` messages as this carrier addresses people."""
        return submissions(count)

    def partly(self, count: int) -> bytes:
        """The body that accepts `count` messages but the second; asked for where `per_recipient` is promised."""
        raise NotImplementedError

    def callbacks(self) -> list[tuple[Callback, Outcome]]:
        """Genuine callbacks of one message in the order in which they were made, with what each says."""
        return []

    def hostile_callbacks(self) -> list[Callback]:
        """Callbacks that must be refused with a ValueError."""
        return [Callback("GET", {"a": "b"}, {}, b""), Callback("POST", {}, {}, b"<html>" * 1000)]

    def listing(self, lookups: Sequence[Lookup]) -> bytes:
        """The body that says that every one of these was delivered; asked for where `status_lookup` is promised."""
        raise NotImplementedError

    # Answers to a status query that prove nothing, beside `UNREADABLE`.
    hostile_listings: ClassVar[dict[str, bytes]] = {}

    def provider(self, origin: str, http: Http) -> Provider:
        """Built as the dispatcher builds it."""
        kind = provider_class(self.name)
        return kind(self.sender, kind.options_model.model_validate(self.options(origin)), http)

    @property
    def capabilities(self) -> Capabilities:
        """Of the adapter as it is built here."""
        return self.provider("http://127.0.0.1:9/", None).capabilities  # type: ignore[arg-type]  # nothing is sent


Applies = Callable[[Capabilities], bool]
Test = TypeVar("Test", bound=Callable[..., Any])
# A promise, by the name of its test -> the adapters to which it applies.
PROMISES: dict[str, Applies] = {}


def promise(applies: Applies = lambda _: True) -> Callable[[Test], Test]:
    """Mark a test as a promise of the contract; `applies` tells by its capabilities whether an adapter makes it."""

    def note(test: Test) -> Test:
        PROMISES[test.__name__] = applies
        return test

    return note


def pushes(capabilities: Capabilities) -> bool:
    return capabilities.receipts is Receipts.PUSH


def looks_up(capabilities: Capabilities) -> bool:
    return capabilities.status_lookup or capabilities.reference_lookup or capabilities.receipts is Receipts.PULL


def many(capabilities: Capabilities) -> bool:
    return capabilities.max_per_call > 1


class Conformance:
    """Subclass it, name the subclass Test..., and give it an `adapter`."""

    adapter: ClassVar[Adapter]

    @pytest.fixture(autouse=True)
    def _only_what_is_promised(self, request: pytest.FixtureRequest) -> None:
        if not PROMISES[request.node.originalname](self.adapter.capabilities):
            pytest.skip("not promised by the capabilities")

    @property
    def least(self) -> int:
        """The fewest messages that a call may hold."""
        return self.adapter.capabilities.min_per_call

    @asynccontextmanager
    async def carrier(self, behaviour: Behaviour) -> AsyncIterator[RawServer]:
        async with raw_server(behaviour, self.adapter.preludes) as server:
            yield server

    async def submitted(self, body: bytes, count: int | None = None, status: str = "200 OK") -> Submitted:
        async with self.carrier(answers(body, status)) as server, Http() as http:
            return await self.adapter.provider(server.origin, http).submit(
                self.adapter.submissions(count or self.least)
            )

    async def failure(self, origin: str, timeouts: Timeouts | None = None) -> ProviderError:
        async with Http(timeouts=timeouts) as http:
            with pytest.raises(ProviderError) as caught:
                await self.adapter.provider(origin, http).submit(self.adapter.submissions(self.least))
        return caught.value

    async def everything_told(self, failing: Failing, echo: str) -> list[str]:
        """What can be read off the failures of every cut, of an echo, and of a port where nobody listens."""

        async def told(behaviour: Behaviour) -> str:
            async with self.carrier(behaviour) as server:
                return everything_about(await failing(server.origin, enough(behaviour)))

        behaviours = (*CUTS.values(), answers(echo.encode()), answers(echo.encode(), "500 No"))
        return [
            *await asyncio.gather(*map(told, behaviours)),
            everything_about(await failing(closed_port(), Timeouts())),
        ]

    @promise()
    async def test_there_is_one_verdict_for_each_submission_in_order(self) -> None:
        capabilities = self.adapter.capabilities
        for count in {self.least, min(capabilities.max_per_call, self.least + 4)}:
            answer = await self.submitted(self.adapter.accepting(count), count)
            references = [verdict.reference for verdict in answer.verdicts if isinstance(verdict, Accepted)]
            assert len(references) == len(answer.verdicts) == count
            assert (None not in references) is self.adapter.references
            if self.adapter.references:
                assert len(set(references)) == (1 if capabilities.shared_reference else count)

    @promise(lambda capabilities: many(capabilities) and capabilities.per_recipient)
    async def test_a_number_that_is_refused_does_not_speak_for_the_others(self) -> None:
        count = max(self.least, 3)
        first, second, *others = (await self.submitted(self.adapter.partly(count), count)).verdicts
        assert isinstance(second, Refused)
        assert all(isinstance(verdict, Accepted) for verdict in (first, *others))

    @promise()
    async def test_more_or_fewer_than_a_call_can_hold_are_refused_before_the_wire(self) -> None:
        most = self.adapter.capabilities.max_per_call
        async with self.carrier(answers(self.adapter.accepting(1))) as server, Http() as http:
            for count in (most + 1, self.least - 1):
                with pytest.raises(ValueError, match=r"\S"):
                    await self.adapter.provider(server.origin, http).submit(self.adapter.submissions(count))
        assert server.requests == server.preludes == []

    @promise()
    async def test_the_text_and_the_number_reach_the_carrier_once(self) -> None:
        async with self.carrier(answers(self.adapter.accepting(self.least))) as server, Http() as http:
            await self.adapter.provider(server.origin, http).submit(self.adapter.submissions(self.least))
        assert len(server.requests) == 1
        assert MSISDN[2:].encode() in server.requests[0]

    @promise()
    async def test_an_unknown_code_is_a_value_with_the_raw_code_kept(self) -> None:
        answer = await self.submitted(self.adapter.refusing(self.adapter.unknown_code, "something new"))
        for verdict in answer.verdicts:
            assert isinstance(verdict, Refused | Unclear)
            assert verdict.code == self.adapter.unknown_code
            assert verdict.detail == self.adapter.words
            if isinstance(verdict, Refused):
                assert verdict.reason is Reason.OTHER

    @promise()
    @pytest.mark.parametrize("name", UNREADABLE)
    async def test_an_answer_that_cannot_be_read_is_uncertain(self, name: str) -> None:
        async with self.carrier(answers(UNREADABLE[name])) as server:
            assert type(await self.failure(server.origin)) is Uncertain

    @promise()
    async def test_an_answer_that_looks_almost_right_is_uncertain(self) -> None:
        for body in self.adapter.unreadable.values():
            async with self.carrier(answers(body)) as server:
                assert type(await self.failure(server.origin)) is Uncertain, body

    @promise()
    @pytest.mark.parametrize("cut", CUTS)
    async def test_a_cut_after_the_request_is_uncertain_and_not_repeated(self, cut: str) -> None:
        async with self.carrier(CUTS[cut]) as server:
            assert type(await self.failure(server.origin, enough(CUTS[cut]))) is Uncertain
        assert len(server.requests) == 1

    @promise()
    async def test_a_refused_connection_is_unavailable(self) -> None:
        assert type(await self.failure(closed_port())) is Unavailable

    @promise()
    async def test_a_server_error_is_uncertain_and_429_is_throttled(self) -> None:
        async with self.carrier(answers(self.adapter.accepting(self.least), "503 Busy")) as server:
            assert type(await self.failure(server.origin)) is Uncertain
        async with self.carrier(answers(b"", "429 Slow down", "Retry-After: 3\r\n")) as server:
            failure = await self.failure(server.origin)
        assert isinstance(failure, Throttled)
        assert failure.retry_after == 3

    @promise()
    async def test_every_failure_carries_its_exchange(self) -> None:
        async with self.carrier(answers(b"<html>")) as server:
            unreadable = await self.failure(server.origin)
        async with self.carrier(CUTS["reset"]) as server:
            cut = await self.failure(server.origin)
        assert unreadable.exchange is not None
        assert unreadable.exchange.status == 200
        assert cut.exchange is not None
        assert (cut.exchange.status, cut.exchange.response) == (None, "")

    @promise()
    async def test_nothing_that_is_kept_holds_a_secret_a_number_or_the_text(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, logger="providers")
        echo = f"key {self.adapter.secrets[0]}, number {MSISDN}, text {TEXT}"
        told = [repr(await self.submitted(self.adapter.accepting(self.least)))]
        told.append(repr(await self.submitted(self.adapter.refusing(self.adapter.unknown_code, echo))))
        told += await self.everything_told(self.failure, echo)
        told.append(caplog.text)
        private = (*self.adapter.secrets, MSISDN, MSISDN[2:], TEXT, TEXT[:20], CALLBACK)
        assert [(value, text) for text in told for value in private if value in text] == []

    @promise()
    async def test_the_options_do_not_tell_their_secrets(self) -> None:
        async with Http() as http:
            provider = self.adapter.provider("http://127.0.0.1:9/", http)
        told = repr(provider) + repr(provider.options) + str(provider.options)
        assert [secret for secret in self.adapter.secrets if secret in told] == []
        with pytest.raises(ValueError, match="not_an_option") as caught:
            provider.options_model.model_validate({**self.adapter.options("http://127.0.0.1:9/"), "not_an_option": 1})
        assert [secret for secret in self.adapter.secrets if secret in str(caught.value)] == []

    @promise()
    async def test_many_calls_at_once_do_not_mix_up_their_answers(self) -> None:
        async with self.carrier(answers(self.adapter.accepting(self.least))) as server, Http(connections=8) as http:
            provider = self.adapter.provider(server.origin, http)
            done = await asyncio.gather(*(provider.submit(self.adapter.submissions(self.least)) for _ in range(50)))
        assert len(done) == len(server.requests) == 50

    def receipts(self, callback: Callback) -> Sequence[Heard]:
        provider = self.adapter.provider("http://127.0.0.1:9/", None)  # type: ignore[arg-type]  # reading needs no network
        return provider.read_callback(callback)

    @promise(pushes)
    def test_genuine_callbacks_are_read_alike_in_any_order_and_again(self) -> None:
        told = self.adapter.callbacks()
        assert told
        for callback, outcome in [*told, *reversed(told), *told]:
            (receipt,) = self.receipts(callback)
            assert isinstance(receipt, Receipt)
            assert receipt.outcome is outcome
            assert receipt.message_id or receipt.reference

    @promise(pushes)
    def test_a_receipt_names_the_message_but_does_not_show_the_person(self) -> None:
        for callback, _ in self.adapter.callbacks():
            (receipt,) = self.receipts(callback)
            assert MSISDN[2:] not in repr(receipt)

    @promise()
    def test_hostile_callbacks_are_refused_with_words(self) -> None:
        for callback in self.adapter.hostile_callbacks():
            with pytest.raises(ValueError, match=r"\w{3,}") as caught:
                self.receipts(callback)
            assert len(str(caught.value)) < 300
            assert str(caught.value).isprintable()

    @promise(pushes)
    def test_what_a_stranger_sends_is_bounded_and_printable(self) -> None:
        for callback, _ in self.adapter.callbacks():
            noisy = replace(callback, query={**callback.query, "extra": "\x00\x1b[2J\udc80" + "x" * 100_000})
            (receipt,) = self.receipts(noisy)
            assert isinstance(receipt, Receipt)
            assert len(receipt.raw) <= 4000
            assert receipt.raw.isprintable()

    def asked(self, count: int) -> list[Lookup]:
        """Lookups as this carrier can answer them: by reference, where it knows nothing else."""
        by_reference = not self.adapter.capabilities.status_lookup
        return [replace(one, reference="sms-1") if by_reference else one for one in lookups(count)]

    async def queried(self, body: bytes, asked: Sequence[Lookup], status: str = "200 OK") -> Queried:
        async with self.carrier(answers(body, status)) as server, Http() as http:
            return await self.adapter.provider(server.origin, http).query(asked)

    async def unanswered(self, origin: str, timeouts: Timeouts | None = None) -> ProviderError:
        async with Http(timeouts=timeouts) as http:
            with pytest.raises(ProviderError) as caught:
                await self.adapter.provider(origin, http).query(self.asked(2))
        return caught.value

    @promise(lambda capabilities: not looks_up(capabilities))
    async def test_a_status_query_that_is_not_promised_says_so(self) -> None:
        provider = self.adapter.provider("http://127.0.0.1:9/", None)  # type: ignore[arg-type]  # nothing may be asked
        with pytest.raises(NotImplementedError, match="status_lookup"):
            await provider.query(lookups(1))

    @promise(lambda capabilities: capabilities.receipts is not Receipts.DAILY)
    async def test_a_daily_list_that_is_not_promised_says_so(self) -> None:
        provider = self.adapter.provider("http://127.0.0.1:9/", None)  # type: ignore[arg-type]  # nothing may be asked
        with pytest.raises(NotImplementedError, match="daily"):
            await provider.collect(date(2026, 6, 20))

    @promise(looks_up)
    async def test_there_is_one_finding_for_each_lookup_in_order(self) -> None:
        asked = [*self.asked(5)[::-1], self.asked(1)[0]]  # the last one is asked for twice
        answer = await self.queried(self.adapter.listing(self.asked(5)), asked)
        assert [found.message_id for found in answer.found] == [lookup.message_id for lookup in asked]
        assert {found.outcome for found in answer.found} == {Finding.DELIVERED}
        assert answer.exchanges

    @promise(looks_up)
    async def test_asking_for_nothing_asks_nobody(self) -> None:
        assert await self.queried(b"", []) == Queried((), ())

    @promise(looks_up)
    async def test_an_answer_that_proves_nothing_leaves_the_message_unknown(self) -> None:
        for name, body in {**UNREADABLE, **self.adapter.unreadable, **self.adapter.hostile_listings}.items():
            for asked in (lookups(3), [replace(lookup, reference="sms-1") for lookup in lookups(3)]):
                try:
                    answer = await self.queried(body, asked)
                except ProviderError:
                    continue
                assert [found.message_id for found in answer.found] == [lookup.message_id for lookup in asked]
                assert {found.outcome for found in answer.found} == {Finding.UNKNOWN}, name

    @promise(looks_up)
    @pytest.mark.parametrize("cut", CUTS)
    async def test_a_cut_query_is_a_failure_with_its_exchange(self, cut: str) -> None:
        async with self.carrier(CUTS[cut]) as server:
            failure = await self.unanswered(server.origin, enough(CUTS[cut]))
        assert failure.exchange is not None

    @promise(looks_up)
    async def test_a_query_keeps_no_secret_no_number_and_no_text(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="providers")
        echo = f"key {self.adapter.secrets[0]}, number {MSISDN}, text {TEXT}"
        refusal = self.adapter.refusing(self.adapter.unknown_code, echo)
        told = [repr(await self.queried(self.adapter.listing(self.asked(3)), self.asked(3)))]
        for asked in (lookups(1), [replace(lookups(1)[0], reference="sms-1")]):
            try:
                told.append(repr(await self.queried(refusal, asked)))
            except ProviderError as error:
                told.append(everything_about(error))
        told += await self.everything_told(self.unanswered, echo)
        told.append(caplog.text)
        private = (*self.adapter.secrets, MSISDN, MSISDN[2:], TEXT, TEXT[:20])
        assert [(value, text) for text in told for value in private if value in text] == []


def lookups(count: int) -> list[Lookup]:
    """Questions about the messages of `submissions(count)`, sent an hour ago."""
    since = datetime.now(UTC) - timedelta(hours=1)
    until = since + timedelta(minutes=1)
    return [Lookup(one.message_id, one.msisdn, one.text, since, until) for one in submissions(count)]


def submissions(count: int) -> list[Submission]:
    """`count` messages to numbers that follow each other, the first to `MSISDN`."""
    return [
        Submission(f"{number:032x}", str(int(MSISDN) + number), TEXT, Encoding.UCS2, 1, CALLBACK, FILLED)
        for number in range(count)
    ]


def everything_about(error: BaseException) -> str:
    """Text, fields, and every error that rides along as cause or context."""
    told = "".join(traceback.format_exception(error)) + repr(vars(error))
    others = [other for other in (error.__cause__, error.__context__) if other]
    return told + "".join(everything_about(other) for other in others)
