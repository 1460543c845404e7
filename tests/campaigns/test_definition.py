"""Definitions: what they become, and what a broken one is answered."""

import json
from datetime import date, time

import pytest

from campaigns.campaign import MessageClass
from campaigns.definition import DefinitionError, canonical, library, library_path, load, parse
from campaigns.problems import lines
from campaigns.rules import warnings
from campaigns.template import Form

GOOD = """\
slug = "tet_safety"
title = "Tháng an toàn"
year = 2026
owner = "Công an xã"
occasion = "drug-action-month"
message_class = "public_information"
topics = ["drug", "crime"]
programme = "Chương trình 130/CP"
hotline = "113"
audience = "all"

[period]
start = "06-01"
end = "06-30"

[theme]
2025 = "Chung một quyết tâm – Vì cộng đồng không ma túy"

[[legal_basis]]
kind = "Luật"
number = "120/2025/QH15"
date = 2025-12-10
issuer = "Quốc hội"
subject = "Phòng, chống ma túy"
valid_from = "2026-07-01"

[texts.launch]
content_kind = "policy"
accented = "{owner}: năm {year}, bà con {commune} báo tin: gọi {hotline}."
unaccented = "{owner}: nam {year}, ba con {commune} bao tin: goi {hotline}."

[[wave]]
slug = "first"
title = "Phát động"
date = "06-01"
until = "06-02"
window = ["07:00", "11:30"]
text = "launch"
form = "unaccented"

[[wave]]
slug = "second"
title = "Nhắc lại"
date = 2026-06-26
window = ["19:00", "22:00"]
text = "launch"
form = "accented"
audience = "na-sam"
"""


def refused(text, **options):
    with pytest.raises(DefinitionError) as caught:
        parse(text, "thu.toml", **options)
    return caught.value


def line_of(text, written):
    return next(number for number, line in enumerate(text.split("\n"), start=1) if written in line)


def test_a_good_definition_becomes_a_campaign():
    campaign = parse(GOOD, "thu.toml")
    assert campaign.edition == "tet_safety-2026"
    assert campaign.message_class is MessageClass.PUBLIC_INFORMATION
    assert (campaign.period.start, campaign.period.end) == (date(2026, 6, 1), date(2026, 6, 30))
    assert campaign.theme is None
    assert campaign.topics == ("drug", "crime")
    assert campaign.legal_basis[0].date == date(2025, 12, 10)
    assert campaign.legal_basis[0].valid_from == date(2026, 7, 1)
    first, second = campaign.waves
    assert (first.date, first.until, first.window) == (date(2026, 6, 1), date(2026, 6, 2), (time(7), time(11, 30)))
    assert (second.until, second.form, second.audience) == (date(2026, 6, 26), Form.ACCENTED, "na-sam")


def test_the_year_asked_for_wins_over_that_of_the_file():
    text = GOOD.replace("2026-06-26", '"06-26"')
    campaign = parse(text, "thu.toml", year=2025)
    assert campaign.edition == "tet_safety-2025"
    assert campaign.theme == "Chung một quyết tâm – Vì cộng đồng không ma túy"
    assert campaign.waves[1].date == date(2025, 6, 26)


def test_a_campaign_may_run_into_the_new_year():
    text = GOOD.replace('"06-01"\nend = "06-30"', '"12-15"\nend = "2027-01-15"')
    text = text.replace('date = "06-01"\nuntil = "06-02"', 'date = "12-20"').replace("2026-06-26", "2027-01-10")
    campaign = parse(text, "thu.toml")
    assert campaign.waves[1].date == date(2027, 1, 10)


