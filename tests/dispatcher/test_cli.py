"""The command line as people use it: what it answers, how it fails, and never a traceback."""

from __future__ import annotations

import asyncio
import csv
import email
import email.policy
import io
import json
import logging
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pytest
import structlog

from campaigns import definition
from dispatcher import announcing, cli, expansion, inbound, sending
from dispatcher.keyring import open_keyring
from dispatcher.runtime import Addresses, open_runtime
from dispatcher.settings import load_settings
from dispatcher.store import batches, broadcasts, campaigns, installation
from dispatcher.store import routes as stored_routes
from dispatcher.store.database import new_pool
from providers.base import Inbound
from providers.sandbox import Dials, PretendCarrier
from providers.sandbox.zalo import PretendZalo, ZaloDials
from tests.dispatcher.hall import EDITION, SENDER, numbers
from tests.dispatcher.said import Said

LAUNCH_OPENS = "2026-06-01T07:30:00+07:00"


Run = Callable[..., Said]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs `dispatcher ...` in a folder of its own, as the console script would; nothing of this machine shows through."""
    root, handler = logging.getLogger(), signal.getsignal(signal.SIGTERM)
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPATCHER_ENV_FILE", "")
    for name in ("DATABASE_URL", "OWNER_URL", "REDIS_URL", "ROUTES", "FOLDER", "KEYRING"):
        monkeypatch.delenv(f"DISPATCHER_{name}", raising=False)

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["dispatcher", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(ended.value.code if isinstance(ended.value.code, int) else 0, said.out, said.err)

    yield run
    signal.signal(signal.SIGTERM, handler)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


Far = TypeVar("Far", bound=PretendCarrier | PretendZalo)


@contextmanager
def afar(carrier: Far) -> Iterator[Far]:
    """A pretend carrier on a loop of its own, for commands that have theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(carrier.__aenter__(), loop).result(10)
    yield carrier
    asyncio.run_coroutine_threadsafe(carrier.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def far_carrier() -> Iterator[PretendCarrier]:
    with afar(PretendCarrier(Dials(balance=1_234_567.0))) as carrier:
        yield carrier


@pytest.fixture
def far_zalo() -> Iterator[PretendZalo]:
    with afar(PretendZalo(ZaloDials(followers=60, active=0.5))) as zalo:
        yield zalo


@pytest.fixture
def run(
    offline: Run, monkeypatch: pytest.MonkeyPatch, restricted: Addresses, tmp_path: Path, far_carrier: PretendCarrier
) -> Run:
    """The same with a database (as the user that may not change what is sealed), a keyring, a carrier and a routes.toml."""
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", restricted.database_url)
    monkeypatch.setenv("DISPATCHER_OWNER_URL", restricted.owner_url)
    monkeypatch.setenv("DISPATCHER_REDIS_URL", restricted.redis_url)
    monkeypatch.setenv("DISPATCHER_KEYRING", str(tmp_path / "keyring.json"))
    open_keyring(tmp_path / "keyring.json", create=True)
    routes(tmp_path, far_carrier.base_url)
    return offline


def routes(folder: Path, base_url: str, networks: str = '["*"]', secret: str = "sandbox-secret-key") -> None:
    (folder / "routes.toml").write_text(
        f'[[route]]\nname = "main"\nprovider = "esms"\nnetworks = {networks}\nsender = "{SENDER}"\ntps = 5000\n'
        f'[route.options]\nbase_url = "{base_url}"\napi_key = "sandbox-api-key"\nsecret_key = "{secret}"\n'
    )


def roster(folder: Path, people: int = 5) -> Path:
    path = folder / "ds.csv"
    path.write_text(
        "Số điện thoại;Xã\n" + "".join(f"{n};Xã Na Sầm\n" for n in numbers(people)) + "không có;\n", "utf-8"
    )
    return path


async def sent(addresses: Addresses, carrier: PretendCarrier) -> None:
    """What clock and worker would do with the launch wave."""
    structlog.reset_defaults()  # the last command's log went to a terminal that is gone
    settings = load_settings()
    routes(Path(), carrier.base_url)
    async with open_runtime(settings, addresses) as runtime:
        async with runtime.pool.connection() as connection:
            await connection.execute(
                "UPDATE installation SET rehearsal_offset = %s - clock_timestamp()", [LAUNCH_OPENS]
            )
            opened = await campaigns.open_due_waves(connection)
        for wave in opened:
            await expansion.expand(runtime, wave)
        async with runtime.pool.connection() as connection:
            due = await batches.enqueue_due(connection, requeue_seconds=60, per_route=100)
            assert await installation.rehearsing(connection)
        for batch in due:
            await sending.send(runtime, batch.id)


@pytest.fixture
def campaign_started(run: Run, tmp_path: Path) -> Run:
    """A database in which the launch wave goes to five people when its time has come."""
    assert run("audience", "import", "people", roster(tmp_path), "--by", "An").code == 0
    assert (
        run("campaign", "add", "drug_prevention_june", "--year", 2026, "--audience", "people", "--by", "An").code == 0
    )
    assert run("campaign", "approve", EDITION, "--by", "Bình").code == 0
    assert run("campaign", "start", EDITION, "--by", "Bình").code == 0
    return run


@pytest.fixture
def campaign_sent(campaign_started: Run, addresses: Addresses, far_carrier: PretendCarrier) -> Run:
    """A database in which it has gone out to them."""
    asyncio.run(sent(addresses, far_carrier))
    return campaign_started


def every_command() -> list[tuple[str, ...]]:
    return [words for name in cli.COMMANDS for words in _below((name,), cli.read(name))]


def _below(words: tuple[str, ...], command: Any) -> list[tuple[str, ...]]:
    if not hasattr(command, "commands"):
        return [words]
    return [found for name, sub in command.commands.items() for found in _below((*words, name), sub)]


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_has_help_and_json(offline: Run, command: tuple[str, ...]) -> None:
    said = offline(*command, "--help")
    assert said.code == 0
    assert "--json" in said.out


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_command_says_of_itself_what_the_list_says(name: str) -> None:
    assert cli.read(name).help.splitlines()[0] == cli.COMMANDS[name].help


def test_a_command_that_is_nearly_right_is_named(offline: Run) -> None:
    said = offline("campain")
    assert said.code == 2
    assert "campaign" in said.err


def test_a_list_of_commands_reads_none_of_them() -> None:
    seen = """
import sys
from dispatcher import cli
sys.argv = ["dispatcher", "--help"]
try:
    cli.app()
finally:
    print([name for name in ("dispatcher.cli.campaign", "dispatcher.web") if name in sys.modules])
"""
    listed = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True).stdout
    assert "campaign" in listed
    assert listed.rstrip().endswith("[]")


def test_the_commands_are_those_of_the_manual() -> None:
    assert {" ".join(command) for command in every_command()} >= {
        "up", "web", "worker", "clock", "demo", "migrate", "adopt",
        "campaign new", "campaign clone", "campaign theme", "campaign calendar",
        "campaign check", "campaign add", "campaign list", "campaign show", "campaign approve", "campaign start",
        "campaign rehearse", "campaign status", "campaign pause", "campaign resume", "campaign cancel",
        "audience import", "audience list", "audience show", "suppress add", "suppress import", "suppress list",
        "suppress release", "complaint add", "complaint list", "complaint show", "complaint answer",
        "inbox list", "inbox show", "inbox forward",
        "route list", "route check", "log search", "log show", "log export", "route pause", "route resume", "route cancel",
        "order keys", "order trust", "order distrust", "order export", "order import", "order run", "order list",
        "order show", "order result export", "order result import",
    }  # fmt: skip


