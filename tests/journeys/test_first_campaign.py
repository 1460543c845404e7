"""A first campaign in the browser, from the first start to the auditor: every page looked at on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.office import CHROMIUM, DESKTOP, HEAVIEST, PHONE, YEAR, Office, office, roster, subscribers

pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium"),
]
PEOPLE = 120
EDITION = f"drug_prevention_june-{YEAR}"
STAFF = {
    "nguyen.an": ("Nguyễn Thị An", ["author"]),
    "tran.binh": ("Trần Văn Bình", ["approver"]),
    "le.cuong": ("Lê Mạnh Cường", ["coordinator"]),
    "vu.dung": ("Vũ Thùy Dung", ["auditor"]),
    "mai.nhan": ("Mai Thị Nhàn", ["partner"]),
    "ho.phuc": ("Hồ Văn Phúc", ["partner"]),
}


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
    partner_runs_an_order(place, codes, tmp_path)
    assert len(place.seen) >= 30


def administrator_adds_people(place: Office) -> dict[str, str]:
    page = place.person()
    page.goto("/")
    assert "/sign-in" in page.url
    place.look(page, "sign-in")
    place.welcome(page, "quan-tri", place.code)
    place.look(page, "today-administrator")
    page.click("text=Mở trang Người dùng")
    codes = {}
    for login, (name, roles) in STAFF.items():
        page.fill("#f-name", name)
        page.fill("#f-login", login)
        for role in roles:
            page.locator("section.card >> nth=1").locator(f"input[value={role}]").check()
        page.click("text=Thêm và tạo mã một lần")
        codes[login] = page.inner_text("#code")
    place.look(page, "users")
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
    page.goto("/uploads")
    page.fill("#f-name", "nguoi-dan-ky-lua")
    page.fill("#f-province", "Lạng Sơn")
    page.set_input_files("#file", file)
    place.look(page, "upload")
    page.click("main form button")
    page.wait_for_selector("text=Cột nào là gì")
    assert file.exists()
    assert "096***001" in page.inner_text("main") or "***" in page.inner_text("main")
    place.look(page, "columns")
    page.click("text=Nhập danh sách")
    page.wait_for_selector("text=123 dòng = 120 nhận + 1 trùng + 2 loại.")
    place.look(page, "imported")
    with page.expect_download() as given:
        page.click("text=Tải các dòng bị loại")
    assert "0205 3812 345" in Path(given.value.path()).read_text("utf-8-sig")
    page.goto("/new")
    place.look(page, "new")
    page.check("input[value='library:drug_prevention_june']")
    page.fill("#f-year", str(YEAR))
    page.fill("#f-owner", "CA Lạng Sơn")
    page.click("text=Tạo bản nháp")
    assert "nguoi-dan-ky-lua" in page.inner_text("main table")
    page.click("text=chọn người nhận >> nth=1")
    page.check("text=Phường Kỳ Lừa")
    page.click("text=Đếm thử")
    assert "có 40 người nhận" in page.inner_text("[role=status]")
    place.look(page, "choosing")
    page.click("text=Lưu lựa chọn")
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
    page.goto("/bench")
    page.fill("#accented", "Bà con cảnh giác “việc nhẹ lương cao” – gọi {hotline}")
    page.wait_for_selector("#report mark")
    place.look(page, "bench")


def composes(place: Office):  # type: ignore[no-untyped-def]
    def compose(page) -> None:  # type: ignore[no-untyped-def]
        written = page.input_value("#unaccented")
        page.fill("#unaccented", written + " Hay len tieng…")
        page.wait_for_selector("#report mark")
        place.look(page, "composer")
        page.fill("#unaccented", written + " Hay len tieng.")
        page.click("text=Lưu nội dung")
        assert "Hay len tieng." in page.inner_text("main table")

    return compose


def approver_approves(place: Office, code: str) -> None:
    page = place.person(PHONE)
    place.welcome(page, "tran.binh", code)
    place.look(page, "today-approver")
    page.click("main >> text=Tháng hành động")
    place.look(page, "approve")
    assert "280" in page.inner_text(".figures"), "two waves to everybody, one to a ward"
    page.fill("#f-code", "000000")
    page.click("text=Tôi duyệt chiến dịch này")
    assert "không đúng" in page.inner_text("[role=alert]")
    page.fill("#f-code", place.code_of("tran.binh"))
    page.click("text=Tôi duyệt chiến dịch này")
    page.wait_for_selector("text=Đã duyệt. Người điều phối có thể bắt đầu gửi.")
    place.look(page, "approved")


def coordinator_starts_stops_and_goes_on(place: Office, code: str) -> None:
    page = place.person(DESKTOP)
    place.welcome(page, "le.cuong", code)
    place.look(page, "today-coordinator")
    page.click("main >> text=Tháng hành động")
    page.click("text=Bắt đầu gửi theo lịch")
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
    for path, name in (("breakdown", "breakdown"), ("doubts", "doubts")):
        page.goto(f"/campaigns/{EDITION}/{path}")
        place.look(page, name)
    page.goto("/suppressions")
    page.fill("#numbers", "0912 345 678")
    page.fill("#f-reason", "gọi điện từ chối")
    page.click("text=Thêm vào danh sách")
    assert "0912***678" in page.inner_text("main table")
    place.look(page, "suppressions")
    page.goto("/inbox")
    place.look(page, "inbox")
    page.goto("/audiences/nguoi-dan-ky-lua")
    place.look(page, "audience")


def auditor_finds_a_number(place: Office, code: str) -> None:
    page = place.person(PHONE)
    place.welcome(page, "vu.dung", code)
    page.goto("/log")
    page.fill("#f-number", "0960000004")
    page.click("main form button")
    place.look(page, "search")
    page.click("main table a")
    assert "0960000004" not in page.inner_text("main")
    page.fill("#f-reason", "Đơn hỏi của người dân số 12")
    page.click("button >> text=Hiện đủ số")
    assert re.sub(r"\D", "", page.inner_text("#number")).endswith("960000004")
    place.look(page, "message")
    page.goto("/seals")
    place.look(page, "seals")
    page.click("main button >> text=/^Kiểm tra$/")
    page.wait_for_selector("text=Nhật ký nguyên vẹn.")
    place.look(page, "verified")
    page.goto("/exports")
    page.click("main button >> text=/^Xuất$/")
    page.wait_for_selector("text=Tải tệp")
    place.look(page, "export")
    page.goto("/exports")
    place.look(page, "exports")
    page.goto("/reports")
    place.look(page, "reports")
    page.goto("/trail?act=log.reveal")
    assert "Đơn hỏi của người dân số 12" in page.inner_text("main")
    page.goto("/language/en?back=/log")
    assert "Find messages" in page.inner_text("main")
    place.look(page, "english")


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


def test_pages_are_light_and_can_be_read_without_scripts(place: Office) -> None:
    page = place.person(script=False)
    weights: dict[str, int] = {}
    page.on("response", lambda answer: weights.update({answer.url: len(answer.body())}))
    page.goto("/sign-in")
    assert page.inner_text("h1") == "Đăng nhập"
    assert all(url.startswith(place.url) for url in weights)
    assert sum(weights.values()) < HEAVIEST
