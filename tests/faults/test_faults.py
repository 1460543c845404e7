"""A few kills in every run of the tests; `make faults` does many more."""

from __future__ import annotations

import pytest

from tests.faults.run import run
from tests.faults.scenarios import FEW, Scenario


@pytest.mark.journey
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", FEW, ids=lambda scenario: scenario.name)
def test_kills_text_nobody_twice_and_forget_nobody(scenario: Scenario) -> None:
    done = run(scenario, seed=7)
    assert done.told.kills.total() > 0
    assert done.finding.broken == ()
