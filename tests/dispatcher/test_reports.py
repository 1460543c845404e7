"""Periodic reports: figures counted from the log, and the paper in the form that the decree asks for."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt

from campaigns import obligations, places
from campaigns.obligations import Duties, Form
from dispatcher import expansion
from dispatcher.errors import UserError
from dispatcher.reports import forms, making, wording
from dispatcher.reports.document import Report, ReportTemplateError, render
from dispatcher.reports.figures import Count, Figures, shown
from dispatcher.reports.making import Papers
from dispatcher.reports.wording import Notes
from dispatcher.store import receipts
from dispatcher.store.receipts import NewReceipt
from dispatcher.store.reports import Activity
from tests.dispatcher.hall import AUTHOR, Hall, numbers

DUTIES = obligations.load(Path(__file__).parents[2] / "reports.example.toml", places.areas())
NA_SAM, THUY_HUNG = "Na Sầm", "Thụy Hùng"

# The launch becomes another organisation's.
OF_A_COMMUNE = """
WITH commune AS (INSERT INTO organisations (slug, name) VALUES ('ky-lua', 'Công an phường Kỳ Lừa') RETURNING id),
theirs AS (
    INSERT INTO campaigns (organisation_id, edition, slug, year, title, definition, content_hash, author, status, approved_at)
    SELECT commune.id, c.edition || '-ky-lua', c.slug, c.year, c.title, c.definition, c.content_hash, c.author, c.status,
           c.approved_at
    FROM campaigns c, commune RETURNING id
)
UPDATE waves SET campaign_id = theirs.id FROM theirs WHERE slug = 'launch'
RETURNING 1
"""


async def delivered(hall: Hall, count: int) -> None:
    """Receipts for the first `count` messages in the order of their ids."""
    ids = [row.id for row in await hall.sql("SELECT id FROM messages ORDER BY id LIMIT %s", count)]
    async with hall.runtime.pool.connection() as connection:
        await receipts.put(connection, [NewReceipt("main", one, None, "delivered", "0", None, "") for one in ids])
    async with hall.runtime.pool.connection() as connection:
        await receipts.apply(connection, 1000)


async def sent(hall: Hall, people: list[tuple[str, str]], arrived: int) -> None:
    """The June launch, sent to these people; the carrier delivers that many."""
    wave = await hall.running(people)
    await expansion.expand(hall.runtime, wave)
    await hall.send()
    await delivered(hall, arrived)


async def made(hall: Hall, duties: Duties = DUTIES, slug: str = "sau-thang", **options: Any) -> Papers:
    async with hall.runtime.pool.connection() as connection:
        return await making.make(connection, duties, (slug, 2026, options.pop("until", None)), AUTHOR, **options)


def paper(papers: Papers) -> Document:
    return docx.Document(io.BytesIO(papers.document))


def words(document: Document) -> str:
    """All text of a document, tables included, in the order of the file."""
    return "\n".join("".join(t.text or "" for t in p.iter(qn("w:t"))) for p in document.element.body.iter(qn("w:p")))


async def test_the_figures_are_those_of_the_log(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(20)] + [(n, THUY_HUNG) for n in numbers(10, "091")], 25)
    figures = (await made(hall)).figures
    assert (figures.total.sent, figures.total.delivered, figures.total.people, figures.people_sent) == (30, 25, 25, 30)
    assert sum(area.delivered for area in figures.areas) == 25
    assert {(c.name, c.sent) for c in figures.networks} == {("viettel", 20), ("vinaphone", 10)}
    assert figures.total.segments == await hall.scalar("SELECT sum(segments) FROM messages")
    assert [(month, c.sent) for month, c in figures.months] == [(date(2026, 6, 1), 30)]
    assert figures.communes == 2


async def test_the_figures_of_all_organisations_are_added_up_and_each_is_named(hall: Hall) -> None:
    await hall.running([(n, NA_SAM) for n in numbers(7)], "launch", "disguised")
    await expansion.expand(hall.runtime, await hall.scalar("SELECT id FROM waves WHERE slug = 'launch'"))
    await hall.send()
    alone = (await made(hall)).figures
    assert [(one.sent, one.waves) for one in alone.organisations] == [(7, 1)]
    assert not [line for line in wording.results(alone) if "thực hiện" in line]
    await hall.rehearse("disguised")
    (second,) = await hall.open_waves()
    await expansion.expand(hall.runtime, second)
    await hall.send()
    await hall.sql(OF_A_COMMUNE)
    both = (await made(hall, slug="nam")).figures
    assert sorted(one.sent for one in both.organisations) == [7, 7]
    assert both.total.sent == 14
    assert "- Công an phường Kỳ Lừa thực hiện 1 đợt, 7 tin, tới máy 0 tin;" in wording.results(both)


async def test_people_are_counted_once_and_messages_each_time(hall: Hall) -> None:
    await hall.running([(n, NA_SAM) for n in numbers(7)], "launch", "disguised")
    await expansion.expand(hall.runtime, await hall.scalar("SELECT id FROM waves WHERE slug = 'launch'"))
    await hall.send()
    await hall.rehearse("disguised")
    (second,) = await hall.open_waves()
    await expansion.expand(hall.runtime, second)
    await hall.send()
    await delivered(hall, 14)
    figures = (await made(hall, slug="nam")).figures
    assert (figures.total.delivered, figures.total.people) == (14, 7)


async def test_a_message_counts_in_the_period_in_which_it_left(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    assert (await made(hall, until=date(2026, 5, 31))).figures.total.sent == 0
    assert (await made(hall, until=date(2026, 6, 1))).figures.total.sent == 6


@pytest.mark.parametrize(("topics", "count"), [((), 6), (("drug",), 6), (("trafficking",), 0)])
async def test_topics_choose_the_campaigns(hall: Hall, topics: tuple[str, ...], count: int) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    asked = {"sau-thang": replace(DUTIES.obligations["sau-thang"], topics=topics)}
    assert (await made(hall, Duties(DUTIES.offices, asked, ()))).figures.total.sent == count


async def test_targets_are_measured(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(20)], 20)
    communes, months, reach = (await made(hall)).figures.gauges
    assert (communes.part, communes.whole, communes.percent, communes.reached) == (1, 2, 50, True)
    assert (months.part, months.whole, months.reached) == (1, 6, False)
    assert (reach.part, reach.whole, reach.percent) == (20, 25_000, 0)


def test_few_people_are_not_shown_by_their_commune() -> None:
    def row(area: str, people: int) -> dict[str, object]:
        return {"area": area, "sent": people, "delivered": people, "people": people}

    areas = shown([row("06124", 3), row("06148", 40), row("06001", 90), row("", 2)])
    assert [(area.name, area.people) for area in areas] == [
        ("Xã Đoàn Kết", 90),
        ("2 xã, phường có ít người nhận", 43),  # one alone could be told from the total
        ("(không rõ xã)", 2),
    ]


async def test_activities_by_other_means_make_the_totals_whole(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    async with hall.runtime.pool.connection() as connection:
        for quantity in (50, 4):
            given = Activity(0, "press", date(2026, 3, 1), quantity, "tin, bài", "Báo Lạng Sơn", "", None, AUTHOR)
            entry = await making.add_activity(connection, given)
        await making.withdraw_activity(connection, entry, AUTHOR, "ghi nhầm")
    assert "- Báo chí: 50 tin, bài (Báo Lạng Sơn)." in words(paper(await made(hall)))


async def test_articles_to_followers_stand_beside_with_the_source_of_their_figures(hall: Hall) -> None:
    await hall.sql(
        "INSERT INTO broadcasts (slug, definition, route, author, opens_at, closes_at, window_from, window_to, status, followers,"
        " sent_at) SELECT slug, jsonb_build_object('topics', '[\"drug\"]'::jsonb, 'article', jsonb_build_object('title', title)),"
        " 'oa', 'An', day, day, '08:00', '11:00', status, 12345, day FROM (VALUES ('mot', 'Nói không', 'sent', timestamptz"
        " '2026-06-01 08:05+07'), ('hai', 'Chưa gửi', 'uncertain', '2026-06-02 08:05+07'), ('ba', 'Kỳ sau', 'sent',"
        " '2026-06-15 08:05+07')) AS one (slug, title, status, day)"
    )
    await hall.sql(
        "INSERT INTO broadcast_results (broadcast_id, reached, opened, source, entered_by)"
        " SELECT id, 9876, 1234, 'trang quản trị OA', 'An' FROM broadcasts WHERE slug = 'mot'"
    )
    papers = await made(hall)
    text = words(paper(papers))
    assert (
        "- Bài viết “Nói không” gửi người quan tâm OA Zalo ngày 01/6/2026: OA có 12.345 người quan tâm khi gửi, 9.876 người nhận,"
        " 1.234 lượt xem (nguồn: trang quản trị OA)."
    ) in text
    assert "Chưa gửi" not in text
    assert "Kỳ sau" not in text
    assert [one["reached"] for one in papers.figures.plain()["broadcasts"]] == [9876]


async def test_an_activity_of_an_unknown_kind_is_refused(hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(UserError, match="Không có hình thức radio"):
            await making.add_activity(connection, Activity(0, "radio", date(2026, 3, 1), 1, "", "", "", None, AUTHOR))


async def test_the_paper_keeps_to_decree_30(hall: Hall) -> None:
    """The table of Annex I of Decree 30/2020/ND-CP, rule by rule."""
    await sent(hall, [(n, NA_SAM) for n in numbers(8)], 8)
    document = paper(await made(hall))
    (section,) = document.sections
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert all(20 <= round(margin.mm, 1) <= 25 for margin in (section.top_margin, section.bottom_margin))
    assert 30 <= round(section.left_margin.mm, 1) <= 35
    assert 15 <= round(section.right_margin.mm, 1) <= 20
    assert section.different_first_page_header_footer
    (number,) = section.header.paragraphs
    assert number.alignment == WD_ALIGN_PARAGRAPH.CENTER
    assert "PAGE" in number._p.xml
    assert not "".join(p.text for p in section.first_page_header.paragraphs)
    fonts = document.styles["Normal"].element.rPr.rFonts
    assert {fonts.get(qn(f"w:{kind}")) for kind in ("ascii", "hAnsi", "cs", "eastAsia")} == {"Times New Roman"}
    others = {f.get(qn("w:ascii")) for f in document.element.body.iter(qn("w:rFonts"))} - {None}
    assert others <= {"Times New Roman"}


@pytest.mark.parametrize(
    ("text", "size", "bold", "italic", "alignment"),
    [
        ("ỦY BAN NHÂN DÂN TỈNH LẠNG SƠN", 12, False, False, WD_ALIGN_PARAGRAPH.CENTER),
        ("SỞ VĂN HÓA, THỂ THAO VÀ DU LỊCH", 12, True, False, WD_ALIGN_PARAGRAPH.CENTER),
        ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 12, True, False, WD_ALIGN_PARAGRAPH.CENTER),
        ("Độc lập - Tự do - Hạnh phúc", 13, True, False, WD_ALIGN_PARAGRAPH.CENTER),
        ("Số:        /BC-SVHTTDL", 13, False, False, WD_ALIGN_PARAGRAPH.CENTER),
        ("Lạng Sơn, ngày        tháng 6 năm 2026", 13, False, True, WD_ALIGN_PARAGRAPH.CENTER),
        ("BÁO CÁO", 14, True, False, WD_ALIGN_PARAGRAPH.CENTER),
        ("KT. GIÁM ĐỐC", 14, True, False, WD_ALIGN_PARAGRAPH.CENTER),
        ("Nơi nhận:", 12, True, True, WD_ALIGN_PARAGRAPH.LEFT),
        ("- Như trên;", 11, False, False, WD_ALIGN_PARAGRAPH.LEFT),
        ("- Phòng PV01 - Công an tỉnh;", 11, False, False, WD_ALIGN_PARAGRAPH.LEFT),
        ("- Lưu: VT, BCXB.", 11, False, False, WD_ALIGN_PARAGRAPH.LEFT),
        ("Phụ lục I", 14, True, False, WD_ALIGN_PARAGRAPH.CENTER),
    ],
)
def test_each_element_has_the_face_that_the_decree_asks_for(
    rendered: Document, text: str, size: float, bold: bool, italic: bool, alignment: WD_ALIGN_PARAGRAPH
) -> None:
    (found,) = [p for p in _paragraphs(rendered) if p.text == text]
    run = next(run for run in found.runs if run.text)
    assert (run.font.size, bool(run.bold), bool(run.italic), found.alignment) == (Pt(size), bold, italic, alignment)


def _paragraphs(document: Document) -> list[Any]:
    inside = [p for table in document.tables for row in table.rows for cell in row.cells for p in cell.paragraphs]
    return [*document.paragraphs, *inside]


@pytest.fixture(scope="module")
def rendered() -> Document:
    """A report without any message in it, made from the example file."""
    return docx.Document(io.BytesIO(_empty()))


def _empty() -> bytes:
    obligation = DUTIES.obligations["sau-thang"]
    period = obligation.period(2026)
    office = DUTIES.office(period.end)
    assert office
    figures = Figures(
        period,
        datetime(2026, 6, 10, tzinfo=UTC),
        0,
        0,
        Count("", 0, 0),
        0,
        (),
        (),
        (),
        (),
        (),
        0,
        {},
        {},
        0,
        0,
        (),
        (),
        (),
        (),
    )
    return render(Report(figures, office, obligation, Notes(), ()))


async def test_running_text_is_set_as_the_decree_asks(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    document = paper(await made(hall))
    style = document.styles["Normal"]
    assert style.font.size in (Pt(13), Pt(14))
    assert style.paragraph_format.space_after >= Pt(6)
    assert 1 <= style.paragraph_format.line_spacing <= 1.5
    (opening,) = [p for p in document.paragraphs if p.text.startswith("Thực hiện chế độ báo cáo")]
    assert opening.alignment == WD_ALIGN_PARAGRAPH.JUSTIFY
    assert round(opening.paragraph_format.first_line_indent.cm, 2) == 1.27
    (closing,) = [p for p in document.paragraphs if p.text.startswith("Trên đây là Báo cáo")]
    assert closing.text.endswith("./.")


async def test_the_sections_come_in_the_order_of_the_usual_report(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    text = words(paper(await made(hall)))
    titles = [
        "1. Công tác chỉ đạo", "2. Kết quả thông tin", "3. Đánh giá", "4. Ưu điểm, tồn tại", "4.1. Ưu điểm", "4.2. Tồn tại",
        "4.3. Giải pháp", "5. Phương hướng", "Trên đây là Báo cáo", "Nơi nhận:", "Phụ lục I", "Phụ lục II",
    ]  # fmt: skip
    places_ = [text.index(title) for title in titles]
    assert places_ == sorted(places_)
    assert "{{" not in text
    assert "{%" not in text


async def test_the_documents_stand_in_the_footnote(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    papers = await made(hall)
    with zipfile.ZipFile(io.BytesIO(papers.document)) as archive:
        notes = archive.read("word/footnotes.xml").decode()
        assert "Quyết định số 93/2001/QĐ-TTg ngày 13/6/2001 của Thủ tướng Chính phủ" in notes
        assert "footnoteReference" in archive.read("word/document.xml").decode()


async def test_charts_carry_the_figures_of_their_tables(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(9)], 7)
    with zipfile.ZipFile(io.BytesIO((await made(hall)).document)) as archive:
        charts = [archive.read(name).decode() for name in archive.namelist() if name.startswith("word/charts/chart")]
    assert len(charts) == 2
    assert all("<c:v>9</c:v>" in chart and "<c:v>7</c:v>" in chart for chart in charts)


async def test_the_party_form_has_its_own_head(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    office = DUTIES.offices[0]
    party = replace(office, form=Form.PARTY)
    text = words(paper(await made(hall, Duties((party,), DUTIES.obligations, ()))))
    assert "ĐẢNG CỘNG SẢN VIỆT NAM" in text
    assert "CỘNG HÒA XÃ HỘI" not in text
    assert "Số        -BC/SVHTTDL" in text


async def test_an_office_rewords_its_template(hall: Hall, tmp_path: Path) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    own = forms.template(Form.STATE)
    (title,) = [p for p in own.paragraphs if p.text == "3. Đánh giá"]
    title.runs[0].text = "3. Nhận xét chung"
    own.save(str(tmp_path / "own.docx"))
    assert "3. Nhận xét chung" in words(paper(await made(hall, template=tmp_path / "own.docx")))


@pytest.mark.parametrize("spoilt", ["{{ khong_co }}", "{% for x in %}", "{{ ''.__class__.__mro__ }}"])
async def test_a_spoilt_template_is_explained(hall: Hall, tmp_path: Path, spoilt: str) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    own = forms.template(Form.STATE)
    own.add_paragraph(spoilt)
    own.save(str(tmp_path / "own.docx"))
    with pytest.raises(ReportTemplateError, match="Không điền được mẫu báo cáo"):
        await made(hall, template=tmp_path / "own.docx")


async def test_notes_of_the_office_stand_in_their_sections(hall: Hall, tmp_path: Path) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    path = tmp_path / "notes.toml"
    path.write_text('remedies = ["- Phối hợp chặt chẽ với cơ quan báo chí."]', encoding="utf-8")
    assert "- Phối hợp chặt chẽ với cơ quan báo chí." in words(paper(await made(hall, notes=wording.notes(path))))


async def test_a_report_that_was_made_is_no_longer_due(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    await made(hall)
    async with hall.runtime.pool.connection() as connection:
        found = await making.due(connection, DUTIES, date(2026, 6, 14), 30)
    assert [(one.slug, one.days, one.made is not None) for one in found if one.year == 2026] == [
        ("sau-thang", 0, True),
        ("sau-thang-cong-an", 7, False),
    ]


async def test_an_overdue_report_stays_in_sight_until_it_is_made(hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        found = await making.due(connection, DUTIES, date(2026, 7, 1), 0)
    assert [(one.slug, one.days) for one in found if one.year == 2026] == [
        ("sau-thang", -17),
        ("sau-thang-cong-an", -10),
    ]


async def test_the_same_figures_can_be_asked_of_what_was_handed_in(hall: Hall) -> None:
    await sent(hall, [(n, NA_SAM) for n in numbers(6)], 6)
    papers = await made(hall)
    kept = await hall.sql("SELECT figures, document_sha256 FROM reports")
    assert kept[0].figures["total"]["sent"] == 6
    assert kept[0].document_sha256 == papers.sha256


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ((date(2025, 12, 15), date(2026, 6, 14)), "6 tháng đầu năm 2026"),
        ((date(2026, 6, 15), date(2026, 12, 14)), "6 tháng cuối năm 2026"),
        ((date(2025, 12, 15), date(2026, 12, 14)), "năm 2026"),
        ((date(2026, 1, 5), date(2026, 3, 1)), "từ ngày 05/01/2026 đến ngày 01/3/2026"),
    ],
)
def test_a_period_has_the_name_that_papers_give_it(period: tuple[date, date], name: str) -> None:
    assert wording.period_name(obligations.Period(*period)) == name


def test_a_share_is_never_rounded_up() -> None:
    assert [wording.percent(part, 1000) for part in (1000, 999, 995, 0)] == ["100%", "99,9%", "99,5%", "0%"]
    assert wording.percent(19_999, 20_000) == "99,9%"