def test_the_version_is_told(offline: Run) -> None:
    assert offline("--version").out.strip()


@pytest.mark.parametrize("name", definition.library())
@pytest.mark.parametrize("as_json", [True, False])
def test_every_definition_of_the_library_passes_the_check(offline: Run, name: str, as_json: bool) -> None:
    said = offline("campaign", "check", name, "--year", 2026, *(["--json"] if as_json else []))
    assert said.code == 0, said.err
    if as_json:
        assert said.json["campaign"] == f"{name}-2026"
        assert all(sample["accented"]["segments"] >= 1 for sample in said.json["samples"])
    else:
        assert "Tệp dùng được." in said.out


def test_a_campaign_from_file_to_start(run: Run, tmp_path: Path) -> None:
    source = definition.library_path("drug_prevention_june")
    assert run("campaign", "check", source, "--year", 2026).code == 0
    imported = run("audience", "import", "people", roster(tmp_path), "--json").json
    assert (imported["lines"], imported["accepted"], imported["rejected"], imported["recipients"]) == (6, 5, 1, 5)
    added = run("campaign", "add", source, "--year", 2026, "--audience", "people", "--by", "An", "--json")
    assert added.json == {"campaign": EDITION, "replaced": False}
    refused = run("campaign", "approve", EDITION, "--by", "An")
    assert (refused.code, refused.err.strip()) == (1, "Lỗi: An là người soạn; người duyệt phải là người khác.")
    assert run("campaign", "start", EDITION).code == 1
    approved = run("campaign", "approve", EDITION, "--by", "Bình", "--json").json
    assert approved["audiences"] == [{"name": "people", "version": 1, "recipients": 5}]
    assert run("campaign", "start", EDITION, "--by", "Bình", "--json").json["status"] == "running"
    (listed,) = run("campaign", "list", "--json").json
    assert (listed["campaign"], listed["status"], listed["approved_by"]) == (EDITION, "running", "Bình")
    assert run("campaign", "show", EDITION, "--json").json["definition"]["year"] == 2026
    assert run("campaign", "pause", EDITION, "--json").json["saved"] == 0
    assert run("campaign", "resume", EDITION, "--json").json["status"] == "running"
    assert run("campaign", "cancel", EDITION, "--json").json["act"] == "cancel"
    for words in (["list"], ["show", EDITION], ["status", EDITION], ["status", EDITION, "--watch"]):
        said = run("campaign", *words)
        assert (said.code, "Tháng hành động" in said.out) == (0, True)


def test_an_approver_is_told_what_the_carriers_lack(run: Run, tmp_path: Path, far_carrier: PretendCarrier) -> None:
    run("audience", "import", "people", roster(tmp_path))
    run("campaign", "add", "drug_prevention_june", "--year", 2026, "--audience", "people", "--by", "An")
    routes(tmp_path, far_carrier.base_url, secret="of another account")
    refused = run("campaign", "approve", EDITION, "--by", "Bình")
    assert refused.code == 1
    assert "đường gửi main: Nhà cung cấp không chấp nhận" in refused.err
    assert "--accept" in refused.err
    given = run("campaign", "approve", EDITION, "--by", "Bình", "--accept", "khóa mới sẽ có ngày mai", "--json").json
    (finding,) = given["findings"]
    assert finding.startswith("đường gửi main:")


def test_an_approver_looks_first_and_what_was_approved_can_be_taken_back(run: Run, tmp_path: Path) -> None:
    run("audience", "import", "people", roster(tmp_path))
    run(
        "campaign",
        "add",
        definition.library_path("drug_prevention_june"),
        "--year",
        2026,
        "--audience",
        "people",
        "--by",
        "An",
    )
    seen = run("campaign", "review", EDITION, "--json").json
    assert (seen["changes"], seen["last_approval"], len(seen["hash"])) == (None, None, 64)
    assert [wave["people"] for wave in seen["waves"]] == [5] * len(seen["waves"])
    shown = run("campaign", "review", EDITION).out
    for words in ("Mã nội dung", "dài nhất", "Na Sầm 5", "Chi phí theo nhà mạng", "Dự kiến hoàn thành", "--seen"):
        assert words in shown
    refused = run("campaign", "approve", EDITION, "--by", "Bình", "--seen", "abc")
    assert (refused.code, "đã đổi sau khi xem lại" in refused.err) == (1, True)
    given = run("campaign", "approve", EDITION, "--by", "Bình", "--seen", seen["hash"][:12], "--json").json
    assert (given["hash"], given["path"]) == (seen["hash"], "full")
    assert "Không đổi từ lần duyệt đầy đủ" in run("campaign", "review", EDITION).out
    assert run("campaign", "forecast", EDITION, "--json").json["expired"] == 0
    assert "dự kiến xong" in run("campaign", "forecast", EDITION).out
    assert "không có cảnh báo duyệt nhanh" in run("campaign", "confirm", EDITION, "--by", "Lê").err
    assert run("campaign", "withdraw", EDITION, "--reason", "sửa", "--json").json["act"] == "withdraw"
    routes(tmp_path, "http://127.0.0.1:9/", networks='["viettel"]')
    assert "đường gửi: main.networks" in run("campaign", "review", EDITION).out


def late(folder: Path) -> Path:
    """The June campaign with a text that waits for its theme."""
    text = definition.library_path("drug_prevention_june").read_text("utf-8")
    path = folder / "late.toml"
    path.write_text(text.replace('accented = "{owner}: Huong ung', 'accented = "{owner}: {theme} Huong ung'), "utf-8")
    return path


def test_a_check_tells_refusals_from_warnings(offline: Run, tmp_path: Path) -> None:
    said = offline("campaign", "check", late(tmp_path), "--year", 2026, "--json")
    (refusal,) = said.json["refusals"]
    assert (said.code, refusal["article"]) == (0, "quy ước của hệ thống, không phải quy định pháp luật")
    assert any("có dấu tốn 3" in warning for warning in said.json["warnings"])
    shown = offline("campaign", "check", tmp_path / "late.toml", "--year", 2026).out
    assert "Chưa duyệt được: đợt launch" in shown
    assert "Tệp dùng được làm bản nháp." in shown
    assert "giờ Việt Nam" in shown


def test_a_theme_of_the_offices_own_file_fills_the_text(offline: Run, tmp_path: Path) -> None:
    (tmp_path / "occasions.toml").write_text(
        '[[theme]]\noccasion = "drug-action-month"\nyear = 2026\ntheme = "Vì cộng đồng"\nsource = "Công văn 1"\n',
        "utf-8",
    )
    said = offline("campaign", "check", late(tmp_path), "--year", 2026, "--json").json
    assert said["refusals"] == []
    assert "Vi cong dong" in said["samples"][0]["unaccented"]["body"]
    (tmp_path / "occasions.toml").write_text("[[theme]]\n", "utf-8")
    broken = offline("campaign", "check", tmp_path / "late.toml", "--year", 2026)
    assert (broken.code, "occasions.toml, dòng 1, theme[1].occasion" in broken.err) == (1, True)


