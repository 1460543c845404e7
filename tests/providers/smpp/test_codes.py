from __future__ import annotations

import pytest

from providers.smpp.codes import STATUSES, Kind, status_name


def test_only_ok_is_ok_and_names_are_used_once() -> None:
    assert [code for code, status in STATUSES.items() if status.kind is Kind.OK] == [0]
    assert len({status.name for status in STATUSES.values()}) == len(STATUSES)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x58, Kind.THROTTLE),
        (0x14, Kind.THROTTLE),
        (0x08, Kind.TRANSIENT),
        (0x0B, Kind.RECIPIENT),
        (0x0A, Kind.ACCOUNT),
        (0x0E, Kind.ACCOUNT),
        (0x04, Kind.SESSION),
        (0xFF, Kind.AMBIGUOUS),
    ],
)
def test_what_decides_about_sending_again_is_as_in_the_sheet(code: int, kind: Kind) -> None:
    assert STATUSES[code].kind is kind


def test_a_code_is_named_with_its_number() -> None:
    assert status_name(0x58) == "0x58 RTHROTTLED"
    assert status_name(0x4A1) == "0x4A1"
