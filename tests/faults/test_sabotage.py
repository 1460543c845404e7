"""Safeguards that `python -m tests.faults.sabotage` takes out are where it looks for them."""

from __future__ import annotations

import pytest

from tests.faults.sabotage import ALL, ROOT, Sabotage


@pytest.mark.parametrize("sabotage", ALL, ids=lambda sabotage: sabotage.name)
def test_each_safeguard_is_in_the_code_once(sabotage: Sabotage) -> None:
    assert (ROOT / sabotage.file).read_text("utf-8").count(sabotage.text) == 1