def test_a_draft_waits_for_its_theme_and_gets_it(run: Run, tmp_path: Path) -> None:
    run("audience", "import", "people", roster(tmp_path))
    assert run("campaign", "add", late(tmp_path), "--year", 2026, "--audience", "people", "--by", "An").code == 0
    refused = run("campaign", "approve", EDITION, "--by", "Bình")
    assert (refused.code, "chưa có chủ đề năm 2026" in refused.err) == (1, True)
    given = run("campaign", "theme", EDITION, "Vì cộng đồng", "--source", "Công văn 1", "--by", "An", "--json").json
    assert (given["theme"], "Vi cong dong" in given["samples"][0]["unaccented"]["body"]) == ("Vì cộng đồng", True)
    assert "Vi cong dong" in run("campaign", "theme", EDITION, "Vì cộng đồng", "--source", "Công văn 1").out
    assert run("campaign", "approve", EDITION, "--by", "Bình").code == 0


def test_a_new_campaign_is_a_file_of_its_own_made_from_the_library(offline: Run, tmp_path: Path) -> None:
    made = offline(
        "campaign", "new", "--from", "hiv_action_month", "--year", 2026, "--owner", "Sở Y tế Lạng Sơn", "--json"
    )
    assert made.json["file"] == "hiv_action_month-2026.toml"
    assert (made.code, made.json["problems"], made.json["refusals"]) == (0, [], [])
    text = (tmp_path / "hiv_action_month-2026.toml").read_text("utf-8")
    assert 'owner = "Sở Y tế Lạng Sơn"\n' in text
    assert "# Chưa có đường dây nóng về HIV được xác minh" in text
    checked = offline("campaign", "check", "hiv_action_month-2026.toml", "--json").json
    assert checked["campaign"] == "hiv_action_month-2026"
    again = offline("campaign", "new", "--from", "hiv_action_month", "--year", 2026)
    assert (again.code, "hiv_action_month-2026.toml" in again.err) == (1, True)
    other = offline(
        "campaign", "new", "--from", tmp_path / "hiv_action_month-2026.toml", "--year", 2027, "--slug", "hiv"
    )
    assert "Đã ghi hiv-2027.toml." in other.out
    assert offline("campaign", "new", "--from", "no-such", "--year", 2026).code == 1


def test_a_clone_keeps_the_file_as_it_was_added_and_says_what_is_of_last_year(run: Run, tmp_path: Path) -> None:
    text = definition.library_path("drug_prevention_june").read_text("utf-8")
    own = tmp_path / "own.toml"
    own.write_text("# của xã\n" + text.replace("Mỗi gia đình", "Năm 2026 mỗi gia đình"), "utf-8")
    assert run("campaign", "add", own, "--year", 2026, "--audience", "ba con", "--by", "An").code == 0
    made = run("campaign", "clone", EDITION, "--year", 2027, "--json").json
    assert made["file"] == "drug_prevention_june-2027.toml"
    (problem,) = made["problems"]
    assert "có năm 2026, chiến dịch này của năm 2027" in problem
    copy = (tmp_path / made["file"]).read_text("utf-8")
    assert copy.startswith("# của xã\n")
    assert 'audience = "ba con"' in copy
    assert "Phải sửa" in run("campaign", "clone", EDITION, "--year", 2027, "--slug", "khac").out
    assert run("campaign", "clone", "no-such-2026", "--year", 2027).code == 1


def test_the_calendar_shows_themes_overlaps_editions_and_silent_months(run: Run) -> None:
    assert run("campaign", "add", "drug_prevention_june", "--year", 2025).code == 0
    found = run("campaign", "calendar", "--year", 2025, "--json").json
    (month,) = (row for row in found["occasions"] if row["occasion"] == "drug-action-month")
    assert (month["first"], month["last"], month["campaigns"]) == (
        "2025-06-01",
        "2025-06-30",
        ["drug_prevention_june-2025"],
    )
    assert month["theme"].startswith("Chung một quyết tâm")
    assert "children-action-month" in month["overlaps"]
    assert found["silent_months"] == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]
    assert run("campaign", "calendar", "--year", 2025, "--topic", "hiv", "--json").json["silent_months"] == list(
        range(1, 13)
    )
    shown = run("campaign", "calendar", "--year", 2025, "--topic", "drug").out
    assert "giờ Việt Nam" in shown
    assert "Tháng chưa có đợt gửi nào về drug: 1, 2, 3, 4, 5, 7" in shown


def test_a_campaign_is_shown_with_what_it_rests_on(run: Run, tmp_path: Path) -> None:
    text = definition.library_path("drug_prevention_june").read_text("utf-8")
    own = tmp_path / "own.toml"
    more = """
programme = "Chương trình 130/CP"
co_owners = ["Tỉnh đoàn"]
content_by = "Công an tỉnh"
budget = 50000000
[appraisal]
number = "12/GP"
date = "2026-05-20"
issuer = "Sở Văn hóa"
[policy]
reason = "Kế hoạch 7"
most_messages = 5
[[request]]
kind = "Công văn"
number = "451/TTCS-TTQ"
date = "2026-05-28"
issuer = "Cục Thông tin cơ sở"
subject = "Tháng hành động"
"""
    own.write_text(text.replace("\n[period]", more + "[period]", 1), "utf-8")
    assert run("campaign", "add", own, "--year", 2026).code == 0
    shown = run("campaign", "show", EDITION).out
    for words in (
        "Loại tin: thông tin tuyên truyền. Chủ đề: chưa có.",
        "Văn bản yêu cầu: Công văn 451/TTCS-TTQ (28/05/2026), Cục Thông tin cơ sở",
        "Chương trình: Chương trình 130/CP",
        "Phối hợp: Tỉnh đoàn",
        "Đơn vị cung cấp nội dung: Công an tỉnh",
        "Mức chi tối đa: 50.000.000 đồng",
        "Thẩm định: 12/GP (20/05/2026), Sở Văn hóa",
        "Giờ gửi: 07:00-22:00 (giờ Việt Nam); mỗi người nhiều nhất 5 tin trong 7 ngày",
        "Lý do khác thông lệ: Kế hoạch 7",
    ):
        assert words in shown, shown


def test_the_do_not_call_list_is_imported_for_advertising_alone(run: Run, tmp_path: Path) -> None:
    assert run("suppress", "import", roster(tmp_path), "--only-advertising", "--json").json["new"] == 5
    assert run("suppress", "add", "0960000001", "--json").json["new"] == 1
    scopes = [row["scope"] for row in run("suppress", "list", "--json").json["numbers"]]
    assert sorted(scopes) == ["mọi tin"] + ["tin quảng cáo"] * 4


def test_a_status_for_machines_adds_up(campaign_sent: Run) -> None:
    status = campaign_sent("campaign", "status", EDITION, "--json").json
    assert status["campaign"] == EDITION
    assert (status["planned"], status["segments"], status["accounted"]) == (5, 5, True)
    assert status["counts"] == {"submitted": 5}
    assert [wave["planned"] for wave in status["waves"]] == [5, 0, 0]
    assert status["stopped_routes"] == {}
    assert "khớp" in campaign_sent("campaign", "status", EDITION).out


