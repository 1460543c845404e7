"""One scenario from an empty folder to its judgement."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.faults.household import LIMIT_SECONDS, Household, Told
from tests.faults.judge import Finding, judge
from tests.faults.rig import installation_with
from tests.faults.scenarios import Scenario


@dataclass(frozen=True)
class Run:
    scenario: Scenario
    told: Told
    finding: Finding


def run(scenario: Scenario, seed: int, limit_seconds: float = LIMIT_SECONDS) -> Run:
    """Set up, kill as the scenario says, wait until all is settled, and judge; nothing is left running."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as servers,
        installation_with(Path(folder) / "var", scenario) as rig,
    ):
        told = Household(rig, scenario, seed, servers).live(limit_seconds)
        return Run(scenario, told, asyncio.run(judge(rig, scenario, told)))