@pytest.mark.parametrize("text", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n")])
def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(text):
    assert canonical(parse(text, "thu.toml")) == canonical(parse(GOOD, "thu.toml"))


def test_other_years_may_be_named_on_purpose():
    goal = GOOD.replace("báo tin", "vì mục tiêu năm 2030, báo tin")
    assert "other_years = [2030]" in str(refused(goal))
    assert parse("other_years = [2030]\n" + goal, "thu.toml").year == 2026


def test_the_year_inside_a_documents_number_is_not_stale():
    assert parse(GOOD.replace("báo tin", "theo Luật 73/2021/QH14, báo tin"), "thu.toml").year == 2026


def test_official_links_and_verified_numbers_may_be_used():
    text = GOOD.replace("báo tin: gọi {hotline}", "xem https://bocongan.gov.vn/tin hoặc gọi 0769040404")
    assert parse(text, "thu.toml").year == 2026


def test_the_canonical_form_depends_on_content_alone():
    moved = GOOD.replace(
        'slug = "tet_safety"\ntitle = "Tháng an toàn"', 'title="Tháng an toàn" # tên\nslug="tet_safety"'
    )
    assert canonical(parse(moved, "a.toml")) == canonical(parse(GOOD, "b.toml"))
    assert canonical(parse(GOOD.replace("07:00", "07:30"), "a.toml")) != canonical(parse(GOOD, "a.toml"))
    assert json.loads(canonical(parse(GOOD, "a.toml")))["waves"][0]["date"] == "2026-06-01"


WHOLE = (
    GOOD.replace(
        'hotline = "113"\n',
        """hotline = "113"
co_owners = ["Công an tỉnh", "Tỉnh đoàn"]
content_by = "Công an tỉnh"
budget = 50000000
""",
    )
    .replace(
        "[texts.launch]",
        """[[request]]
kind = "Công văn"
number = "451/TTCS-TTQ"
date = "2026-05-28"
issuer = "Cục Thông tin cơ sở"
subject = "Tuyên truyền Tháng hành động"

[appraisal]
number = "12/GP"
date = "2026-05-20"
issuer = "Sở Văn hóa"
sha256 = "HASH"

[policy]
reason = "Công văn 12/UBND-VX"
hours = ["06:00", "22:00"]
most_messages = 5
within_hours = 24

[advertising]
consent_method = "form"
consent_evidence = "312 phiếu"
stop_word = "TC"
stop_number = "8088"
stop_call = "18001234"

[texts.launch]
aloud = "Bà con nghe đây."
languages = { tyz = "{owner}: {hotline}" }""".replace("HASH", "ab" * 32),
    )
    .replace('audience = "na-sam"', 'audience = "na-sam"\nrelay = true')
)


def test_a_definition_says_on_what_it_rests_with_whom_and_within_which_limits():
    campaign = parse(WHOLE, "thu.toml")
    assert campaign.co_owners == ("Công an tỉnh", "Tỉnh đoàn")
    assert (campaign.content_by, campaign.budget) == ("Công an tỉnh", 50_000_000)
    assert campaign.requests[0].number == "451/TTCS-TTQ"
    assert campaign.appraisal.sha256 == "ab" * 32
    assert (campaign.policy.hours, campaign.policy.most_messages) == ((time(6), time(22)), 5)
    assert campaign.advertising.stop_number == "8088"
    assert campaign.texts["launch"].languages == {"tyz": "{owner}: {hotline}"}
    assert campaign.texts["launch"].aloud == "Bà con nghe đây."
    assert [wave.relay for wave in campaign.waves] == [False, True]
    assert canonical(campaign) != canonical(parse(GOOD, "thu.toml"))


# What is changed in the whole definition, what it becomes, the field named, words of the message.
BROKEN_PARTS = [
    ('co_owners = ["Công an tỉnh", "Tỉnh đoàn"]', 'co_owners = "Công an tỉnh"', "co_owners", "danh sách"),
    ("budget = 50000000", "budget = 0", "budget", "lớn hơn 0"),
    ("budget = 50000000", 'budget = "50 triệu"', "budget", "số nguyên"),
    ('date = "2026-05-28"', 'date = "D-3"', "request[1].date", "đủ năm-tháng-ngày"),
    ("[[request]]", "[request]", "request", "[[request]]"),
    ("ab" * 32, "ab" * 31, "appraisal.sha256", "64"),
    ('reason = "Công văn 12/UBND-VX"\n', "", "policy.reason", "thiếu"),
    ("most_messages = 5", "most_messages = 0", "policy.most_messages", "từ 1 trở lên"),
    ("within_hours = 24", "within_hours = 10000", "policy.within_hours", "nhiều nhất là 744"),
    ('hours = ["06:00", "22:00"]', 'hours = ["22:00", "06:00"]', "policy.hours", "bị ngược"),
    ('consent_method = "form"', 'consent_method = "silence"', "advertising.consent_method", '"registration_reply"'),
    ('stop_word = "TC"', 'stop_word = "từ chối"', "advertising.stop_word", "chữ hoa không dấu"),
    ('stop_number = "8088"', 'stop_number = "80.88"', "advertising.stop_number", "viết liền"),
    ('stop_call = "18001234"\n', "", "advertising.stop_call", "thiếu"),
    ("{ tyz =", "{ tay =", "texts.launch.languages.tay", '"tyz"'),
    ("{ tyz =", "{ vi =", "texts.launch.languages.vi", "không có mã"),
    ('"{owner}: {hotline}"', '"{owner}: gọi 112"', "texts.launch.languages.tyz", "số 112"),
    ("relay = true", 'relay = "có"', "wave[2].relay", "true hoặc false"),
    ('content_kind = "policy"', 'content_kind = "news"', "texts.launch.content_kind", '"commendation"'),
]


BY_OPERATORS = 'relay = true\norder = ["viettel", "mobifone"]\nareas = ["20", "00004"]'


def test_a_wave_may_be_left_to_operators():
    written = WHOLE.replace('audience = "na-sam"\nrelay = true', BY_OPERATORS)
    campaign = parse(written, "thu.toml")
    assert campaign.waves[1].order == ("viettel", "mobifone")
    assert campaign.waves[1].areas == ("20", "00004")


@pytest.mark.parametrize(
    ("new", "field", "words"),
    [
        ('order = ["vietel"]\nareas = ["20"]', "wave[2].order[1]", "không phải nhà mạng"),
        ('order = ["viettel"]\nareas = ["999"]', "wave[2].areas[1]", "không có địa bàn"),
        ('order = ["viettel"]', "wave[2].areas", "phải ghi địa bàn"),
        ('order = ["viettel"]\nareas = ["20"]\ngroups = ["thanh niên"]', "wave[2].groups", "chỉ chọn người theo areas"),
        ('order = ["viettel"]\nareas = ["20"]\naudience = "na-sam"', "wave[2].audience", "bỏ audience"),
    ],
)
def test_a_wave_that_cannot_be_left_to_operators_is_explained(new, field, words):
    found = refused(WHOLE.replace('audience = "na-sam"\nrelay = true', new)).problems
    assert [(problem.field, words in problem.message) for problem in found] == [(field, True)]


@pytest.mark.parametrize(("old", "new", "field", "words"), BROKEN_PARTS)
def test_a_broken_part_is_explained(old, new, field, words):
    assert old in WHOLE
    found = {problem.field: problem.message for problem in refused(WHOLE.replace(old, new)).problems}
    assert any(words in message for name, message in found.items() if name.startswith(field)), found


def test_a_theme_may_still_be_to_come():
    campaign = parse(GOOD.replace("{commune} báo", "{theme} báo"), "thu.toml")
    assert campaign.theme is None


def test_hours_are_a_matter_for_the_rules():
    assert parse(GOOD.replace('["07:00", "11:30"]', '["05:00", "11:30"]'), "thu.toml").waves[0].window[0] == time(5)


# What is changed in the good definition, what it becomes, the field named, the line it stands on, words of the message.
BROKEN = [
    ('slug = "tet_safety"', 'slug = "Tết"', "slug", 'slug = "Tết"', ["sai dạng", "a-z"]),
    ('slug = "tet_safety"\n', "", "slug", None, ["thiếu", 'slug = "']),
    ('title = "Tháng an toàn"', "title = 5", "title", "title = 5", ["dấu ngoặc kép", "không phải số"]),
    ("Tháng an toàn", "a" * 501, "title", "title =", ["dài quá 500 ký tự"]),
    ('title = "Tháng an toàn"', 'title = " "', "title", 'title = " "', ["để trống"]),
    ('title = "Tháng an toàn"', 'title = "Tháng 6/2025"', "title", "6/2025", ["2025", "2026", "other_years"]),
    ("year = 2026", 'year = "2026"', "year", 'year = "2026"', ["số nguyên", "year = 2026"]),
    ("year = 2026", "year = 1926", "year", "year = 1926", ["1926", "2020-2099"]),
    ("year = 2026", "year = true", "year", "year = true", ["số nguyên", "true/false"]),
    ("year = 2026\n", "", "year", None, ["năm nào", "year = 2026"]),
    ("drug-action-month", "drug-month", "occasion", "drug-month", ['"drug-action-month"?']),
    ("public_information", "public_info", "message_class", "public_info", ['"public_information"', '"advertising"']),
    ('topics = ["drug", "crime"]', 'topics = "drug"', "topics", "topics", ["danh sách", 'topics = ["drug"]']),
    ('["drug", "crime"]', '["drug", "Tội"]', "topics[2]", "topics", ["sai dạng"]),
    ('hotline = "113"', 'hotline = "18001567"', "hotline", "hotline", ["18001567", "xác minh", "0769040404"]),
    ('hotline = "113"', 'hotline = "0769.04.04.04"', "hotline", "hotline", ['"0769040404"?']),
    ('hotline = "113"\n', "", "texts.launch.accented", "accented =", ["{hotline}", "thêm hotline"]),
    ('owner = "Công an xã"\n', "", "texts.launch.unaccented", "unaccented =", ["{owner}", "thêm owner"]),
    ("owner =", "ownr =", "ownr", "ownr", ['không có khóa "ownr"', '"owner"?']),
    ("[[wave]]", "[[waves]]", "waves", "[[waves]]", ['"wave"?']),
    ('start = "06-01"', 'start = "06-31"', "period.start", "06-31", ["không có ngày 31/06"]),
    ('start = "06-01"', 'start = "01/06"', "period.start", "01/06", ["tháng-ngày", '"06-01"']),
    ('end = "06-30"', 'end = "30-06"', "period.end", "30-06", ["tháng 30", '"06-30"']),
    ('end = "06-30"', 'end = "05-30"', "period.end", "05-30", ["30/05/2026", "trước khi bắt đầu"]),
    ('end = "06-30"', 'end = "cuối tháng"', "period.end", "cuối tháng", ["không phải ngày", '"06-26"']),
    ('end = "06-30"\n', "", "period.end", "[period]", ["thiếu", 'end = "06-30"']),
    ('start = "06-01"', 'start = "2025-06-01"', "period.start", "2025-06-01", ["năm 2025", '"06-01"']),
    ('start = "06-01"', 'start = "02-29"', "period.start", "02-29", ["năm 2026 không có ngày 29/02"]),
    ("[theme]\n2025 =", "theme =", "period.theme", "theme =", ["đầu tệp", "trước dòng [bảng]"]),
    ("year = 2026", 'year = 2026\ntheme = "Chủ đề"', "", None, ["đã ghi ở trên"]),
    ("2025 = ", "nay = ", "theme.nay", "nay = ", ["năm bốn chữ số"]),
    ("date = 2025-12-10", 'date = "12-10"', "legal_basis[1].date", '"12-10"', ["thiếu năm", "2025-12-10"]),
    ('issuer = "Quốc hội"\n', "", "legal_basis[1].issuer", "[[legal_basis]]", ["thiếu", "issuer ="]),
    ("[[legal_basis]]", "[legal_basis]", "legal_basis", "[legal_basis]", ["[[legal_basis]]"]),
    ('"2026-07-01"', '"2026-07-01"\nvalid_to = "2026-01-01"', "legal_basis[1].valid_to", "valid_to", ["hết hiệu lực"]),
    ("[texts.launch]", "[texts.Mở]", "", "[texts.Mở]", ["ngoặc vuông ]", "a-z"]),
    ("[texts.launch]", '[texts."Mở"]', "texts.Mở", "Mở", ["a-z"]),
    ("{commune} báo", "{xa} báo", "texts.launch.accented", "{xa}", ["vị trí 29", "{xa}", "{commune}"]),
    ("{commune} báo", "{commune báo", "texts.launch.accented", "{commune báo", ["vị trí 29"]),
    ("báo tin: gọi", "18001567 gọi", "texts.launch.accented", "18001567", ["18001567", "xác minh"]),
    ("gọi {hotline}", "gọi 112", "texts.launch.accented", "gọi 112", ["số 112", "xác minh"]),
    ("gọi {hotline}", "gọi 0769.04.04.04", "texts.launch.accented", "0769.04", ["viết liền", "0769040404"]),
    ("báo tin:", "xem bit.ly/abc", "texts.launch.accented", "bit.ly", ["bit.ly/abc", ".gov.vn"]),
    ("báo tin:", "xem https://gov.vn.example.com", "texts.launch.accented", "example", [".gov.vn"]),
    ("báo tin:", "xem https://mps.gov.vn@example.com", "texts.launch.accented", "example", [".gov.vn"]),
    ("báo tin:", "báo tin đến 30/6/2025:", "texts.launch.accented", "30/6/2025", ["2025", "2026"]),
    ("báo tin:", "báo\\ttin:", "texts.launch.accented", "báo\\ttin", ["U+0009", "khoảng trắng"]),
    ("bao tin:", "bao tin –", "texts.launch.unaccented", "bao tin –", ["GSM-7", "U+2013", "vị trí 47", 'bằng "-"']),
    ("ba con", "bà con đó 😀", "texts.launch.unaccented", "😀", ["U+0111", "U+1F600", "bỏ đi"]),
    ("bao tin:", "bao tin " * 150, "texts.launch.unaccented", "bao tin bao", ["quá dài", "6 phần"]),
    ('content_kind = "policy"', "content_knd = 1", "texts.launch.content_knd", "content_knd", ['"content_kind"?']),
    ('accented = "{owner}: năm', 'accented = ""\nx = "', "texts.launch.accented", 'accented = ""', ["để trống"]),
    ('unaccented = "{owner}:', 'x = "', "texts.launch.unaccented", "[texts.launch]", ["thiếu", "unaccented ="]),
    ('slug = "second"', 'slug = "first"', "wave[2].slug", None, ['"first"', "wave[1]", "đặt mã khác"]),
    ('slug = "second"', 'slug = "2 nd"', "wave[2].slug", "2 nd", ["sai dạng"]),
    ('slug = "second"\n', "", "wave[2].slug", None, ["thiếu"]),
    ('date = "06-01"', 'date = "02-30"', "wave[1].date", "02-30", ["không có ngày 30/02"]),
    ('date = "06-01"', 'date = "07-01"', "wave[1].date", 'date = "07-01"', ["01/07/2026", "01/06/2026-30/06/2026"]),
    ('until = "06-02"', 'until = "07-02"', "wave[1].until", "07-02", ["02/07/2026", "ngoài thời gian"]),
    ("date = 2026-06-26", 'date = "06-26"\nuntil = "06-25"', "wave[2].until", "06-25", ["25/06/2026", "26/06/2026"]),
    ("date = 2026-06-26", "date = 2026-06-26T07:00:00", "wave[2].date", "T07:00", ["không phải ngày"]),
    ("date = 2026-06-26", "date = 2026-06-31", "", "06-31", ["cột", "không có thật"]),
    ('["07:00", "11:30"]', '["11:30", "07:00"]', "wave[1].window", "11:30", ["bị ngược", "11:30-07:00"]),
    ('["07:00", "11:30"]', '["7:00", "11:30"]', "wave[1].window", '"7:00"', ['"7:00"', '"07:00"']),
    ('["07:00", "11:30"]', '["07:00"]', "wave[1].window", '["07:00"]', ["hai giờ"]),
    ('["07:00", "11:30"]', '"07:00-11:30"', "wave[1].window", "07:00-11:30", ["hai giờ"]),
    ('form = "accented"', 'form = "có dấu"', "wave[2].form", "có dấu", ['"accented"', '"unaccented"']),
    (
        'form = "accented"',
        'form = "accented"\npriority = "urgent"',
        "wave[2].priority",
        "urgent",
        ['"alert", "normal"'],
    ),
    ("year = 2026", 'year = 2026\npriority = "Alert"', "priority", "Alert", ['"Alert"', '"alert", "normal", "bulk"']),
    ('audience = "na-sam"', 'audiense = "na-sam"', "wave[2].audiense", "audiense", ['"audience"?']),
    ('text = "launch"\nform = "accented"', 'text = "lunch"\nform = "accented"', "wave[2].text", "lunch", ['"launch"?']),
    ("year = 2026", "year = 2026\nyear = 2026", "", None, ["chỉ ghi một lần"]),
    ("[theme]", "[texts.launch]\naccented = 'x'\n[theme]", "", None, ["đã ghi ở trên"]),
    ("year = 2026", "year = ", "", "year = ", ["cột", "không đọc được"]),
    ('owner = "Công an xã"', "owner = “Công an xã”", "", "“Công an xã”", ["ngoặc kép thẳng"]),
    ('owner = "Công an xã"', 'owner = "Công an xã', "", "Công an xã", ["xuống dòng"]),
    ('owner = "Công an xã"', "owner", "", "owner", ["thiếu dấu ="]),
    ("year = 2026", "year = " + "9" * 5000, "", None, ["số quá dài"]),
    ("year = 2026", "year = " + "[" * 5000, "", None, ["quá sâu"]),
]


@pytest.mark.parametrize(("old", "new", "field", "at", "words"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_definition_is_explained(old, new, field, at, words):
    assert old in GOOD
    text = GOOD.replace(old, new)
    error = refused(text)
    found = [problem for problem in error.problems if problem.field == field]
    assert any(all(word in problem.message for word in words) for problem in found), str(error)
    if at is not None:
        assert line_of(text, at) in {problem.line for problem in found}, str(error)


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    text = GOOD.replace("tet_safety", "Tết").replace("drug-action-month", "drug").replace('"07:00"', '"6:00"')
    text = text.replace("bao tin", "báo tin").replace('form = "accented"', "")
    error = refused(text)
    assert [problem.field for problem in error.problems] == [
        "slug", "occasion", "texts.launch.unaccented", "wave[1].window", "wave[2].form",
    ]  # fmt: skip
    assert str(error).split("\n")[0].startswith('thu.toml, dòng 1, slug: "Tết" sai dạng')
    assert len(str(error).split("\n")) == len(error.problems)


def test_a_theme_without_its_year_is_refused():
    text = GOOD.replace("year = 2026", 'year = 2026\ntheme = "Chủ đề"').replace("[theme]\n2025 =", "#")
    (problem,) = refused(text).problems
    assert (problem.field, problem.line) == ("theme", 4)
    assert "[theme]" in problem.message


def test_a_definition_without_waves_or_texts_says_so():
    text = GOOD.split("[texts.launch]")[0]
    assert {problem.field for problem in refused(text).problems} == {"texts", "wave"}


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
def test_an_empty_definition_offers_the_library(text):
    assert "drug_prevention_june" in str(refused(text))


@pytest.mark.parametrize(
    "text",
    [
        " " * (1 << 20),
        "[" + " " * (1 << 20),
        "a = 1 #" + " " * (1 << 20),
        "a = " + '"\\"' * (1 << 18),
        "a-" * (1 << 19),
    ],
    ids=range(5),
)
def test_a_megabyte_of_nonsense_is_refused_like_a_line_of_it(text):
    assert refused(text + "\nb = ").problems


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, "rỗng"),
        (GOOD.encode("utf-16"), None, "UTF-16"),
        (b'slug = "a"\ntitle = "\xc4\xff"\n', 2, "UTF-8"),
        (GOOD.encode("cp1258", errors="ignore"), 2, "UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00", 1, "không phải khóa"),
        (b"# " + b"x" * (1 << 20), None, "1 MiB"),
    ],
)
def test_a_file_that_is_no_definition_is_refused(tmp_path, content, line, words):
    path = tmp_path / "thu.toml"
    path.write_bytes(content)
    with pytest.raises(DefinitionError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(path), line)
    assert words in problem.message