def test_the_log_is_searched_by_number_campaign_wave_and_status(campaign_sent: Run) -> None:
    one = campaign_sent("log", "search", "--number", "0960 000 001", "--json").json["messages"]
    assert [(m["status"], m["wave"], m["msisdn"]) for m in one] == [("submitted", "launch", one[0]["msisdn"])]
    assert "000001" not in one[0]["msisdn"]
    shown = campaign_sent("log", "search", "--number", "0960000001", "--reveal", "--reason", "kiểm tra", "--json").json
    assert shown["messages"][0]["msisdn"] == "84960000001"
    filters = ["--campaign", EDITION, "--wave", "launch", "--status", "submitted", "--status", "delivered"]
    found = campaign_sent("log", "search", *filters, "--json").json
    assert (len(found["messages"]), found["count"], found["after"]) == (5, {"n": 5, "at": None}, None)
    assert campaign_sent("log", "search", "--status", "failed", "--json").json["messages"] == []
    assert "5 tin" in campaign_sent("log", "search").out
    for wrong in ("12345", "0961000001/0961000002"):
        assert campaign_sent("log", "search", "--number", wrong).code == 2


def test_pages_of_a_search_follow_one_another(campaign_sent: Run) -> None:
    first = campaign_sent("log", "search", "--limit", "3", "--json").json
    second = campaign_sent("log", "search", "--limit", "3", "--after", first["after"], "--json").json
    assert (len(first["messages"]), len(second["messages"]), second["after"]) == (3, 2, None)
    assert len({m["message_id"] for m in first["messages"] + second["messages"]}) == 5
    assert "--after" in campaign_sent("log", "search", "--limit", "3").out


def test_the_log_is_searched_by_everything_that_is_known(campaign_sent: Run) -> None:
    for asked, found in (
        (["--route", "main", "--since", "2026-06-01", "--until", "2026-06-01"], 5),
        (["--until", "2026-06-01T06:00"], 0),
        (["--error", "99"], 0),
        (["--place", "Hà Nội"], 0),
        (["--approver", "nobody"], 0),
    ):
        assert len(campaign_sent("log", "search", *asked, "--json").json["messages"]) == found
    for wrong in (["--since", "hôm qua"], ["--until", "2026-13-01"]):
        assert campaign_sent("log", "search", *wrong).code == 2
    for wrong in (["--place", "nơi này"], ["--after", "x"]):
        assert campaign_sent("log", "search", *wrong).code == 1


def test_a_message_is_told_whole(campaign_sent: Run) -> None:
    (one,) = campaign_sent("log", "search", "--number", "0960000001", "--json").json["messages"]
    told = campaign_sent("log", "show", one["message_id"], "--json").json
    assert (told["status"], told["msisdn"], told["text"] != "") == ("submitted", one["msisdn"], True)
    assert [approval["path"] for approval in told["origin"]["approvals"]] == ["full"]
    assert [deed["act"] for deed in told["origin"]["deeds"]] == ["campaign.add", "campaign.approve", "campaign.start"]
    (attempt,) = told["happened"]
    assert (attempt["kind"], attempt["outcome"], attempt["reference"]) == ("attempt", "accepted", one["reference"])
    assert "sandbox-secret-key" not in attempt["request"]
    assert "84960000001" not in json.dumps(told)
    said = campaign_sent("log", "show", one["message_id"]).out
    for part in (one["message_id"], "duyệt", "lần thử 1 qua main: nhà mạng nhận", told["text"]):
        assert part in said
    assert campaign_sent("log", "show", "0" * 32).code == 1
    assert campaign_sent("log", "show", "x").code == 2


def test_the_log_is_exported_in_three_forms_with_the_same_rows(campaign_sent: Run, tmp_path: Path) -> None:
    for form in ("csv", "jsonl", "parquet"):
        said = campaign_sent("log", "export", EDITION, "--format", form, "-o", tmp_path / f"log.{form}", "--json")
        assert (said.code, said.json["messages"], said.json["revealed"]) == (0, 5, False)
    with (tmp_path / "log.csv").open(encoding="utf-8-sig", newline="") as file:
        from_csv = {row["message_id"]: row["reference"] for row in csv.DictReader(file)}
    from_jsonl = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert {row["message_id"]: row["reference"] for row in from_jsonl} == from_csv
    assert pl.read_parquet(tmp_path / "log.parquet").to_dicts() == from_jsonl


def test_a_check_of_the_routes_says_what_to_mend_before_a_campaign(campaign_sent: Run) -> None:
    run = campaign_sent
    good = run("route", "check", "--all", "--campaign", EDITION, "--json")
    (route,) = good.json
    assert (good.code, route["ok"], route["ready"], route["unknown_codes"]) == (0, True, True, {})
    assert [finding["about"] for finding in route["findings"]] == ["receipts"]
    routes = Path("routes.toml")
    routes.write_text(routes.read_text() + "sandbox = true\n")
    bad = run("route", "check")
    assert bad.code == 1
    assert "Phải sửa:" in bad.out
    assert "chế độ thử" in bad.out
    assert "→ Bỏ sandbox = true trong routes.toml" in bad.out
    assert run("route", "check", "main", "--all").code == 1
    assert "khong-co" in run("route", "check", "--campaign", "khong-co").err


def test_the_address_for_a_carriers_portal_is_told_and_the_telling_recorded(run: Run) -> None:
    assert "chưa ghi callback_base" in run("route", "callback", "main").err
    written = Path("routes.toml")
    written.write_text(written.read_text() + 'callback_base = "https://tuyentruyen.example.gov.vn/"\n')
    told = run("route", "callback", "main", "--by", "An", "--json").json["address"]
    assert re.fullmatch(r"https://tuyentruyen\.example\.gov\.vn/callbacks/main/[0-9a-f]{40}", told)
    assert run("route", "callback", "main").out.strip() == told
    assert run("route", "callback", "other").code == 1


def test_a_route_is_paused_with_a_reason_and_resumed(campaign_sent: Run) -> None:
    run = campaign_sent
    assert run("route", "pause", "main", "--reason", " ").code == 1
    stopped = run("route", "pause", "main", "--reason", "đổi hợp đồng", "--by", "An", "--json").json
    assert stopped == {"route": "main", "act": "pause", "out": 5, "in_flight": 0, "saved": 0}
    (route,) = run("route", "list", "--json").json
    assert [(stop["kind"], stop["reason"]) for stop in route["stops"]] == [("paused", "An: đổi hợp đồng")]
    assert "đang tạm dừng" in run("campaign", "status", EDITION).out
    assert run("route", "pause", "main", "--reason", "again").code == 1
    assert "chạy tiếp" in run("route", "resume", "main").out
    assert run("route", "resume", "main", "--json").code == 1
    assert "Hiện có: main" in run("route", "pause", "other", "--reason", "x").err


def test_a_route_is_called_off_with_an_answer_and_can_be_used_again(campaign_sent: Run) -> None:
    run = campaign_sent
    said = run("route", "cancel", "main", "--reason", "hết hợp đồng", "--by", "An")
    assert "Đã ra ngoài: 5" in said.out
    assert "Đã hủy: 0; đã chuyển sang đường gửi khác: 0." in said.out
    again = run("route", "cancel", "main", "--reason", "vẫn vậy", "--json").json
    assert again == {
        "route": "main", "act": "cancel", "out": 5, "in_flight": 0, "saved": 0, "moved": 0, "cancelled": 0,
    }  # fmt: skip
    said = run("route", "cancel", "main", "--reason", "chuyển", "--move")
    assert (said.code, "không có đường gửi nào khác" in said.err) == (1, True)
    assert run("route", "resume", "main").code == 0


