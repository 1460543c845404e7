"""What the log shows of numbers: masked however written; ids stay whole."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from dispatcher import logs

SPELLINGS = ["0912345678", "84912345678", "+84912345678", "0084912345678", "0912 345 678", "0912.345.678"]


@pytest.mark.parametrize("written", SPELLINGS)
@pytest.mark.parametrize(
    "around", ["{}", "số {} bị từ chối", "phone={}&x=1", '{{"Phone":"{}"}}', "({})", "{}, {}", "số{}"]
)
def test_a_number_is_masked_in_every_usual_spelling_and_place(written: str, around: str) -> None:
    assert logs.masked(around.format(written, written)) == around.format("0912***678", "0912***678")


IDS = [
    "0912345678abcdef0912345678abcdef",
    "abc0912345678",
    "3f2a0912345678de",
    "5b0c2f4e-5d2b-5f0a-9f38-091234567812",
    "8491234567812345",
    "18001567",
    "2026-06-01T07:30:00",
]


@pytest.mark.parametrize("text", IDS)
def test_ids_hashes_and_moments_stay_whole(text: str) -> None:
    assert logs.masked(text) == text


def test_an_event_is_a_line_of_json_with_its_numbers_masked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    structlog.get_logger().info("message.submitted", number="0912345678", count=3)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["count"]) == ("message.submitted", 3)
    assert "345" not in event["number"]


def test_numbers_inside_lists_and_tables_of_an_event_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    structlog.get_logger().info("roster.odd", cells=["0912345678", {"raw": "+84 912 345 678"}])
    said = capsys.readouterr().err
    assert "0912***678" in said
    assert "345" not in said


def test_a_traceback_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    try:
        raise ValueError("0912345678 is odd")
    except ValueError:
        structlog.get_logger().exception("provider.broke")
        logging.getLogger("psycopg").exception("lost for %s", "84912345678")
    said = capsys.readouterr().err
    assert "is odd" in said
    assert "lost for" in said
    assert "912345678" not in said


def test_quiet_leaves_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", quiet=True)
    log = structlog.get_logger()
    log.info("nothing")
    log.error("something")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["something"]


@pytest.fixture(autouse=True)
def _as_before() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level
