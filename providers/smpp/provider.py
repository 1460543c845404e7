"""A carrier's message centre as a provider: hands over over its link, and hears what comes in by it.

Source: SMPP 3.4, and how gateways really behave: docs/providers/smpp.md.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from providers.base import (
    Accepted,
    Callback,
    Capabilities,
    Exchange,
    Finding,
    Found,
    Health,
    Hear,
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
    Unsent,
    Verdict,
)
from providers.blanking import shown
from providers.errors import Unavailable, Uncertain
from providers.http import Http
from providers.smpp.calls import Piece
from providers.smpp.codes import OK, Command, status_name
from providers.smpp.incoming import Ear
from providers.smpp.link import Link, Listener, bound
from providers.smpp.memory import Memory
from providers.smpp.options import SmppOptions, account
from providers.smpp.pdu import BindAnswer, Malformed, Message, Query, QueryAnswer
from providers.smpp.receipt import STATES, IdForm, reference
from providers.smpp.session import Session
from providers.smpp.verdicts import Judge
from providers.smpp.wording import Wording

log = structlog.get_logger()

MAX_PER_CALL = 1_000
SURELY_ONE_PART = 70


class Smpp(Provider):
    """Messages by submit_sm; receipts and texts from people by deliver_sm and data_sm.

    SMPP does not deduplicate: a message whose answer was lost is never sent again by itself.
    """

    options: SmppOptions
    options_model = SmppOptions
    capabilities = Capabilities(channel="sms", max_per_call=MAX_PER_CALL, receipts=Receipts.LINK)

    def __init__(self, sender: str, options: SmppOptions, http: Http) -> None:
        super().__init__(sender, options, http)
        _require_showable(sender, options)
        self.capabilities = replace(type(self).capabilities, status_lookup=options.query)
        self._account = account(options)
        self._wording = Wording(sender, options)
        self._memory = Memory()
        self._ear = Ear(options, self._memory)
        self._link: Link | None = None
        self._hear: Hear | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def open(self, hear: Hear) -> None:
        """Begin to bind."""
        self._hear = hear
        self._link = Link(self._account, Listener(self._store, self._taken, self._late))
        self._link.open()

    async def close(self) -> None:
        """Unbind, when what is under way has its answers."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        await asyncio.gather(*self._telling)

    async def submit(self, submissions: Sequence[Submission]) -> Submitted:
        """Send all at once over the binds; a long text is one message, whatever its parts."""
        if not 1 <= len(submissions) <= MAX_PER_CALL:
            raise ValueError(f"1 to {MAX_PER_CALL} messages a call, not {len(submissions)}")
        if self._link is None:
            raise Unavailable(f"the link to {self._account.place} is not open")
        link, started_at, clock = self._link, datetime.now(UTC), time.perf_counter()
        bodies, unsayable = self._worded(submissions)
        said = [one.message_id for at, one in enumerate(submissions) if at not in unsayable]
        answers = await link.submit(said, bodies) if bodies else []
        told = iter(Judge(self._account.place, self._account.kinds, link.pause_left).verdicts(answers))
        verdicts = tuple([unsayable.get(at) or next(told) for at in range(len(submissions))])
        request = shown({"submit_sm": sum(map(len, bodies)), "messages": len(submissions), "from": self.sender})
        elapsed = time.perf_counter() - clock
        return _answer(verdicts, Exchange(request, shown(_tally(verdicts)), None, started_at, elapsed))

    def _worded(self, submissions: Sequence[Submission]) -> tuple[list[list[bytes]], dict[int, Verdict]]:
        """The PDUs of each message, and the place of each that this carrier's alphabet cannot say."""
        bodies: list[list[bytes]] = []
        unsayable: dict[int, Verdict] = {}
        for at, submission in enumerate(submissions):
            try:
                bodies.append(self._wording.bodies(submission))
            except ValueError as error:
                unsayable[at] = Refused(
                    Reason.REQUEST, "", f"cannot be written for this carrier: {type(error).__name__}"
                )
        return bodies, unsayable

    def read_callback(self, callback: Callback) -> list[Receipt]:  # noqa: ARG002  of every provider
        """Nothing comes by HTTP."""
        raise ValueError("an SMPP carrier makes no HTTP callbacks")

    async def check(self) -> Health:
        """Bind once more, ask for a sign of life, unbind."""
        started_at = datetime.now(UTC)
        async with self._visit() as (session, told):
            clock = time.perf_counter()
            status, _ = await session.ask(Command.ENQUIRE_LINK)
            latency = time.perf_counter() - clock
        version = f"SMPP {told.version >> 4}.{told.version & 15}" if told.version else "SMPP version not told"
        detail = f"bound at {told.system_id.decode('latin-1')[:64] or 'a nameless centre'}, {version}"
        exchange = Exchange(
            shown({"bind": session.terms.command.name.lower(), "at": self._account.place}),
            shown({"status": status_name(OK), "enquire_link": status_name(status)}),
            None,
            started_at,
            latency,
        )
        return Health(status == OK, detail, latency, exchange=exchange)

    async def query(self, lookups: Sequence[Lookup]) -> Queried:
        """Ask by query_sm for those whose id is known; never `absent`: a centre forgets what it has done with."""
        if not self.options.query:
            return await super().query(lookups)
        async with self._asking() as session:
            answers = [await self._standing(session, lookup) for lookup in lookups]
        exchanges = tuple(exchange for _, exchange in answers if exchange is not None)
        return Queried(tuple(found for found, _ in answers), exchanges)

    async def _standing(self, session: Session, lookup: Lookup) -> tuple[Found, Exchange | None]:
        if not lookup.reference or self.options.id_in_answers is IdForm.HEX:
            return Found(lookup.message_id, Finding.UNKNOWN, detail="no id that the centre could be asked for"), None
        started_at, clock = datetime.now(UTC), time.perf_counter()
        asked = Query(
            lookup.reference.encode("latin-1"), self.options.source_ton, self.options.source_npi, self.sender.encode()
        )
        status, body = await session.ask(Command.QUERY_SM, asked.pack())
        found = _found(lookup, status, body)
        request, response = {"query_sm": lookup.reference}, {"status": status_name(status), "state": found.code}
        elapsed = time.perf_counter() - clock
        return found, Exchange(shown(request), shown(response), None, started_at, elapsed)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Session]:
        """A bind to ask over: one of the link's where it is open."""
        if self._link is None:
            async with self._visit() as (session, _):
                yield session
        else:
            session = await self._link.any_session()
            try:
                async with asyncio.timeout(self.options.timeout):
                    yield session
            except (TimeoutError, ConnectionError) as error:
                raise Unavailable(f"{self._account.place}: no answer ({type(error).__name__})") from None

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[tuple[Session, BindAnswer]]:
        """A bind of its own, for a moment."""
        session, told = await bound(self._account, self._account.terms[0], _Visitor(), _deaf)
        try:
            async with asyncio.timeout(self.options.enquire_timeout):
                yield session, told
        except (TimeoutError, ConnectionError) as error:
            raise Unavailable(f"{self._account.place}: bound, then no answer ({type(error).__name__})") from None
        finally:
            await session.leave(self.options.enquire_timeout)

    # What the link tells

    async def _store(self, messages: list[Message]) -> None:
        if self._hear is None:
            raise RuntimeError("nobody listens")
        if told := self._ear.understood(messages):
            await self._hear(told)

    def _taken(self, id_: bytes, name: str) -> str:
        """The centre's id as it is kept; "" for none, and for one that cannot be an id."""
        try:
            known = reference(id_.decode("latin-1"), self.options.id_in_answers)
        except ValueError:
            return ""
        self._memory.keep(known, name)
        return known

    def _late(self, status: int, id_: bytes, name: str) -> None:
        """The message is uncertain by now and stays so; but its receipts will be known by this id."""
        known = self._taken(id_, name) if status == OK else ""
        receipt = Receipt(Outcome.PENDING, name, known or None, f"late answer {status_name(status)}")
        task = asyncio.get_running_loop().create_task(self._tell(receipt))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, receipt: Receipt) -> None:
        try:
            if self._hear is not None:
                await self._hear([receipt])
        except Exception as error:  # it only adds to the log of a message
            log.warning("smpp.late_answer_not_stored", error=type(error).__name__)


