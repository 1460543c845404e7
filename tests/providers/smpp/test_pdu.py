from __future__ import annotations

import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.smpp import pdu
from providers.smpp.codes import INVALID_COMMAND_LENGTH, Command, Tag
from providers.smpp.pdu import (
    HEADER,
    MAX_PDU,
    Bind,
    BindAnswer,
    Malformed,
    Message,
    Outbind,
    Query,
    QueryAnswer,
    Reader,
    envelope,
    frame,
    pack_data,
    read_data,
    read_message,
)


def names(most: int) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=most).map(lambda value: value.replace(b"\0", b"x"))


octet = st.integers(0, 255)
optional = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=5)
MESSAGES = st.builds(
    Message,
    service_type=names(5),
    source_ton=octet,
    source_npi=octet,
    source=names(20),
    dest_ton=octet,
    dest_npi=octet,
    dest=names(20),
    esm_class=octet,
    protocol_id=octet,
    priority=octet,
    schedule=names(16),
    validity=names(16),
    registered_delivery=octet,
    replace=octet,
    data_coding=octet,
    default_message=octet,
    text=st.binary(max_size=254),
    tlvs=optional,
)
FRAMES = st.lists(
    st.tuples(
        st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=200)
    ),
    max_size=12,
)


@given(MESSAGES)
def test_a_message_comes_back_as_it_was_packed(message: Message) -> None:
    assert read_message(message.pack()) == message


@given(MESSAGES, optional)
def test_a_data_sm_comes_back_with_its_text_as_payload(message: Message, others: dict[int, bytes]) -> None:
    others.pop(Tag.MESSAGE_PAYLOAD, None)
    back = read_data(pack_data(message._replace(tlvs=others)))
    assert back.content == message.text
    assert {tag: value for tag, value in back.tlvs.items() if tag != Tag.MESSAGE_PAYLOAD} == others
    assert (back.source, back.dest, back.esm_class) == (message.source, message.dest, message.esm_class)


@given(names(15), names(8), names(12), octet, octet, octet, names(40))
def test_a_bind_comes_back_as_it_was_packed(
    system_id: bytes, password: bytes, kind: bytes, version: int, ton: int, npi: int, range_: bytes
) -> None:
    bind = Bind(system_id, password, kind, version, ton, npi, range_)
    assert Bind.read(bind.pack()) == bind


@given(names(15), st.none() | octet)
def test_the_answer_to_a_bind_comes_back_as_it_was_packed(system_id: bytes, version: int | None) -> None:
    assert BindAnswer.read(BindAnswer(system_id, version).pack()) == BindAnswer(system_id, version)


@given(names(64), octet, octet, names(20), names(16))
def test_queries_and_outbinds_come_back_as_they_were_packed(
    id_: bytes, one: int, two: int, source: bytes, date: bytes
) -> None:
    query = Query(id_, one, two, source)
    found = QueryAnswer(id_, date, one, two)
    outbind = Outbind(source, date)
    assert Query.read(query.pack()) == query
    assert QueryAnswer.read(found.pack()) == found
    assert Outbind.read(outbind.pack()) == outbind


@given(FRAMES, st.lists(st.integers(1, 40), min_size=1))
def test_frames_are_the_same_however_the_stream_is_cut(
    frames: list[tuple[int, int, int, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(frame(*each) for each in frames)
    reader, found, at, turn = Reader(), [], 0, 0
    while at < len(stream):
        found += reader.feed(stream[at : at + cuts[turn % len(cuts)]])
        at += cuts[turn % len(cuts)]
        turn += 1
    assert found == frames
    assert reader.broken is None


@given(st.lists(st.binary(max_size=400)))
def test_whatever_comes_the_reader_only_answers_frames_and_holds_little(chunks: list[bytes]) -> None:
    reader = Reader(limit=100)
    for chunk in chunks:
        for _, _, _, body in reader.feed(chunk):
            assert len(body) <= 100
        assert len(reader._rest) < 100


@given(st.binary(max_size=300))
def test_any_body_is_read_or_malformed(body: bytes) -> None:
    for read in (read_message, read_data, Bind.read, Query.read, QueryAnswer.read, Outbind.read):
        with suppress(Malformed):
            read(body)
    BindAnswer.read(body)
    pdu.message_id(body)


@given(MESSAGES, st.data())
def test_a_message_cut_short_is_malformed_or_lacks_only_optional_parameters(
    message: Message, data: st.DataObject
) -> None:
    whole = len(message._replace(tlvs={}).pack())
    body = message.pack()[: data.draw(st.integers(0, whole))]
    if len(body) == whole:
        assert read_message(body) == message._replace(tlvs={})
    else:
        with pytest.raises(Malformed):
            read_message(body)


@pytest.mark.parametrize("length", [0, 15, MAX_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_cannot_be_breaks_the_stream_and_reserves_nothing(length: int) -> None:
    reader = Reader()
    found = reader.feed(frame(Command.ENQUIRE_LINK, 0, 1) + HEADER.pack(length, 4, 0, 2) + b"x" * 50)
    assert [each[2] for each in found] == [1]
    assert reader.broken is not None
    assert reader.broken.status == INVALID_COMMAND_LENGTH
    assert reader.feed(frame(Command.ENQUIRE_LINK, 0, 3)) == []
    assert sys.getsizeof(reader._rest) < 200


def test_the_envelope_is_the_body_without_the_destination() -> None:
    message = Message(source=b"CA LANGSON", source_ton=5, dest=b"84912345678", dest_ton=1, dest_npi=1, text=b"xin chao")
    before, after = envelope(message)
    reference = b"\x02\x04\x00\x02\xab\xcd"
    assert before + b"84912345678" + after == message.pack()
    assert read_message(message.pack() + reference).tlvs == {Tag.USER_MESSAGE_REFERENCE: b"\xab\xcd"}


def test_a_submit_sm_has_the_octets_of_the_standard() -> None:
    message = Message(b"", 5, 0, b"CA", 1, 1, b"849", 0x40, 0, 0, b"", b"", 1, 0, 8, 0, b"\x00a")
    assert frame(Command.SUBMIT_SM, 0, 7, message.pack()).hex(" ") == (
        "00 00 00 28 00 00 00 04 00 00 00 00 00 00 00 07 00 05 00 43 41 00 01 01 38 34 39 00"
        " 40 00 00 00 00 01 00 08 00 02 00 61"
    )


def test_a_text_that_does_not_fit_or_a_nul_in_a_name_is_refused_before_the_wire() -> None:
    for wrong in (Message(text=b"x" * 255), Message(source=b"a\0b"), Message(dest=b"8" * 21)):
        with pytest.raises(ValueError, match="octets"):
            wrong.pack()


def test_padding_after_a_message_does_not_lose_it() -> None:
    message = Message(text=b"id:1 stat:DELIVRD")
    for padding in (b"\0", b"\0\0\0", b"\x00\x1e\x00\xff12"):
        assert read_message(message.pack() + padding).text == message.text


def test_the_text_stands_in_short_message_or_else_in_the_payload() -> None:
    payload = {Tag.MESSAGE_PAYLOAD: b"long"}
    assert read_message(Message(tlvs=payload).pack()).content == b"long"
    assert read_message(Message(text=b"short", tlvs=payload).pack()).content == b"short"