@pytest.mark.parametrize(
    ("name", "words"), [("", "thư mục"), ("none.toml", "không có tệp"), ("a\0b", "không đọc được")]
)
def test_a_path_that_is_no_file_is_refused(tmp_path, name, words):
    with pytest.raises(DefinitionError, match=words):
        load(f"{tmp_path}/{name}")


def test_a_file_is_read_from_its_path(tmp_path):
    path = tmp_path / "thu.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(str(path)) == load(path) == parse(GOOD, "thu.toml")


@pytest.mark.parametrize("year", range(2020, 2040))
@pytest.mark.parametrize("name", ["anti_trafficking_30_7", "drug_prevention_june", "hiv_action_month"])
def test_the_library_loads_for_every_year(name, year):
    assert name in library()
    assert load(library_path(name), year=year).edition == f"{name}-{year}"


def test_the_library_needs_a_year():
    with pytest.raises(DefinitionError, match="năm nào"):
        load(library_path("hiv_action_month"))


@pytest.mark.parametrize("name", ["drug_prevention_jun", "../definition", "", "/etc/passwd"])
def test_a_name_outside_the_library_is_refused(name):
    with pytest.raises(DefinitionError, match="drug_prevention_june"):
        library_path(name)


def test_keys_are_found_around_long_strings_and_lists():
    written = '''a = 1
long = """x
fake = 2
[fake]""" # "
list = [
  "[[wave]]", # ]
  "b = 1",
]
[[wave]]
x = { y = 1 }
[ texts . "launch" ]
accented = "a = [ {"
[[wave]]
x = \'\'\'one line\'\'\'
y = 1
'''
    assert lines(written) == {
        "a": 1, "long": 2, "list": 5, "wave": 9, "wave[1]": 9, "wave[1].x": 10,
        "texts": 11, "texts.launch": 11, "texts.launch.accented": 12,
        "wave[2]": 13, "wave[2].x": 14, "wave[2].y": 15,
    }  # fmt: skip