ALPHANUMERIC_TON, LONGEST_NAME, LONGEST_ADDRESS = 5, 11, 20


def _require_showable(sender: str, options: SmppOptions) -> None:
    longest = LONGEST_NAME if options.source_ton == ALPHANUMERIC_TON else LONGEST_ADDRESS
    if not (sender.isascii() and sender.isprintable()):
        raise ValueError(f"tên hiển thị “{sender}” chỉ được gồm chữ không dấu, số và dấu thông dụng")
    if len(sender) > longest:
        raise ValueError(f"tên hiển thị “{sender}” dài quá {longest} ký tự")


class _Visitor:
    """Sends nothing."""

    def take(self, backlog: deque[Piece], room: int) -> list[Piece]:  # noqa: ARG002  as sessions ask
        return []

    def answered(self, piece: Piece, status: int, id_: bytes) -> None: ...

    answered_late = answered

    def lost(self, piece: Piece, why: str) -> None: ...

    unwritten = lost


async def _deaf(messages: list[Message]) -> None:  # noqa: ARG001  as sessions tell
    """Whatever comes in meanwhile is to be sent again, to somebody who keeps it."""
    raise RuntimeError("only visiting")


def _answer(verdicts: tuple[Verdict, ...], exchange: Exchange) -> Submitted:
    """One verdict each; where all fared alike and none was taken, the failure of the call."""
    failures = [verdict.failure for verdict in verdicts if isinstance(verdict, Unsent)]
    if len(failures) == len(verdicts) and len({type(failure) for failure in failures}) == 1:
        failures[0].exchange = exchange
        raise failures[0]
    first = verdicts[0]
    if isinstance(first, Unclear) and all(isinstance(verdict, Unclear) for verdict in verdicts):
        raise Uncertain(first.detail, code=first.code, exchange=exchange)
    return Submitted(verdicts, exchange)


