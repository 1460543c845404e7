"""Receipts as centres write them: every variant, both forms, and whatever a stranger makes up."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.base import Outcome
from providers.smpp.codes import Tag
from providers.smpp.pdu import Message
from providers.smpp.receipt import Dialect, IdForm, Report, is_receipt, reference, report

RAW, HEX, DEC = IdForm
DELIVERED, UNDELIVERED, PENDING = Outcome.DELIVERED, Outcome.UNDELIVERED, Outcome.PENDING
USUAL = Dialect()
NOON = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)
FULL = "id:0123456789 sub:001 dlvrd:001 submit date:2606011159 done date:2606011200 stat:DELIVRD err:000 text:Noi khong"
LETTERS = "id:sub dlvrd date:done submit text:stat:err:DELIVRD UNDELIV 0123456789abcdefABCDEF \t\n:_"


def told(text: str | bytes, tlvs=None, dialect=USUAL, **fields) -> Report:
    octets = text.encode("latin-1") if isinstance(text, str) else text
    return report(Message(esm_class=4, text=octets, tlvs=tlvs or {}, **fields), dialect)


@pytest.mark.parametrize(
    ("text", "id_", "outcome", "code", "done"),
    [
        (FULL, "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("DELIVRD err:000", "UNDELIV err:012"), "0123456789", UNDELIVERED, "UNDELIV/012", True),
        (
            FULL.replace("submit date", "submitdate").replace("done date", "donedate"),
            "0123456789",
            DELIVERED,
            "DELIVRD",
            True,
        ),
        (FULL.replace("1159", "115900").replace("1200", "120000"), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("2606011200", "20260601120000"), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("2606011200", "202606011200"), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.upper(), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.lower(), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("text:", "Text:"), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("sub:001 dlvrd:001 ", ""), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("sub:001", "sub:"), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("id:", "id: ").replace("stat:", "stat: "), "0123456789", DELIVERED, "DELIVRD", True),
        (FULL.replace("2606011200", "2613011200"), "0123456789", DELIVERED, "DELIVRD", False),
        (FULL.replace("2606011200", ""), "0123456789", DELIVERED, "DELIVRD", False),
        ("id:a1-B2_c3 stat:REJECTED err:0x45", "a1-B2_c3", UNDELIVERED, "REJECTED/0x45", False),
        ("stat:EXPIRED err:A1F id:7", "7", UNDELIVERED, "EXPIRED/A1F", False),
        ("id:7 network:04 mcc mnc:45204 stat:DELETED err:", "7", UNDELIVERED, "DELETED", False),
        ("id:7\tstat:ACCEPTD\r\nerr:0000", "7", PENDING, "ACCEPTD", False),
        ("id:7 stat:ENROUTE text:id:8 stat:DELIVRD", "7", PENDING, "ENROUTE", False),
        ("id:7 stat:UNKNOWN", "7", PENDING, "UNKNOWN", False),
        ("id:7 stat:LOST%20", "7", PENDING, "LOST%20", False),
        ("id:7 stat:DELIVRD id:8", "7", DELIVERED, "DELIVRD", False),
        ("id:7 paid:8 stat:DELIVRD", "7", DELIVERED, "DELIVRD", False),
    ],
)
def test_the_text_form_in_its_variants(text, id_, outcome, code, done):
    found = told(text)
    assert (found.reference, found.outcome, found.code) == (id_, outcome, code)
    assert found.done_at == (NOON if done else None)


@pytest.mark.parametrize(
    ("number", "outcome", "code"),
    [
        (0, PENDING, "SCHEDULED"),
        (1, PENDING, "ENROUTE"),
        (2, DELIVERED, "DELIVRD"),
        (3, UNDELIVERED, "EXPIRED"),
        (4, UNDELIVERED, "DELETED"),
        (5, UNDELIVERED, "UNDELIV"),
        (6, PENDING, "ACCEPTD"),
        (7, PENDING, "UNKNOWN"),
        (8, UNDELIVERED, "REJECTD"),
        (9, UNDELIVERED, "SKIPPED"),
        (42, PENDING, "state 42"),
    ],
)
def test_the_form_in_optional_parameters(number, outcome, code):
    tlvs = {Tag.RECEIPTED_MESSAGE_ID: b"ab12\0", Tag.MESSAGE_STATE: bytes((number,))}
    found = told("", tlvs)
    assert (found.reference, found.outcome, found.code) == ("ab12", outcome, code)


def test_optional_parameters_go_before_the_text():
    tlvs = {
        Tag.RECEIPTED_MESSAGE_ID: b"2\0",
        Tag.MESSAGE_STATE: b"\5",
        Tag.NETWORK_ERROR_CODE: b"\3\0\x0c",
        Tag.USER_MESSAGE_REFERENCE: b"\1\2",
    }
    found = told(FULL, tlvs)
    assert (found.reference, found.outcome, found.code) == ("2", UNDELIVERED, "UNDELIV/3:12")
    assert found.user_reference == 0x0102
    assert found.done_at == NOON


def test_a_state_that_nobody_knows_leaves_the_word_to_the_text():
    assert told("id:7 stat:DELIVRD", {Tag.MESSAGE_STATE: b"\x2a"}).outcome is DELIVERED


def test_our_own_reference_is_enough():
    found = told("stat:DELIVRD", {Tag.USER_MESSAGE_REFERENCE: b"\0\7"})
    assert (found.reference, found.user_reference) == (None, 7)


@pytest.mark.parametrize(
    ("text", "tlvs"),
    [
        ("", {}),
        ("stat:DELIVRD", {}),
        ("id:7", {}),
        ("id:7 stat:", {}),
        ("id:7 text:stat:DELIVRD", {}),
        ("id:ÿ stat:DELIVRD", {}),
        ("id:" + "7" * 65 + " stat:DELIVRD", {}),
        ("stat:DELIVRD", {Tag.RECEIPTED_MESSAGE_ID: b"\xff"}),
    ],
)
def test_a_receipt_for_no_message_or_without_a_state_is_refused(text, tlvs):
    with pytest.raises(ValueError, match=r"receipt|message id"):
        told(text, tlvs)


def test_dates_are_in_the_time_zone_of_the_account():
    assert told(FULL, dialect=Dialect(zone=ZoneInfo("Etc/UTC"))).done_at == datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_accepted_is_the_end_only_where_the_account_says_so():
    assert told("id:7 stat:ACCEPTED", dialect=Dialect(accepted_is_delivered=True)).outcome is DELIVERED


def test_the_text_may_stand_in_a_payload_or_behind_a_header_or_in_ucs_2():
    expected = told(FULL)
    assert told("", {Tag.MESSAGE_PAYLOAD: FULL.encode()}) == expected
    assert told(FULL.encode("utf-16-be"), data_coding=8) == expected
    assert told(FULL, data_coding=8) == expected
    assert report(Message(esm_class=0x44, text=b"\5\0\3\7\2\1" + FULL.encode()), USUAL) == expected


def test_what_was_sent_and_to_whom_is_not_kept():
    raw = told("id:7 stat:DELIVRD dest:84912345678 text:Chao 0912345678", {Tag.MESSAGE_STATE: b"\2"}).raw
    assert raw == "id:7 stat:DELIVRD dest:0912***678 message_state=02"


@pytest.mark.parametrize(
    ("esm_class", "tlvs", "expected"),
    [
        (0x04, {}, True),
        (0x44, {}, True),
        (0x20, {}, True),
        (0x00, {}, False),
        (0x40, {}, False),
        (0x08, {}, False),
        (0x00, {Tag.RECEIPTED_MESSAGE_ID: b"1\0"}, True),
    ],
)
def test_a_receipt_is_told_by_its_class_and_never_by_its_words(esm_class, tlvs, expected):
    assert is_receipt(Message(esm_class=esm_class, text=FULL.encode(), tlvs=tlvs)) is expected


@pytest.mark.parametrize(
    ("answered", "form", "reported", "receipt_form"),
    [
        ("499602D2", HEX, "1234567890", DEC),
        ("499602d2", HEX, "0001234567890", DEC),
        ("1234567890", DEC, "499602D2", HEX),
        ("1234567890", DEC, "0x499602d2", HEX),
        ("00AB", HEX, "ab", HEX),
        ("007", DEC, "7", DEC),
        ("a-B", RAW, "a-B", RAW),
        ("no-number", HEX, "no-number", DEC),
    ],
)
def test_one_message_has_one_name_in_both_forms(answered, form, reported, receipt_form):
    assert reference(answered, form) == reference(reported, receipt_form)


@pytest.mark.parametrize(("one", "other"), [("007", "7"), ("AB", "ab"), ("10", "16"), ("0x10", "10")])
def test_as_written_two_ids_are_two_messages(one, other):
    assert reference(one, RAW) != reference(other, RAW)


@given(one=st.integers(0, 2**255), other=st.integers(0, 2**255))
def test_two_numbers_never_have_one_name(one, other):
    assert (reference(f"{one:x}", HEX) == reference(f"{other:d}"[:64], DEC)) == (one == int(f"{other:d}"[:64]))


@given(one=st.from_regex("[!-~]{1,64}", fullmatch=True), other=st.from_regex("[!-~]{1,64}", fullmatch=True), form=...)
def test_two_ids_have_one_name_only_when_they_are_one_number(one, other, form: IdForm):
    if reference(one, form) == reference(other, form) and one != other:
        assert int(one, {HEX: 16, DEC: 10}[form]) == int(other, {HEX: 16, DEC: 10}[form])


@pytest.mark.parametrize("raw", ["", " ", "a b", "a\0", "é", "7" * 65, "１２"])
@pytest.mark.parametrize("form", IdForm)
def test_what_cannot_be_an_id_is_refused(raw, form):
    with pytest.raises(ValueError, match="not a message id"):
        reference(raw, form)


@settings(max_examples=1500, deadline=None)
@given(
    text=st.one_of(st.binary(max_size=400), st.text(LETTERS, max_size=400).map(str.encode)),
    tlvs=st.dictionaries(st.sampled_from(list(Tag)), st.binary(max_size=80)),
    esm_class=st.integers(0, 255),
    data_coding=st.integers(0, 255),
    ids=st.sampled_from(IdForm),
)
@example(text=b"id:1 stat:\xff\0\x1b[31m", tlvs={}, esm_class=4, data_coding=0, ids=RAW)
def test_whatever_comes_is_read_or_refused(text, tlvs, esm_class, data_coding, ids):
    message = Message(esm_class=esm_class, data_coding=data_coding, text=text, tlvs=tlvs)
    try:
        found = report(message, Dialect(ids=ids))
    except ValueError:
        return
    kept = f"{found.reference}{found.code}{found.raw}"
    assert kept.isprintable()
    assert len(kept) < 700


@settings(max_examples=500, deadline=None)
@given(flip=st.integers(13, len(FULL) - 1), octet=st.integers(0, 255), cut=st.integers(13, len(FULL)))
def test_a_receipt_damaged_behind_its_id_names_no_other_message(flip, octet, cut):
    octets = bytearray(FULL.encode())
    octets[flip] = octet
    try:
        found = told(bytes(octets[:cut]))
    except ValueError:
        return
    assert found.reference == "0123456789"


@pytest.mark.parametrize(
    "hostile",
    [
        b"id:" * 20_000,
        b"id" + b" " * 60_000,
        b"submit " * 9_000,
        b"stat:" + b"A" * 65_000,
        b":" * 65_000,
        b"text" * 16_000,
    ],
)
def test_a_long_text_is_not_read_to_its_end(hostile):
    message = Message(esm_class=4, tlvs={Tag.MESSAGE_PAYLOAD: b"id:7 stat:DELIVRD " + hostile})
    assert len(report(message, USUAL).raw) <= 500
