"""Zalo first, then SMS, in real processes, small; the large run is by hand (tests/journeys/zalo.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys import zalo


@pytest.mark.journey
@pytest.mark.timeout(300)
def test_nobody_is_reached_twice_everybody_is_accounted_for_and_each_dead_token_is_replaced_once(
    tmp_path: Path,
) -> None:
    found = zalo.run(tmp_path, people=160, workers=2, limit_seconds=240)
    assert found.good, found
    assert found.by_zalo > 0
    assert found.by_sms > found.unreached_then_sms > 0
