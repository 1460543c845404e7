"""A first campaign in the browser, from the first start to the auditor: every page looked at on a desk and on a phone."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.journeys.office import (
    CHROMIUM,
    DESKTOP,
    HEAVIEST,
    PASSWORD,
    PHONE,
    RECEIVER,
    YEAR,
    Office,
    office,
    roster,
    subscribers,
)

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium"),
]
PEOPLE = 120
STATEMENT = {
    "number": "0960 000 004",
    "starts": f"{YEAR}-05-01",
    "ends": f"{YEAR}-06-01",
    "document": "12/CV-CSĐT",
    "dated": f"{YEAR}-06-01",
    "authority": "Cơ quan Cảnh sát điều tra Công an tỉnh Lạng Sơn",
    "basis": "Điều 88 Bộ luật Tố tụng hình sự",
}
ARTICLE = f"""
slug = "ma-tuy-thang-6"
route = "oa"
basis = "Kế hoạch số 12/KH-UBND ngày 01/5/{YEAR}"
date = "{YEAR}-06-26"
window = ["08:00", "11:30"]

[article]
title = "Nói không với ma túy"
author = "Công an tỉnh"
description = "Tháng hành động phòng, chống ma túy"
cover = "https://tuyentruyen.example.gov.vn/bia.jpg"
body = ["Ma túy hủy hoại tương lai.", "Gọi 113 khi phát hiện tội phạm."]
"""
EDITION = f"drug_prevention_june-{YEAR}"
STAFF = {
    "nguyen.an": ("Nguyễn Thị An", ["author"]),
    "tran.binh": ("Trần Văn Bình", ["approver"]),
    "le.cuong": ("Lê Mạnh Cường", ["coordinator"]),
    "vu.dung": ("Vũ Thùy Dung", ["auditor"]),
    "mai.nhan": ("Mai Thị Nhàn", ["partner"]),
    "ho.phuc": ("Hồ Văn Phúc", ["partner"]),
}

# The steps of docs/first-campaign.md, in its order.
STEPS = (
    "welcome", "page of people", "add nguyen.an", "list", "draft", "text", "people", "propose", "approve", "start", "story",
    "verify",
)  # fmt: skip
EXAMPLES = Path(__file__).parents[2] / "examples"
GUIDE = Path(__file__).parents[2] / "docs" / "first-campaign.md"


def told_clicks() -> list[int]:
    """How many clicks the guide says that each step takes."""
    return [int(found) for found in re.findall(r"^\|.*\| (\d+)[^|]*\|$", GUIDE.read_text("utf-8"), re.MULTILINE)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("journey")) as made:
        made.rehearse("launch", hours=-2)
        yield made


def test_a_first_campaign_from_the_first_start_to_the_auditor(place: Office, tmp_path: Path) -> None:
    codes = administrator_adds_people(place)
    author_writes_and_uploads(place, codes["nguyen.an"], roster(tmp_path, PEOPLE))
    approver_approves(place, codes["tran.binh"])
    coordinator_starts_stops_and_goes_on(place, codes["le.cuong"])
    auditor_finds_a_number(place, codes["vu.dung"])
    a_statement_takes_two(place)
    an_article_takes_two(place)
    partner_runs_an_order(place, codes, tmp_path)
    programs_follow_the_examples(place, tmp_path)
    assert place.not_looked_at() == set()
    assert [place.clicks[step] for step in STEPS] == told_clicks()


def administrator_adds_people(place: Office) -> dict[str, str]:
    page = place.person()
    page.goto("/")
    assert "/sign-in" in page.url
    place.look(page, "sign-in")
    with place.counted("welcome"):
        place.welcome(page, "quan-tri", place.code)
    place.look(page, "today-administrator")
    with place.counted("page of people"):
        page.click("text=Mở trang Người dùng")
    codes = {}
    for login, (name, roles) in STAFF.items():
        with place.counted(f"add {login}"):
            page.fill("#f-name", name)
            page.fill("#f-login", login)
            for role in roles:
                page.locator("section.card >> nth=1").locator(f"input[value={role}]").check()
            page.click("text=Thêm và tạo mã một lần")
            codes[login] = page.inner_text("#code")
    place.look(page, "users")
    programs_get_their_keys(place, page)
    page.goto("/account")
    place.look(page, "account")
    page.goto("/trail")
    place.look(page, "trail")
    page.goto("/campaigns")
    assert "không dành cho vai trò" in page.inner_text("main")
    place.look(page, "no-right")
    page.goto("/nothing/here")
    place.look(page, "missing")
    return codes


def programs_get_their_keys(place: Office, page: Page) -> None:
    page.click(".menu >> text=Mã truy cập API")
    page.fill("#f-name", "kho số liệu của tỉnh")
    page.check("text=xem số liệu")
    page.check("text=xem chiến dịch")
    page.click("main button >> text=Cấp mã")
    assert page.inner_text("#token").startswith("dsp_")
    place.look(page, "tokens")
    page.click(".menu >> text=Webhook")
    page.fill("#f-url", RECEIVER)
    page.click("text=Thêm nơi nhận")
    assert page.inner_text("#secret").startswith("whsec_")
    place.look(page, "webhooks")
    page.click("main table a")
    page.click("text=Báo thử")
    page.wait_for_selector("main table")
    place.look(page, "webhook")


def author_writes_and_uploads(place: Office, code: str, file: Path) -> None:
    page = place.person()
    place.welcome(page, "nguyen.an", code)
    place.look(page, "today-empty")
    for path, name in (
        ("/audiences", "audiences-empty"),
        ("/campaigns", "campaigns-empty"),
        (f"/calendar?year={YEAR}", "calendar"),
    ):
        page.goto(path)
        place.look(page, name)
    page.goto("/")
    with place.counted("list"):
        page.click("text=Nhập danh sách số")
        page.fill("#f-name", "nguoi-dan-ky-lua")
        page.fill("#f-province", "Lạng Sơn")
        page.set_input_files("#file", file)
        place.look(page, "upload")
        page.click("main form button")
        page.wait_for_selector("text=Cột nào là gì")
        assert file.exists()
        assert "***" in page.inner_text("main")
        place.look(page, "columns")
        page.click("text=Nhập danh sách")
        page.wait_for_selector("text=123 dòng = 120 nhận + 1 trùng + 2 loại.")
    place.look(page, "imported")
    with page.expect_download() as given:
        page.click("text=Tải các dòng bị loại")
    assert "0205 3812 345" in Path(given.value.path()).read_text("utf-8-sig")
    with place.counted("draft"):
        page.click("text=Soạn chiến dịch cho nhóm này")
        place.look(page, "new")
        page.check("input[value='library:drug_prevention_june']")
        page.fill("#f-year", str(YEAR))
        page.fill("#f-owner", "CA Lạng Sơn")
        page.click("text=Tạo bản nháp")
        assert "nguoi-dan-ky-lua" in page.inner_text("main table")
    with place.counted("people"):
        page.click("text=chọn người nhận >> nth=1")
        page.check("text=Phường Kỳ Lừa")
        page.click("text=Đếm thử")
        assert "có 40 người nhận" in page.inner_text("[role=status]")
        place.look(page, "choosing")
        page.click("text=Lưu lựa chọn")
    with place.counted("text"):
        page.click("text=sửa nội dung >> nth=0")
        composes(place)(page)
    page.goto(f"/campaigns/{EDITION}/source")
    place.look(page, "source")
    page.fill("#text", page.input_value("#text").replace('date = "06-15"', 'date = "06-31"'))
    page.click("main form button")
    assert re.search(r"dòng \d+", page.inner_text(".note.bad"))
    place.look(page, "source-mistake")
    page.goto(f"/campaigns/{EDITION}")
    place.look(page, "draft")
    page.click("main >> text=Chạy thử")
    page.click("main button >> text=Chạy thử ngay")
    page.wait_for_selector("text=Đang chạy thử")
    place.look(page, "rehearsing")
    page.goto(f"/campaigns/{EDITION}")
    with place.counted("propose"):
        page.click("main button >> text=Trình duyệt")
    assert "Người duyệt thấy ở Việc hôm nay" in page.inner_text("[role=status]")
    page.goto("/")
    place.look(page, "today-author")
    page.goto("/bench")
    page.fill("#accented", "Bà con cảnh giác “việc nhẹ lương cao” – gọi {hotline}")
    page.wait_for_selector("#report mark")
    place.look(page, "bench")
    page.goto(f"/campaigns/{EDITION}/rehearsal")
    page.wait_for_selector("text=Kết quả lần gần nhất", timeout=300_000)
    place.look(page, "rehearsed")


def composes(place: Office):  # type: ignore[no-untyped-def]
    def compose(page) -> None:  # type: ignore[no-untyped-def]
        written = page.input_value("#unaccented")
        page.fill("#unaccented", written + " Hay len tieng…")
        page.wait_for_selector("#report mark:not(.cut)")
        place.look(page, "composer")
        page.fill("#unaccented", written + " Hay len tieng.")
        page.click("text=Lưu nội dung")
        assert "Hay len tieng." in page.inner_text("main table")

    return compose


def approver_approves(place: Office, code: str) -> None:
    page = place.person(PHONE)
    place.welcome(page, "tran.binh", code)
    place.look(page, "today-approver")
    with place.counted("approve"):
        page.click("main >> text=Tháng hành động")
    place.look(page, "approve")
    assert "Đã chạy thử nội dung này" in page.inner_text("#decide")
    assert "280" in page.inner_text(".figures"), "two waves to everybody, one to a ward"
    page.fill("#f-code", "000000")
    page.click("text=Tôi duyệt chiến dịch này")
    assert "không đúng" in page.inner_text("[role=alert]")
    page.fill("#f-code", place.code_of("tran.binh"))
    with place.counted("approve"):
        page.click("text=Tôi duyệt chiến dịch này")
    page.wait_for_selector("text=Đã duyệt. Người điều phối có thể bắt đầu gửi.")
    place.look(page, "approved")


def coordinator_starts_stops_and_goes_on(place: Office, code: str) -> None:
    page = place.person(DESKTOP)
    place.welcome(page, "le.cuong", code)
    place.look(page, "today-coordinator")
    with place.counted("start"):
        page.click("main button >> text=Bắt đầu gửi theo lịch")
    page.wait_for_selector("text=chờ tới giờ gửi")
    place.rehearse("launch")
    page.wait_for_selector("text=/giữ lại được \\d+ tin; [1-9]\\d* tin đã ra ngoài/")
    page.click("text=Dừng gửi")
    told = page.inner_text("[role=status]")
    held = int(re.search(r"giữ lại được (\d+)", told)[1])  # type: ignore[index]
    assert 0 < held < PEOPLE
    page.wait_for_selector("#by-network")
    place.look(page, "stopped")
    page.goto(f"/campaigns/{EDITION}/cancel")
    place.look(page, "cancel")
    page.goto(f"/campaigns/{EDITION}/live")
    page.click("button >> text=Gửi tiếp")
    page.wait_for_selector("text=Dừng gửi")
    page.wait_for_selector("#by-network")
    place.look(page, "running")
    page.wait_for_selector("tr:has-text('Phát động') >> text='xong'", timeout=180_000)
    place.look(page, "live")
    for path, name in (("breakdown", "breakdown"), ("forecast", "forecast"), ("doubts", "doubts")):
        page.goto(f"/campaigns/{EDITION}/{path}")
        place.look(page, name)
    page.goto("/suppressions")
    page.fill("#numbers", "0912 345 678")
    page.fill("#f-reason", "gọi điện từ chối")
    page.click("text=Thêm vào danh sách")
    assert "0912***678" in page.inner_text("main table")
    place.look(page, "suppressions")
    answers_the_people(place, page)
    page.goto("/audiences/nguoi-dan-ky-lua")
    place.look(page, "audience")


def answers_the_people(place: Office, page: Page) -> None:
    place.text("84960000004", "Tôi không đăng ký nhận tin này, đề nghị đừng nhắn nữa")
    place.text("84910000001", "TC")
    page.click(".menu >> text=Hộp thư đến")
    place.look(page, "inbox")
    page.click("main tr:has-text('không đăng ký') a")
    place.look(page, "inbound")
    page.select_option("#scope", "all")
    page.click("text=Ghi phản ánh")
    page.fill("#answer", "Đã gọi lại, xin lỗi và cho biết tin do Công an tỉnh gửi.")
    place.look(page, "complaint")
    page.click("main button >> text=Ghi trả lời")
    page.click("text=Gửi lại cho người này")
    page.fill("#f-reason", "Chủ thuê bao đề nghị, Đơn số 9")
    page.check("input[name=advertising]")
    page.click("main button >> text=Gửi lại cho số này")
    place.look(page, "complaint-answered")
    page.goto("/complaints?kind=all")
    place.look(page, "complaints")
    page.goto("/suppressions")
    assert "cần người khác" in page.inner_text("main")
    place.look(page, "suppressions-asked")


def an_article_takes_two(place: Office) -> None:
    author = place.people["nguyen.an"]
    author.goto("/broadcasts")
    author.click("text=Soạn bài mới")
    author.click("main form button >> nth=0")
    assert re.search(r"dòng \d+", author.inner_text(".note.bad"))
    place.look(author, "broadcast-new")
    author.fill("#text", ARTICLE)
    author.click("main form button >> nth=0")
    author.wait_for_selector("text=Sửa bản nháp")
    page = place.people["tran.binh"]
    page.goto("/")
    page.click("main >> text=Nói không với ma túy")
    assert "Chưa đạt" in page.inner_text("main")
    place.look(page, "broadcast-draft")
    page.fill("#f-accept", "OA sẽ được đăng nhập trước ngày gửi")
    page.fill("#f-code", place.code_of("tran.binh"))
    page.click("text=Tôi duyệt bài này")
    page.wait_for_selector("text=Tới giờ thì bài tự gửi")
    page.click("text=Rút phê duyệt để sửa")
    place.look(page, "broadcast-approved")
    page.goto("/broadcasts")
    place.look(page, "broadcasts")


def a_statement_takes_two(place: Office) -> None:
    page = place.people["vu.dung"]
    page.goto("/language/vi?back=/statements")
    place.look(page, "statements-empty")
    for name, value in STATEMENT.items():
        page.fill(f"#f-{name}", value)
    page.click("main button >> text=Lập yêu cầu")
    place.look(page, "statement-asked")
    other = place.people["tran.binh"]
    other.goto("/statements")
    other.click("main table a")
    other.fill("#f-number", "0960000004")
    other.fill("#f-code", place.code_of("tran.binh"))
    place.look(other, "statement-release")
    other.click("text=Cho xuất bảng kê")
    other.wait_for_selector("text=Đã lập bảng kê: 1 tin.")
    place.look(other, "statement")
    with other.expect_download() as given:
        other.click("text=Trích lục có ký")
    assert '"proof"' in Path(given.value.path()).read_text("utf-8") or given.value.path().stat().st_size > 1000
    other.goto("/statements")
    place.look(other, "statements")


def auditor_finds_a_number(place: Office, code: str) -> None:
    page = place.person()
    place.welcome(page, "vu.dung", code)
    with place.counted("story"):
        page.click(".menu >> text=Tìm tin đã gửi")
        page.fill("#f-number", "0960000004")
        page.click("main form button >> text=/^Tìm$/")
        page.wait_for_selector("#found")
        page.click("main table a")
    assert "0960000004" not in page.inner_text("main")
    place.look(page, "message")
    page.fill("#f-reason", "Đơn hỏi của người dân số 12")
    page.click("button >> text=Hiện đủ số")
    assert re.sub(r"\D", "", page.inner_text("#number")).endswith("960000004")
    place.look(page, "message-revealed")
    place.paper(page, "message")
    searches_page_by_page(place, page)
    with place.counted("verify"):
        page.click(".menu >> text=Niêm phong")
        place.look(page, "seals")
        page.click("main button >> text=/^Kiểm tra$/")
    page.wait_for_selector("text=Nhật ký nguyên vẹn.")
    place.look(page, "verified")
    page.goto("/exports")
    place.look(page, "exports-empty")
    page.select_option("#form", "xlsx")
    page.click("main button >> text=/^Xuất$/")
    page.wait_for_selector("text=Tải bản kê")
    place.look(page, "export")
    page.goto("/exports")
    place.look(page, "exports")
    page.goto("/reports")
    with page.expect_download():
        page.click("text=Lập và tải >> nth=0")
    page.goto("/reports")
    place.look(page, "reports")
    place.paper(page, "reports")
    page.click("main table a >> nth=0")
    place.look(page, "report")
    page.goto("/trail?act=log.reveal")
    assert "Đơn hỏi của người dân số 12" in page.inner_text("main")
    page.goto("/language/en?back=/log")
    assert "Find messages" in page.inner_text("main")
    place.look(page, "english")


def searches_page_by_page(place: Office, page: Page) -> None:
    page.goto("/log")
    place.look(page, "search-empty")
    page.select_option("#campaign", EDITION)
    page.click("text=Lọc thêm")
    page.check("text=đã tới máy")
    page.fill("#f-since", f"{YEAR}-05-01")
    page.click("main form button >> text=/^Tìm$/")
    page.click("text=Trang sau")
    page.wait_for_selector("text=trang 2")
    place.look(page, "search")
    page.click("text=Trang trước")
    page.wait_for_selector("text=trang 1")


def partner_runs_an_order(place: Office, codes: dict[str, str], folder: Path) -> None:
    """One takes it in, another runs it; the order's wave opens while the first campaign's is over."""
    taker = place.person()
    place.welcome(taker, "mai.nhan", codes["mai.nhan"])
    taker.goto("/orders")
    place.look(taker, "orders-empty")
    taker.set_input_files("#order", place.order(folder))
    taker.click("text=Kiểm tra và nhận")
    taker.wait_for_selector("text=Yêu cầu hợp lệ, chưa gửi gì.")
    address = taker.url
    taker.goto("/orders")
    place.look(taker, "orders")
    page = place.person(PHONE)
    place.welcome(page, "ho.phuc", codes["ho.phuc"])
    page.goto(address)
    page.set_input_files("#subscribers", subscribers(folder, PEOPLE))
    page.fill("#f-code", place.code_of("ho.phuc"))
    place.look(page, "order")
    page.click("text=Duyệt và chạy")
    assert f"nhận {PEOPLE}" in page.inner_text("[role=status]")
    page.click("text=Dừng gửi")
    page.wait_for_selector("text=Đã tạm dừng.")
    page.click("button >> text=Gửi tiếp")
    page.wait_for_selector("text=Dừng gửi")
    with page.expect_download() as given:
        page.click("text=Tải kết quả đã ký")
    assert '"kind": "dispatcher-order-result"' in Path(given.value.path()).read_text("utf-8")
    place.look(page, "order-running")


def programs_follow_the_examples(place: Office, folder: Path) -> None:
    """As they lie in `examples/`: one writes and imports, the other approves, starts, watches and stops."""
    definition = folder / "vi-du.toml"
    place.command("campaign", "new", "--from", "drug_prevention_june", "--year", YEAR, "--slug", "vi_du", "--owner",
                  "CA Lạng Sơn", "-o", definition)  # fmt: skip
    definition.write_text(f'audience = "vi-du"\n{definition.read_text("utf-8")}', "utf-8")
    people = folder / "vi-du.csv"
    people.write_text("\n".join(["so;xa", "0961000001;Phường Kỳ Lừa", "0961000002;Phường Kỳ Lừa", ""]), "utf-8")
    token = place.token("nguyen.an", "write_campaign", "import_audience", "see_campaign", "see_figures")
    wrote = place.example(token, ["sh", EXAMPLES / "campaign.sh", definition, people, "vi-du"])
    told, _ = wrote.communicate(timeout=120)
    assert wrote.returncode == 0, told
    assert "'recipients': 2" in told
    token = place.token("tran.binh", "see_campaign", "see_figures", "approve", "run", "stop")
    code = place.code_of("tran.binh")
    ran = place.example(token, [sys.executable, "-u", EXAMPLES / "campaign.py", f"vi_du-{YEAR}", code])
    assert ran.stdout
    for line in ran.stdout:
        if line.startswith("{"):  # how far it is: it runs
            break
    ran.send_signal(signal.SIGINT)
    told, _ = ran.communicate(timeout=60)
    assert ran.returncode == 0, told
    assert "dừng: " in told


def test_pages_are_light_and_can_be_read_without_scripts(place: Office) -> None:
    page = place.person(script=False)
    weights: dict[str, int] = {}
    page.on("response", lambda answer: weights.update({answer.url: len(answer.body())}) if answer.ok else None)
    page.goto("/sign-in")
    page.fill("#f-login", "le.cuong")
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    for path, words in (
        ("/", "Việc hôm nay"),
        (f"/calendar?year={YEAR}", "Phát động Tháng hành động"),
        ("/campaigns", "Tháng hành động phòng, chống ma túy"),
        (f"/campaigns/{EDITION}", "Ai đã làm gì"),
        (f"/campaigns/{EDITION}/live", "Tổng các trạng thái khớp với số đã lập"),
        (f"/campaigns/{EDITION}/breakdown", "Kỳ Lừa"),
        (f"/campaigns/{EDITION}/forecast", "Dự kiến hoàn thành"),
        (f"/campaigns/{EDITION}/rehearsal", "Kết quả lần gần nhất"),
    ):
        weights.clear()
        page.goto(path)
        assert words in page.inner_text("main"), path
        assert all(url.startswith(place.url) for url in weights)
        assert sum(weights.values()) < HEAVIEST, path
