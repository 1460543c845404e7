"""Our client at message centres that others wrote.

    python -m tests.interop smpp34 /path/to/python          an interpreter that has smpp34 (PyPI)
    python -m tests.interop node-smpp node                  with NODE_PATH where npm put `smpp`

Prints a line for each thing that has to work; the table in docs/providers/smpp.md is made of them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from providers.base import Accepted, Encoding, Finding, Inbound, Lookup, Outcome, Receipt, Refused, Submission, Unclear
from providers.errors import Misconfigured, ProviderError, Throttled, Uncertain
from providers.http import Http
from providers.smpp.provider import Smpp

CENTRES = {"smpp34": "centre_smpp34.py", "node-smpp": "centre_node.js"}
ASKS_FOR_A_PASSWORD = {"node-smpp"}
LONG = "Chung tay phòng, chống ma túy vì một xã hội bình yên. " * 3


class Trial:
    """One provider at one centre, and what it heard."""

    def __init__(self, provider: Smpp) -> None:
        self.provider = provider
        self.heard: list[Receipt] = []
        self._sent = 0
        self._arrived = asyncio.Event()

    async def hear(self, told: Sequence[Receipt | Inbound]) -> None:
        self.heard += [one for one in told if isinstance(one, Receipt)]
        self._arrived.set()

    async def submit(self, *texts: str) -> tuple[object, ...]:
        return (await self.provider.submit([self._submission(text) for text in texts])).verdicts

    def _submission(self, text: str) -> Submission:
        self._sent += 1
        return Submission(
            f"{self._sent:032x}", "84912345678", text, Encoding.GSM7 if text.isascii() else Encoding.UCS2, 1
        )

    async def failure(self, *texts: str) -> ProviderError | None:
        try:
            await self.submit(*texts)
        except ProviderError as error:
            return error
        return None

    async def receipts(self, count: int) -> list[Receipt]:
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.heard


async def binds_and_tells_its_version(trial: Trial) -> str:
    health = await trial.provider.check()
    assert health.ok
    return health.detail


async def takes_five_hundred_messages_and_reports_them_delivered(trial: Trial) -> str:
    verdicts = await trial.submit(*["Xin chao"] * 500)
    assert all(isinstance(verdict, Accepted) for verdict in verdicts)
    told = await trial.receipts(500)
    references = {verdict.reference for verdict in verdicts if isinstance(verdict, Accepted)}
    assert {receipt.reference for receipt in told} == references
    assert {receipt.outcome for receipt in told} == {Outcome.DELIVERED}
    early = sum(receipt.message_id is None for receipt in told)
    return "500 receipts matched" + (f", {early} of them before their answers" if early else "")


async def takes_a_long_accented_text_in_parts(trial: Trial) -> str:
    (verdict,) = await trial.submit(LONG)
    assert isinstance(verdict, Accepted)
    assert len(verdict.parts) == 3
    await trial.receipts(503)
    return "3 parts, 3 receipts"


async def throttles_and_the_account_pauses(trial: Trial) -> str:
    failure = await trial.failure("throttle")
    assert isinstance(failure, Throttled)
    assert isinstance(await trial.failure("Xin chao"), Throttled)
    await asyncio.sleep(failure.retry_after or 0)
    return "paused, then on"


async def refuses_one_number(trial: Trial) -> str:
    one, two = await trial.submit("stranger", "Xin chao")
    assert isinstance(one, Refused)
    assert isinstance(two, Accepted)
    return one.code


async def never_answers_and_the_message_is_uncertain(trial: Trial) -> str:
    one, two = await trial.submit("silence", "Xin chao")
    assert isinstance(one, Unclear)
    assert isinstance(two, Accepted)
    return one.detail


async def unbinds_us_and_we_come_back(trial: Trial) -> str:
    failure = await trial.failure("goodbye")
    assert isinstance(failure, Uncertain)
    assert isinstance((await trial.submit("Xin chao"))[0], Accepted)
    return str(failure)


async def cuts_the_line_mid_window(trial: Trial) -> str:
    verdicts = await trial.submit("Xin chao", "cut", *["Xin chao"] * 50)
    assert isinstance(verdicts[1], Unclear)
    unclear = sum(isinstance(verdict, Unclear) for verdict in verdicts)
    assert unclear <= trial.provider.options.window
    return f"{unclear} of 52 uncertain, the rest taken over the next bind"


async def tells_the_standing_of_a_message(trial: Trial) -> str:
    now = datetime.now(UTC)
    answer = await trial.provider.query([Lookup("a" * 32, "84912345678", "x", now, now, "1")])
    assert answer.found[0].outcome is Finding.DELIVERED
    return answer.found[0].code


async def refuses_a_wrong_password(trial: Trial) -> str:
    options = trial.provider.options.model_dump() | {"password": "wrong"}
    stranger = Smpp("CA", Smpp.options_model.model_validate(options), trial.provider.http)
    try:
        await stranger.check()
    except Misconfigured as error:
        return error.code
    raise AssertionError("it let us in")


Step = Callable[[Trial], Awaitable[str]]
EVERYWHERE: tuple[Step, ...] = (
    binds_and_tells_its_version,
    takes_five_hundred_messages_and_reports_them_delivered,
    takes_a_long_accented_text_in_parts,
    throttles_and_the_account_pauses,
    refuses_one_number,
    never_answers_and_the_message_is_uncertain,
    unbinds_us_and_we_come_back,
)
# What smpp34's server cannot be made to do.
WHERE_IT_CAN: tuple[Step, ...] = (cuts_the_line_mid_window, tells_the_standing_of_a_message, refuses_a_wrong_password)


@asynccontextmanager
async def opened(port: int) -> AsyncIterator[Trial]:
    wanted = {"host": "127.0.0.1", "port": port, "system_id": "camp", "password": "s3cret"}
    options = Smpp.options_model.model_validate(
        wanted | {"timeout": 3, "enquire_link": 0.5, "query": True, "binds": 2, "version": "5.0"}
    )
    async with Http() as http:
        trial = Trial(Smpp("CA LANGSON", options, http))
        await trial.provider.open(trial.hear)
        try:
            yield trial
        finally:
            await trial.provider.close()


async def play(name: str, port: int) -> bool:
    good = True
    async with opened(port) as trial:
        for step in EVERYWHERE + (WHERE_IT_CAN if name in ASKS_FOR_A_PASSWORD else ()):
            try:
                said = await step(trial)
            except (AssertionError, TimeoutError, ProviderError, NotImplementedError) as error:
                good, said = False, f"FAILED: {type(error).__name__} {error}"
            print(f"| {name} | {step.__name__.replace('_', ' ')} | {said} |")
    return good


def main(name: str, interpreter: str) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    place = str(Path(__file__).with_name(CENTRES[name]))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with subprocess.Popen([interpreter, place, str(port)], stdout=subprocess.PIPE) as centre:
        assert centre.stdout is not None
        try:
            if not centre.stdout.readline():
                return 1
            return 0 if asyncio.run(play(name, port)) else 1
        finally:
            centre.terminate()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
