"""What a route of an SMPP account may set."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.base import Encoding, Submission
from providers.smpp.alphabet import Alphabet
from providers.smpp.codes import Command, Kind, Tag
from providers.smpp.options import SmppOptions, account, terms
from providers.smpp.pdu import read_message
from providers.smpp.provider import Smpp
from providers.smpp.wording import Wording

LEAST = {"host": "smsc.example.vn", "system_id": "camp", "password": "s3cret"}


def made(**more: object) -> SmppOptions:
    return SmppOptions.model_validate({**LEAST, **more})


def test_the_least_that_must_be_set_gives_one_transceiver_with_a_window_of_ten() -> None:
    (one,) = terms(made())
    assert (one.command, one.window, one.answer_seconds) == (Command.BIND_TRANSCEIVER, 10, 30)
    assert (one.bind.system_id, one.bind.password, one.bind.interface_version) == (b"camp", b"s3cret", 0x34)
    assert "s3cret" not in repr(one)


def test_separate_binds_come_in_pairs_and_a_receiver_has_no_window() -> None:
    told = [(each.command, each.window) for each in terms(made(bind="separate", binds=2, window=50, version="5.0"))]
    assert told == [(Command.BIND_TRANSMITTER, 50), (Command.BIND_RECEIVER, 0)] * 2


@pytest.mark.parametrize(
    ("sender", "more", "words"),
    [
        ("CÔNG AN LS", {}, "không dấu"),
        ("CONG AN LANG SON", {}, "quá 11 ký tự"),
        ("8" * 21, {"source_ton": 1}, "quá 20 ký tự"),
        ("CA\0LANGSON", {}, "không dấu"),
    ],
)
def test_a_sender_that_no_telephone_can_show_is_a_mistake(sender: str, more: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Smpp(sender, made(**more), None)  # type: ignore[arg-type]  # nothing is sent
    Smpp("CONG AN LANG SON", made(source_ton=0), None)  # type: ignore[arg-type]


def test_an_accounts_own_codes_go_before_the_standard() -> None:
    kinds = account(made(codes={"0x08": "ambiguous", "1025": "throttle"})).kinds
    assert (kinds[0x08], kinds[0x401], kinds[0x58]) == (Kind.AMBIGUOUS, Kind.THROTTLE, Kind.THROTTLE)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time_zone": "Asia/Lang_Son"}, "không có múi giờ này"),
        ({"codes": {"abc": "throttle"}}, "không phải mã số"),
        ({"codes": {"0": "throttle"}}, "ngoài khoảng"),
        ({"tls_ca": Path("nowhere.pem")}, "tls = true"),
        ({"tls": True, "tls_ca": Path("nowhere.pem")}, "không đọc được chứng thư"),
        ({"system_id": "có dấu"}, "system_id"),
        ({"bind": "both"}, "bind"),
        ({"window": 0}, "window"),
        ({"windows": 5}, "windows"),
    ],
)
def test_a_mistake_is_explained_without_the_password(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        made(**wrong)
    assert "s3cret" not in str(caught.value)


def written(text: str, encoding: Encoding, **more: object) -> list[bytes]:
    return Wording("CA LANGSON", made(**more)).bodies(Submission("beef" + "0" * 28, "84912345678", text, encoding, 1))


def test_a_body_says_how_the_account_wants_it() -> None:
    (body,) = written(
        "xin chao {}", Encoding.GSM7, validity_minutes=3 * 60 + 1, priority=1, service_type="CMT", gsm_data_coding=0xF0
    )
    message = read_message(body)
    assert message.text == b"xin chao \x1b(\x1b)"
    assert (message.validity, message.priority, message.service_type) == (b"000000030100000R", 1, b"CMT")
    assert (message.data_coding, message.tlvs) == (0xF0, {Tag.USER_MESSAGE_REFERENCE: b"\xbe\xef"})


@pytest.mark.parametrize(
    ("minutes", "validity"),
    [(1, b"000000000100000R"), (24 * 60, b"000001000000000R"), (63 * 24 * 60, b"000063000000000R")],
)
def test_the_validity_is_relative_and_in_days(minutes: int, validity: bytes) -> None:
    (body,) = written("x", Encoding.GSM7, validity_minutes=minutes)
    assert read_message(body).validity == validity


def test_an_account_may_want_latin_1_and_no_optional_parameters() -> None:
    (body,) = written("{à}", Encoding.GSM7, alphabet="latin1", user_reference=False, receipts=False)
    message = read_message(body)
    assert (message.text, message.tlvs, message.registered_delivery) == ("{à}".encode("latin-1"), {}, 0)


def test_the_parts_of_two_texts_to_one_person_are_told_apart() -> None:
    wording = Wording("CA LANGSON", made(alphabet=Alphabet.GSM))
    texts = ["ă" * 100, "â" * 100, "ă" * 100]
    bodies = [wording.bodies(Submission("0" * 32, "84912345678", text, Encoding.UCS2, 2)) for text in texts]
    references = [{read_message(body).text[3] for body in each} for each in bodies]
    assert references[0] == references[2] != references[1]
    assert all(len(each) == 1 for each in references)