def test_routes_are_listed_checked_and_let_go_again(
    campaign_sent: Run, far_carrier: PretendCarrier, tmp_path: Path
) -> None:
    run = campaign_sent
    (route,) = run("route", "list", "--json").json
    assert (route["name"], route["stops"]) == ("main", [])
    assert "sandbox-secret-key" not in run("route", "list").out
    (answer,) = run("route", "check", "--json").json
    assert (answer["ok"], answer["currency"]) == (True, "VND")
    assert "1.23" in run("route", "check", "main", "--unpark").out
    routes(tmp_path, far_carrier.base_url, secret="wrong")
    said = run("route", "check", "--json")
    assert (said.code, said.json[0]["ok"]) == (1, False)
    routes(tmp_path, "http://127.0.0.1:9/")
    assert "KHÔNG dùng được" in run("route", "check").out
    assert run("route", "check", "other").code == 1


def test_suppressed_numbers_are_added_imported_and_listed_masked(run: Run, tmp_path: Path) -> None:
    assert run("suppress", "add", "0960000001", "+84 960 000 001", "0911000001", "--json").json == {
        "given": 2,
        "new": 2,
    }
    assert "0 số" in run("suppress", "add", "0960000001").out
    assert run("suppress", "import", roster(tmp_path), "--reason", "họ xin", "--json").json["new"] == 4
    listed = run("suppress", "list", "--json").json
    assert listed["total"] == 6
    assert "0960000001" not in json.dumps(listed)
    assert "họ xin" in run("suppress", "list").out
    wrong = run("suppress", "add", "0960000001", "abc")
    assert (wrong.code, wrong.err.startswith("Lỗi: abc: ")) == (1, True)


async def texted(addresses: Addresses, *texts: tuple[str, str]) -> None:
    """Texts from people, as a link would hand them over."""
    keyring = open_keyring(load_settings().keyring_path, create=False)
    told = [Inbound(person, "8138", said) for person, said in texts]
    async with new_pool(addresses.database_url, 1) as pool, pool.connection() as connection:
        await inbound.put(connection, keyring, "viettel", told, ["tc"])


def test_texts_from_people_are_read_masked_and_passed_on_whole(run: Run, addresses: Addresses) -> None:
    asyncio.run(texted(addresses, ("84960000001", "TC"), ("84960000002", "Gần [b]nhà[/b] tôi có người bán")))
    listed = run("inbox", "list", "--json").json
    assert [(text["msisdn"], text["refusal"]) for text in listed] == [("0960***002", False), ("0960***001", True)]
    assert [text["text"] for text in run("inbox", "list", "--number", "0960000001", "--json").json] == ["TC"]
    assert (
        len(run("inbox", "list", "--refusals", "--json").json)
        == len(run("inbox", "list", "--others", "--json").json)
        == 1
    )
    assert "Hộp thư đến (2 tin)" in run("inbox", "list").out
    wanted = listed[0]["id"]
    assert "0960***002" in run("inbox", "show", wanted).out
    said = run("inbox", "forward", wanted, "--to", "Công an phường", "--by", "An")
    assert "0960 000 002" in said.out
    assert "Gần [b]nhà[/b] tôi có người bán" in said.out
    assert "Đã chuyển cho Công an phường (An)" in run("inbox", "show", wanted).out
    assert "danh sách từ chối nhận" in run("inbox", "show", listed[1]["id"]).out
    assert run("suppress", "list", "--json").json["total"] == 1
    recorded = asyncio.run(recorded_acts(addresses))
    assert recorded == [("An", "inbound.forward", str(wanted), {"to": "Công an phường", "reason": ""})]


async def recorded_acts(addresses: Addresses) -> list[tuple[Any, ...]]:
    async with new_pool(addresses.database_url, 1) as pool, pool.connection() as connection:
        cursor = await connection.execute("SELECT who, act, subject, detail FROM audit_trail ORDER BY id")
        return [tuple(row) async for row in cursor]


ORDERED = """order = ["viettel"]
areas = ["20"]
"""


def test_an_order_is_made_taken_run_and_answered_by_commands(
    run: Run, addresses: Addresses, far_carrier: PretendCarrier, tmp_path: Path
) -> None:
    """One installation in both parts: its own key stands for the partner's."""
    assert (
        run("campaign", "new", "--from", "drug_prevention_june", "--year", 2026, "-o", tmp_path / "june.toml").code == 0
    )
    written = (tmp_path / "june.toml").read_text("utf-8")
    head, *waves = written.split("[[wave]]")
    only = next(wave for wave in waves if 'slug = "launch"' in wave)
    (tmp_path / "june.toml").write_text(f"{head}[[wave]]\n{ORDERED}{only.lstrip()}", "utf-8")
    assert run("campaign", "add", tmp_path / "june.toml", "--by", "An").code == 0
    assert run("campaign", "approve", EDITION, "--by", "Bình").code == 0
    keys = run("order", "keys", "--json").json
    assert run("order", "trust", "viettel-ls", keys["public_key"], "--json").json["id"] == keys["id"]
    assert "đã có" in run("order", "trust", "viettel-ls", keys["public_key"]).err
    assert keys["id"] in run("order", "keys").out
    export = ("order", "export", EDITION, "--wave", "launch", "--network", "viettel", "--for", "viettel-ls")
    asyncio.run(rehearsed(addresses))
    said = run(*export, "-o", tmp_path / "order.json", "--by", "An")
    assert (said.code, "Đã ký" in said.out, f"Tên hiển thị: {SENDER}" in said.out) == (0, True, True)
    (listed,) = run("order", "list", "--json").json
    assert (listed["communes"], listed["way"], listed["result"]) == (65, "đã giao", None)
    asyncio.run(handed_over(addresses))
    assert "Yêu cầu hợp lệ" in run("order", "import", tmp_path / "order.json", "--by", "An").out
    assert "đã nhập trước đó" in run("order", "import", tmp_path / "order.json").out
    people = tmp_path / "thue-bao.csv"
    people.write_text("Số điện thoại;Mã xã\n0961234567;05977\n0961234568;00004\n", "utf-8")
    ran = run("order", "run", listed["id"], "--subscribers", people, "--by", "Bình", "--json").json
    assert (ran["lines"], ran["accepted"], ran["rejected"]) == (2, 1, 1)
    assert ran["campaign"] in run("order", "list").out.replace("\n", "")
    asyncio.run(sent(addresses, far_carrier))
    made = run("order", "result", "export", listed["id"], "-o", tmp_path / "result.json", "--json").json
    assert (made["planned"], made["totals"]) == (1, {"submitted": 1})
    asyncio.run(handed_over(addresses, given=True))
    assert "Kết quả hợp lệ" in run("order", "result", "import", tmp_path / "result.json").out
    assert run("order", "show", listed["id"], "--json").json["result"]["planned"] == 1
    assert "1 tin" in run("order", "show", listed["id"]).out
    (tmp_path / "order.json").write_text("{}")
    assert "Không phải tệp đã ký" in run("order", "import", tmp_path / "order.json").err
    assert run("order", "distrust", "viettel-ls").code == 0
    assert "Không có viettel-ls" in run("order", "distrust", "viettel-ls").err