def test_a_link_outside_gov_vn_needs_somebody_who_answers_for_it():
    text = GOOD.replace("báo tin:", "xem zalo.me/congan,")
    assert ".gov.vn" in str(refused(text))
    allowed = parse(text + '\n[[link]]\nhost = "Zalo.me"\nreason = "Trang Zalo của Công an tỉnh"\n', "thu.toml")
    assert allowed.links == {"zalo.me": "Trang Zalo của Công an tỉnh"}
    assert "thiếu" in str(refused(text + '\n[[link]]\nhost = "zalo.me"\n'))
    assert canonical(allowed) != canonical(parse(GOOD, "thu.toml"))


OWN = '\n[[own_hotline]]\ncall = "0205 3812 345"\nreason = "Trực ban Công an tỉnh"\n'


def test_a_number_that_nobody_verified_needs_somebody_who_answers_for_it():
    text = GOOD.replace('hotline = "113"', 'hotline = "02053812345"')
    assert "[[own_hotline]]" in str(refused(text))
    allowed = parse(text + OWN, "thu.toml")
    assert allowed.own_hotlines == {"02053812345": "Trực ban Công an tỉnh"}
    assert any("02053812345" in warning and "Trực ban" in warning for warning in warnings(allowed))
    assert "thiếu" in str(refused(text + OWN.partition("reason")[0]))
    assert canonical(parse(GOOD + OWN, "thu.toml")) != canonical(parse(GOOD, "thu.toml"))


@pytest.mark.parametrize("call", ["", "12", "0912", "123456789012", "gọi Công an", "+1 202 555 0100"])
def test_what_no_telephone_can_call_is_no_number_of_the_office(call):
    assert "không phải số để gọi" in str(refused(GOOD + OWN.replace("0205 3812 345", call)))


@pytest.mark.parametrize(("channel", "needs"), [("sms", False), ("oa", False), ("zalo", True), ("zalo_then_sms", True)])
def test_a_wave_that_goes_by_template_needs_one(channel, needs):
    text = GOOD + f'\n[channel]\npolicy = "{channel}"\n'
    if needs:
        assert "nội dung chưa có mẫu tin Zalo" in str(refused(text))
    else:
        assert {wave.channel.value for wave in parse(text, "thu.toml").waves} == {channel}
