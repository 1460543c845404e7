"""What keeps a campaign from being approved: one row, one case, for each message class and article."""

from datetime import date, time, timedelta

import pytest

from campaigns.campaign import Advertising, ConsentMethod, MessageClass, Policy
from campaigns.compose import samples, variants
from campaigns.decree91 import Article, Circumstances, dressed, in_a_day, spell
from campaigns.definition import library_path, load
from campaigns.policy import DEFAULTS, Limits, limits
from campaigns.rules import refusals, warnings
from campaigns.template import Form

JUNE = load(library_path("drug_prevention_june"), year=2026)
C = MessageClass
CONSENT = Advertising(
    consent_method=ConsentMethod.FORM,
    consent_evidence="312 phiếu đăng ký nhận tin, lưu tại Văn phòng",
    stop_word="TC",
    stop_number="8088",
    stop_call="18001234",
)
NIGHT = (time(5), time(23, 30))


def campaign(kind, **changed):
    return JUNE.model_copy(update={"message_class": kind, "audience": "people", **changed})


def window(*hours):
    return {"waves": (JUNE.waves[0].model_copy(update={"window": hours}),)}


def policy(**own):
    return {"policy": Policy(reason="Công văn 12/UBND-VX", **own)}


def days(*numbers):
    return {
        "waves": tuple(
            JUNE.waves[0].model_copy(update={"slug": f"w{n}", "date": date(2026, 6, n), "until": date(2026, 6, n)})
            for n in numbers
        )
    }


def at_hours(*clocks):
    return {
        "waves": tuple(
            JUNE.waves[0].model_copy(update={"slug": f"w{clock}", "window": (time(clock), time(clock + 1))})
            for clock in clocks
        )
    }


NOBODY_SAYS = Circumstances()
AGREED = {"advertising": CONSENT}
THEMED = {"texts": {"launch": JUNE.texts["launch"].model_copy(update={"accented": "{owner}: {theme}"})}, **days(1)}

# class, what is changed, the circumstances, the articles that refusals cite
REFUSED = [
    (C.PUBLIC_INFORMATION, {}, NOBODY_SAYS, []),
    (C.INTERNAL_NOTICE, {}, NOBODY_SAYS, []),
    (C.CUSTOMER_CARE, {}, NOBODY_SAYS, []),
    (C.ADVERTISING, AGREED, NOBODY_SAYS, []),
    # Consent and refusal
    (C.ADVERTISING, {}, NOBODY_SAYS, [Article.CONSENT, Article.REFUSAL]),
    # Hours
    (C.ADVERTISING, AGREED | window(time(6, 59), time(9)), NOBODY_SAYS, [Article.HOURS]),
    (C.ADVERTISING, AGREED | window(time(20), time(22, 1)), NOBODY_SAYS, [Article.HOURS]),
    (C.ADVERTISING, AGREED | window(time(7), time(22)), NOBODY_SAYS, []),
    (C.ADVERTISING, AGREED | window(*NIGHT) | policy(hours=NIGHT), NOBODY_SAYS, [Article.HOURS]),
    (C.ADVERTISING, AGREED | window(*NIGHT) | policy(hours=NIGHT, agreement="Hợp đồng 7"), NOBODY_SAYS, []),
    (C.PUBLIC_INFORMATION, window(*NIGHT), NOBODY_SAYS, [Article.POLICY]),
    (C.INTERNAL_NOTICE, window(*NIGHT), NOBODY_SAYS, [Article.POLICY]),
    (C.CUSTOMER_CARE, window(*NIGHT), NOBODY_SAYS, [Article.POLICY]),
    (C.PUBLIC_INFORMATION, window(*NIGHT) | policy(hours=NIGHT), NOBODY_SAYS, []),
    (C.PUBLIC_INFORMATION, window(*NIGHT) | policy(hours=(time(6), time(22))), NOBODY_SAYS, [Article.POLICY]),
    # Frequency
    (C.ADVERTISING, AGREED | at_hours(7, 9, 11), NOBODY_SAYS, []),
    (C.ADVERTISING, AGREED | at_hours(7, 9, 11, 13), NOBODY_SAYS, [Article.FREQUENCY]),
    (C.ADVERTISING, AGREED | days(1, 2, 3, 4), NOBODY_SAYS, []),
    (C.ADVERTISING, AGREED | policy(most_messages=4), NOBODY_SAYS, [Article.FREQUENCY]),
    (C.ADVERTISING, AGREED | policy(most_messages=2, within_hours=12), NOBODY_SAYS, [Article.FREQUENCY]),
    (C.ADVERTISING, AGREED | policy(most_messages=4, agreement="Hợp đồng 7"), NOBODY_SAYS, []),
    (C.ADVERTISING, AGREED | policy(most_messages=1), NOBODY_SAYS, []),
    (C.PUBLIC_INFORMATION, at_hours(7, 9, 11, 13), NOBODY_SAYS, []),
    (C.PUBLIC_INFORMATION, policy(most_messages=40), NOBODY_SAYS, []),
    # The Do-Not-Call list
    (C.ADVERTISING, AGREED, Circumstances(do_not_call=False), [Article.DO_NOT_CALL]),
    (C.ADVERTISING, AGREED, Circumstances(do_not_call=True), []),
    (C.PUBLIC_INFORMATION, {}, Circumstances(do_not_call=False), []),
    # The sender
    (C.ADVERTISING, AGREED, Circumstances(senders=("0912 345 678", "CA LANGSON")), [Article.SENDER, Article.BRANDNAME]),
    (C.ADVERTISING, AGREED, Circumstances(senders=("+84912345678",)), [Article.SENDER, Article.BRANDNAME]),
    (C.ADVERTISING, AGREED, Circumstances(senders=("CA LANGSON", "113 LS")), []),
    (C.CUSTOMER_CARE, {}, Circumstances(senders=("0912345678",)), []),
    # What a public campaign rests on
    (C.PUBLIC_INFORMATION, {"legal_basis": ()}, NOBODY_SAYS, [Article.STATE_MANAGEMENT]),
    (C.INTERNAL_NOTICE, {"legal_basis": ()}, NOBODY_SAYS, []),
    # The theme of the year
    (C.PUBLIC_INFORMATION, THEMED, NOBODY_SAYS, [Article.POLICY]),
    (C.PUBLIC_INFORMATION, THEMED | {"theme": "Không ma túy"}, NOBODY_SAYS, []),
]