async def rehearsed(addresses: Addresses) -> None:
    async with new_pool(addresses.database_url, 1) as pool, pool.connection() as connection:
        await installation.rehearse_at(connection, datetime.fromisoformat(LAUNCH_OPENS))


async def handed_over(addresses: Addresses, *, given: bool = False) -> None:
    """The order as the other side has it: not known there yet, or run there."""
    async with new_pool(addresses.database_url, 1) as pool, pool.connection() as connection:
        if given:
            await connection.execute("UPDATE orders SET given = true, ran_as = NULL, ran_by = NULL")
        else:
            await connection.execute("DELETE FROM orders")


def test_a_complaint_is_taken_looked_into_and_answered(campaign_sent: Run, addresses: Addresses) -> None:
    run = campaign_sent
    add = ("complaint", "add", "0960000001", "--document", "Đơn số 5", "--said", "Đừng nhắn nữa", "--by", "An")
    said = run(*add, "--came-by", "letter", "--refuses", "topics", "--topic", "drug")
    assert "Đã ghi phản ánh 1. Từ nay không gửi tin về chủ đề cho số này." in said.out
    told = run("complaint", "show", 1, "--json").json
    assert (told["msisdn"], told["status"], told["refuses"]["proof"]) == ("0960***001", "open", "Đơn số 5")
    assert [(row["msisdn"], row["status"]) for row in told["messages"]] == [("0960***001", "submitted")]
    whole = run("complaint", "show", 1, "--reveal", "--reason", "trả lời đơn", "--by", "An").out
    assert "0960 000 001" in whole
    assert "Đã gửi tới số này (1 tin)" in whole
    assert asyncio.run(recorded_acts(addresses))[-1][1:3] == ("log.reveal", "complaint 1")
    assert "Đừng nhắn nữa" in run("complaint", "list").out
    assert run("complaint", "answer", 1, "Đã xin lỗi", "--by", "Bình").code == 0
    assert run("complaint", "list", "--json").json == []
    assert [c["answer"] for c in run("complaint", "list", "--all", "--json").json] == ["Đã xin lỗi"]
    asyncio.run(texted(addresses, ("84960000002", "Phiền quá")))
    (text,) = run("inbox", "list", "--json").json
    assert run("complaint", "add", "--text", text["id"], "--refuses", "all", "--json").json["id"] == 2
    assert "Phiền quá" in run("complaint", "show", 2).out
    for words in (add[:2], (*add, "--text", 1), (*add, "--refuses", "topics"), (*add, "--topic", "drug")):
        assert run(*words).code == 2
    assert run("complaint", "show", 7).code == run("complaint", "add", "--text", 99).code == 1


def test_a_number_is_released_by_two(run: Run) -> None:
    assert run("suppress", "add", "0960000001", "--proof", "Đơn số 5", "--by", "An").code == 0
    (row,) = run("suppress", "list", "--json").json["numbers"]
    assert (row["proof"], row["scope"]) == ("Đơn số 5", "mọi tin")
    release = ("suppress", "release", "0960000001", "--reason", "Đơn số 9")
    assert "quảng cáo vẫn không gửi" in run(*release, "--by", "An").out
    assert run(*release, "--advertising", "--by", "An", "--json").json == {"released": "asked"}
    assert "cần một người khác" in run(*release, "--advertising", "--by", "An").err
    assert run(*release, "--advertising", "--by", "Bình", "--json").json == {"released": "wholly"}
    assert run("suppress", "list", "--json").json["total"] == 0
    assert run("suppress", "add", "0960000002", "--topic", "drug", "--topic", "hiv").code == 0
    assert [n["topics"] for n in run("suppress", "list", "--json").json["numbers"]] == [["drug", "hiv"]]
    assert "drug, hiv" in run("suppress", "list").out


def test_a_text_is_handed_on_as_a_mail_that_is_ready_to_be_sent(run: Run, addresses: Addresses, tmp_path: Path) -> None:
    asyncio.run(texted(addresses, ("84960000002", "Gần nhà tôi có người bán")))
    (listed,) = run("inbox", "list", "--json").json
    forward = ("inbox", "forward", listed["id"], "--to", "Công an phường", "--reason", "tố giác", "--by", "An")
    said = run(*forward, "--address", "ca.kylua@langson.gov.vn", "-o", tmp_path / "tin.eml")
    assert (said.code, "0960" in said.out) == (0, False)
    assert stat.S_IMODE((tmp_path / "tin.eml").stat().st_mode) == 0o600
    mail = email.message_from_bytes((tmp_path / "tin.eml").read_bytes(), policy=email.policy.default)
    assert (mail["To"], mail["X-Unsent"]) == ("ca.kylua@langson.gov.vn", "1")
    body = mail.get_body().get_content()
    for part in ("Kính gửi: Công an phường", "Lý do chuyển: tố giác", "0960 000 002", "Gần nhà tôi có người bán"):
        assert part in body
    assert (
        run(*forward, "-o", tmp_path / "no" / "tin.eml").code,
        run(*forward, "--address", "a\nb", "-o", "x").code,
    ) == (1, 2)
    assert len(asyncio.run(recorded_acts(addresses))) == 1


@pytest.mark.parametrize("words", [("show", 7), ("forward", 7, "--to", "An"), ("list", "--number", "abc")])
def test_a_text_that_is_not_there_is_told(run: Run, words: tuple[object, ...]) -> None:
    said = run("inbox", *words)
    assert (said.code, said.err.startswith("Lỗi: ")) == (2 if "list" in words else 1, True)


def test_of_an_erased_person_the_text_stays(run: Run, addresses: Addresses) -> None:
    asyncio.run(texted(addresses, ("84960000002", "Chào")))
    asyncio.run(erase(addresses))
    assert [(text["msisdn"], text["text"]) for text in run("inbox", "list", "--json").json] == [("đã xóa", "Chào")]


async def erase(addresses: Addresses) -> None:
    async with new_pool(addresses.database_url, 1) as pool, pool.connection() as connection:
        await connection.execute("DELETE FROM recipients")


def test_an_import_says_what_became_of_the_lines(run: Run, tmp_path: Path) -> None:
    said = run("audience", "import", "people", roster(tmp_path))
    assert said.code == 0
    assert "6 dòng = 5 nhận + 0 trùng + 1 loại; 5 người nhận." in said.out
    assert "ds.rejected.csv" in said.out
    mapped = run("audience", "import", "people", roster(tmp_path), "--map", "msisdn=Số điện thoại", "--json").json
    assert (mapped["version"], mapped["mapping"]["msisdn"]) == (2, "Số điện thoại")
    assert [a["version"] for a in run("audience", "list", "--json").json] == [1, 2]
    assert run("audience", "show", "people", "--json").json["networks"] == {"viettel": 5}
    assert "Viettel" in run("audience", "show", "people").out
    assert "people" in run("audience", "list").out


