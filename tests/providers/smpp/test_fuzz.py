"""A taste of the fuzzer: `python -m tests.providers.smpp.fuzz` goes on for as long as one likes."""

from __future__ import annotations

from tests.providers.smpp.fuzz import play


async def test_bent_pdus_by_the_thousand_break_nothing() -> None:
    fates = await play(5_000, seed=2026)
    assert fates["PDUs read"] >= 5_000
    assert fates["understood"] > 1_000