@pytest.mark.parametrize(("kind", "changed", "circumstances", "articles"), REFUSED, ids=range(len(REFUSED)))
def test_a_refusal_cites_its_article_and_binds_its_class_only(kind, changed, circumstances, articles):
    found = refusals(campaign(kind, **changed), circumstances)
    assert list(dict.fromkeys(refusal.article for refusal in found)) == articles  # one refusal for each mistake
    assert all(str(refusal).endswith(f"({refusal.article})") for refusal in found)


WARNED = [
    (C.ADVERTISING, AGREED, "5656"),
    (C.CUSTOMER_CARE, {}, "doanh nghiệp viễn thông"),
    (C.PUBLIC_INFORMATION, at_hours(7, 9, 11, 13), "mỗi người chỉ nhận 3 tin"),
    (C.PUBLIC_INFORMATION, policy(hours=NIGHT), "05:00-23:30, nhiều nhất 3 tin trong 7 ngày; lý do: Công văn 12"),
    (C.INTERNAL_NOTICE, policy(), "07:00-22:00, không giới hạn số tin"),
]


@pytest.mark.parametrize(("kind", "changed", "words"), WARNED)
def test_what_is_lawful_but_worth_a_look_is_a_warning(kind, changed, words):
    doubtful = campaign(kind, **changed)
    assert any(words in warning for warning in warnings(doubtful)), warnings(doubtful)
    assert refusals(doubtful) == []


@pytest.mark.parametrize(("written", "article"), [("{owner}: khuyến mãi lớn", "Điều 3"), ("[QC] {owner}", "Điều 14")])
def test_what_reads_like_advertising_is_pointed_out_in_other_classes(written, article):
    texts = {"launch": JUNE.texts["launch"].model_copy(update={"accented": written})}
    doubtful = campaign(C.PUBLIC_INFORMATION, texts=texts, **days(1))
    assert any(article in warning for warning in warnings(doubtful))


def test_advertising_is_sent_with_its_label_first_and_how_to_refuse_last():
    plan = campaign(C.ADVERTISING, advertising=CONSENT, **days(1))
    (variant,) = variants(plan, "w1")
    assert variant.body.startswith("[QC] Ban Chi dao 138: ")
    assert variant.body.endswith(" Tu choi: soan TC gui 8088 hoac goi 18001234.")
    (sample,) = samples(plan)
    assert sample.accented.body.endswith("Từ chối: soạn TC gửi 8088 hoặc gọi 18001234.")
    assert sample.chosen.units == variant.units > len(variant.body)  # each bracket costs two septets


def test_a_label_that_is_there_already_is_not_repeated():
    plan = campaign(C.ADVERTISING, advertising=CONSENT)
    assert dressed(plan, Form.UNACCENTED, "[AD] tin").startswith("[AD] tin Tu choi")
    assert dressed(campaign(C.PUBLIC_INFORMATION), Form.UNACCENTED, "tin") == "tin"


def test_the_usual_hours_are_the_same_for_every_class():
    assert {usual.hours for usual in DEFAULTS.values()} == {(time(7), time(22))}
    assert DEFAULTS.keys() == set(MessageClass)


def test_a_campaign_changes_only_the_limits_it_names():
    own = campaign(C.PUBLIC_INFORMATION, **policy(most_messages=5))
    assert limits(own) == Limits((time(7), time(22)), 5, timedelta(days=7))
    own = campaign(C.INTERNAL_NOTICE, **policy(most_messages=1, within_hours=24))
    assert limits(own) == Limits((time(7), time(22)), 1, timedelta(days=1))


@pytest.mark.parametrize(("most", "hours", "worst"), [(3, 24, 3), (3, 168, 3), (1, 8, 3), (1, 7, 4), (2, 12, 4)])
def test_the_worst_a_limit_lets_through_in_a_day(most, hours, worst):
    assert in_a_day(Limits((time(7), time(22)), most, timedelta(hours=hours))) == worst


@pytest.mark.parametrize(("hours", "words"), [(24, "24 giờ"), (48, "2 ngày"), (168, "7 ngày"), (30, "30 giờ")])
def test_a_stretch_of_time_is_spelt(hours, words):
    assert spell(timedelta(hours=hours)) == words