def test_brackets_in_names_are_shown_not_obeyed(run: Run, tmp_path: Path) -> None:
    name, file = "[/b] nhóm [red]", tmp_path / "ds [bold].csv"
    roster(tmp_path).rename(file)
    for words in (
        ["audience", "import", name, file, "--by", "[/x]"],
        ["audience", "list"],
        ["audience", "show", name],
        ["suppress", "add", "0960000001", "--reason", "[/y]", "--by", "[/z]"],
        ["suppress", "list"],
        ["suppress", "import", file],
        ["campaign", "add", "drug_prevention_june", "--year", "2026", "--audience", name, "--by", "[/A]"],
        ["campaign", "approve", EDITION, "--by", "[/B]"],
        ["campaign", "list"],
        ["campaign", "show", EDITION],
    ):
        said = run(*words)
        assert said.code == 0, said.err
        shown = [word for word in (name, "[bold]", "[/A]", "[/B]", "[/y]") if word.replace("[", "\\[") in said.out]
        assert shown == [], f"{words} shows escapes"
    assert "[/A]" in run("campaign", "show", EDITION).out
    assert "[/y]" in run("suppress", "list").out


# command, exit code, what the one sentence must say; {tmp} is the working folder
WRONG: dict[str, tuple[list[str], int, str]] = {
    "no such campaign file": (["campaign", "check", "none.toml"], 1, "không có tệp này"),
    "folder as campaign file": (["campaign", "check", "{tmp}"], 1, "đây là thư mục"),
    "bad TOML": (["campaign", "check", "bad.toml"], 1, "dòng 1"),
    "unknown edition": (["campaign", "status", "nothing-2026"], 1, "Không có chiến dịch nothing-2026"),
    "unknown edition shown": (["campaign", "show", "nothing-2026"], 1, "Không có chiến dịch nothing-2026"),
    "unknown edition exported": (["log", "export", "nothing-2026", "-o", "x.csv"], 1, "Không có chiến dịch"),
    "no such roster": (["audience", "import", "people", "none.csv"], 1, "không tìm thấy tệp"),
    "folder as roster": (["audience", "import", "people", "{tmp}"], 1, "đây là thư mục"),
    "unknown audience": (["audience", "show", "nobody"], 1, "Không có nhóm người nhận nobody"),
    "rejects folder missing": (["audience", "import", "people", "ds.csv", "--rejects", "nowhere"], 1, "nowhere"),
    "mapping upside down": (["audience", "import", "people", "ds.csv", "--map", "x"], 2, "TRƯỜNG=CỘT"),
    "mapping of nothing": (["audience", "import", "people", "ds.csv", "--map", "msisdn=Cột lạ"], 1, "Cột lạ"),
    "output folder missing": (["log", "export", "x-2026", "-o", "nowhere/x.csv"], 1, "Không có thư mục"),
    "output is a folder": (["log", "export", "x-2026", "-o", "{tmp}"], 1, "thư mục"),
    "no such roster to suppress": (["suppress", "import", "none.csv"], 1, "không tìm thấy tệp"),
    "name of nobody": (["campaign", "add", "drug_prevention_june", "--year", "2026", "--by", " "], 1, "--by"),
}


def told(said: Said, code: int, sentence: str, case: str = "") -> None:
    assert said.code == code, (case, said.err)
    assert said.err.startswith("Lỗi: ")
    assert sentence in said.err
    for foreign in ("Traceback", "Error", "No such file", "Is a directory", "Permission denied"):
        assert foreign not in said.err


@pytest.mark.parametrize("as_json", [False, True])
def test_what_goes_wrong_is_told_in_a_sentence(run: Run, tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "bad.toml").write_text("slug = \n")
    roster(tmp_path)
    for case, (words, code, sentence) in WRONG.items():
        given = [word.format(tmp=tmp_path) for word in words]
        said = run(*given, *(["--json"] if as_json else []))
        told(said, code, sentence, case)
        if as_json:
            assert list(said.json) == ["error"]
            assert sentence in said.json["error"]


@pytest.mark.parametrize("service", ["up", "web", "worker", "clock"])
def test_no_process_starts_with_a_route_that_it_cannot_use(run: Run, tmp_path: Path, service: str) -> None:
    """A worker that could not open its routes stayed, idle, and did not hear SIGTERM."""
    routes(tmp_path, "http://127.0.0.1:9/")
    path = tmp_path / "routes.toml"
    path.write_text(path.read_text("utf-8").replace('"esms"', '"pigeon"'), "utf-8")
    told(run(service), 1, "không có nhà cung cấp “pigeon”")


def test_wrong_usage_ends_with_2(offline: Run) -> None:
    for words in (
        ["nothing"],
        ["campaign", "nothing"],
        ["campaign", "approve", "x"],
        ["log", "export", "x"],
        ["log", "search", "--limit", "0"],
    ):
        assert offline(*words).code == 2