def _tally(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many fared how, for the log of calls."""
    return dict(Counter(map(_outcome, verdicts)))


def _outcome(verdict: Verdict) -> str:
    match verdict:
        case Accepted():
            return "accepted"
        case Refused(code=code):
            return f"refused {code}".strip()
        case Unclear(code=code):
            return f"unclear {code}".strip()
        case Unsent(failure=failure):
            return f"not sent {failure.code}".strip()


FINDINGS = {
    Outcome.DELIVERED: Finding.DELIVERED,
    Outcome.UNDELIVERED: Finding.UNDELIVERED,
    Outcome.PENDING: Finding.ACCEPTED,
}


def _found(lookup: Lookup, status: int, body: bytes) -> Found:
    """Of a text that may have been cut, the id is of the first part only: that it arrived does not say that all did."""
    try:
        told = QueryAnswer.read(body) if status == OK else None
    except Malformed:
        told = None
    state = next((state for state in STATES if told and state.number == told.state), None)
    if told is None or state is None or state.word == "UNKNOWN":
        detail = f"the centre answered {status_name(status)}"
        return Found(lookup.message_id, Finding.UNKNOWN, lookup.reference, state.word if state else "", detail)
    finding = FINDINGS[state.outcome]
    if finding is Finding.DELIVERED and len(lookup.text) > SURELY_ONE_PART:
        finding = Finding.ACCEPTED
    code = f"{state.word}/{told.error}" if told.error else state.word
    return Found(lookup.message_id, finding, lookup.reference, code)