def test_a_database_that_cannot_be_reached_is_told_without_its_password(
    offline: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", "postgresql://u:secret-word@127.0.0.1:9/d")
    monkeypatch.setenv("DISPATCHER_REDIS_URL", "redis://127.0.0.1:9")
    said = offline("campaign", "list")
    told(said, 1, "Không kết nối được cơ sở dữ liệu ở 127.0.0.1")
    assert "secret-word" not in said.err
    monkeypatch.delenv("DISPATCHER_REDIS_URL")
    told(offline("campaign", "list"), 1, "Đặt cả DISPATCHER_DATABASE_URL và DISPATCHER_REDIS_URL")
    monkeypatch.setenv("DISPATCHER_WORKERS", "many")
    told(offline("campaign", "list"), 1, "DISPATCHER_WORKERS")


def test_a_database_that_was_not_migrated_says_what_to_run(
    run: Run, servers: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", servers.database_url)
    told(run("campaign", "list"), 1, "Chạy: dispatcher migrate")


def test_migrating_again_changes_nothing(run: Run) -> None:
    assert run("migrate", "--json").json == {"applied": []}


def test_no_routes_or_bad_routes_are_told_by_those_who_need_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text("[[route]]\nname = 'x'\n")
    told(run("route", "list"), 1, "[[route]] thứ 1")
    (tmp_path / "routes.toml").unlink()
    for words in (["route", "list"], ["route", "check"], ["campaign", "start", "x-2026"]):
        told(run(*words), 1, "Không tìm thấy tệp đường gửi routes.toml")


def test_another_keyring_is_told_not_guessed(
    campaign_sent: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    open_keyring(tmp_path / "other.json", create=True)
    monkeypatch.setenv("DISPATCHER_KEYRING", str(tmp_path / "other.json"))
    told(campaign_sent("log", "search"), 1, "sai chùm khóa")
    told(campaign_sent("log", "export", EDITION, "-o", tmp_path / "x.csv"), 1, "sai chùm khóa")
    assert not (tmp_path / "x.csv").exists()
    monkeypatch.setenv("DISPATCHER_KEYRING", str(tmp_path / "missing.json"))
    told(campaign_sent("log", "search"), 1, "Không tìm thấy chùm khóa")


async def _copied(addresses: Addresses) -> None:
    """What the database looks like after a move to another server."""
    structlog.reset_defaults()  # as above
    async with open_runtime(load_settings(), addresses) as runtime, runtime.pool.connection() as connection:
        await connection.execute(
            "UPDATE installation SET home = 'elsewhere', rehearsal_offset = %s - clock_timestamp()", [LAUNCH_OPENS]
        )


def test_adopting_asks_first_says_what_it_found_and_what_it_held(campaign_started: Run, addresses: Addresses) -> None:
    run = campaign_started
    asyncio.run(_copied(addresses))
    waits = run("campaign", "status", EDITION, "--json").json["waves"][0]["waits"]
    assert waits.startswith("hệ thống chưa được nhận lại (cơ sở dữ liệu được chép từ một máy chủ")
    assert run("adopt").code == 2
    assert run("adopt", "--reason", " ", "--yes").code == 2
    asked = run("adopt", "--reason", "chuyển máy chủ")  # no terminal to ask at
    assert (asked.code, "--yes" in asked.err) == (2, True)
    said = run("adopt", "--by", "Trần Bình", "--reason", "chuyển máy chủ", "--yes")
    assert said.code == 0
    assert "Kết luận: cơ sở dữ liệu được chép từ một máy chủ" in said.err
    assert f"dispatcher campaign resume {EDITION} --wave launch" in said.out
    again = run("adopt", "--reason", "chuyển máy chủ", "--yes")
    assert (again.code, "không cần nhận lại" in again.out) == (0, True)
    assert "được nhận lại, dữ liệu dừng lúc" in run("campaign", "status", EDITION, "--json").json["waves"][0]["waits"]
    assert run("campaign", "resume", EDITION, "--wave", "launch").code == 0


def test_adopting_for_machines(run: Run, addresses: Addresses, tmp_path: Path) -> None:
    assert run("adopt", "--reason", "thử", "--json").code == 2
    fresh = run("adopt", "--reason", "thử", "--json", "--yes").json
    assert (fresh["standing"], fresh["adopted"]) == ("fresh", False)
    asyncio.run(_copied(addresses))
    adopted = run("adopt", "--reason", "thử", "--json", "--yes").json
    assert (adopted["standing"], adopted["adopted"], adopted["held"], adopted["uncertain"]) == ("moved", True, [], 0)
    assert adopted["renewed_at"]


def zalo_routes(folder: Path, zalo: PretendZalo) -> None:
    """Two routes of one account beside the first: its templates, by user id, and its own messages."""
    with (folder / "routes.toml").open("a") as file:
        for name, provider, told in (
            ("zalo", "zalo_zbs", {**zalo.options, "address": "uid"}),
            ("oa", "zalo_oa", zalo.account_options),
        ):
            head = f'name = "{name}"\nprovider = "{provider}"\nnetworks = ["zalo"]\nsender = "Công an tỉnh"\ntps = 50\n'
            options = "".join(f"{key} = {json.dumps(value)}\n" for key, value in told.items())
            file.write(f"[[route]]\n{head}[route.options]\n{options}")


def test_who_signs_in_for_one_route_of_an_account_frees_all_of_them(
    run: Run, tmp_path: Path, far_zalo: PretendZalo, monkeypatch: pytest.MonkeyPatch, addresses: Addresses
) -> None:
    zalo_routes(tmp_path, far_zalo)
    run("route", "list")
    asyncio.run(_parked(addresses, "zalo", "oa", "main"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{far_zalo.account.grant}\n"))
    assert run("route", "authorise", "zalo", "--json").code == 0
    stopped = {route["name"]: bool(route["stops"]) for route in run("route", "list", "--json").json}
    assert stopped == {"main": True, "zalo": False, "oa": False}
    checked = run("route", "check", "oa", "--json").json
    assert checked[0]["ok"]
    assert "Công an tỉnh, Premium, 31/12/2027" in checked[0]["detail"]
    everybody = run("audience", "followers", "nguoi-quan-tam", "--route", "oa", "--fetch", "--json").json
    recent = run("audience", "followers", "nguoi-quan-tam", "--route", "oa", "--recent", "--json").json
    assert (everybody["recipients"], everybody["version"], recent["version"]) == (60, 1, 2)
    assert 0 < recent["recipients"] < 60


ARTICLE = """
slug = "bai"
route = "oa"
basis = "Kế hoạch số 12/KH-UBND"
date = "2026-06-01"
window = ["07:00", "21:00"]
[article]
title = "Nói không với ma túy"
author = "Công an tỉnh"
description = "Tháng hành động"
cover = "https://example.gov.vn/bia.jpg"
body = ["Một đoạn"]
"""


def test_an_article_to_followers_is_written_approved_sent_and_counted(
    run: Run, tmp_path: Path, far_zalo: PretendZalo, monkeypatch: pytest.MonkeyPatch, restricted: Addresses
) -> None:
    zalo_routes(tmp_path, far_zalo)
    file = tmp_path / "bai.toml"
    file.write_text(ARTICLE.replace("https:", "http:"), "utf-8")
    wrong = run("broadcast", "check", file)
    assert (wrong.code, "dòng 11, article.cover" in wrong.err) == (1, True)
    file.write_text(ARTICLE, "utf-8")
    assert "mọi người quan tâm OA" in run("broadcast", "check", file).out
    assert "dispatcher broadcast review bai" in run("broadcast", "add", file, "--by", "An").out
    assert "chưa ai cấp quyền" in run("broadcast", "review", "bai").out
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{far_zalo.account.grant}\n"))
    assert run("route", "authorise", "oa", "--json").code == 0
    asyncio.run(_announced(restricted))
    assert far_zalo.shelf.made == []
    assert "là người soạn" in run("broadcast", "approve", "bai", "--by", "an").err
    seen = run("broadcast", "review", "bai", "--json").json
    assert (seen["account"]["followers"], seen["refusals"], seen["status"]) == (60, [], "draft")
    assert run("broadcast", "approve", "bai", "--by", "Bình", "--seen", seen["hash"]).code == 0
    assert run("broadcast", "approve", "bai", "--by", "Bình").code == 1
    asyncio.run(_announced(restricted))
    (told,) = run("broadcast", "list", "--json").json
    assert (told["status"], told["followers"], told["approved_by"]) == ("sent", 60, "Bình")
    assert len(far_zalo.shelf.sent) == 1
    assert run("broadcast", "settle", "bai", "--sent", "--not-sent", "--reason", "x").code == 2
    assert "Zalo đã nhận, không làm việc này được" in run("broadcast", "settle", "bai", "--sent", "--reason", "x").err
    assert (
        run("broadcast", "result", "bai", "--reached", "59", "--source", "trang OA", "--json").json["status"] == "sent"
    )
    read = run("broadcast", "review", "bai").out
    assert "60 người quan tâm khi gửi; 59 nhận" in read
    assert "Zalo nhận bài để gửi" in read
    assert "Nói không với ma túy" in run("broadcast", "list").out
    assert run("broadcast", "review", "khac").code == 1


async def _announced(addresses: Addresses) -> None:
    """What clock and worker would do with articles on the morning of 1 June."""
    structlog.reset_defaults()  # as above
    async with open_runtime(load_settings(), addresses) as runtime:
        async with runtime.pool.connection() as connection:
            await installation.rehearse_at(connection, datetime.fromisoformat(LAUNCH_OPENS))
        due = [1]
        while due:
            async with runtime.pool.connection() as connection:
                await connection.execute("UPDATE broadcasts SET due_at = NULL, asked_at = NULL")
                due = await broadcasts.due(connection, 60)
            for one in due:
                await announcing.announce(runtime, one)


async def _parked(addresses: Addresses, *names: str) -> None:
    structlog.reset_defaults()  # as above
    async with new_pool(addresses.database_url, 1) as pool, pool.connection() as connection:
        for name in names:
            await stored_routes.park(connection, name, "somebody must sign in at Zalo again")
