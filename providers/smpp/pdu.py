"""The wire format: bytes into frames, frames into fields, and back; pure, bounded, for millions of messages.

Layouts: SMPP 3.4, chapter 4. What is read is a stranger's: a frame longer than the limit is never buffered, and what
cannot be read is `Malformed`, with the status that answers it. Named tuples, not dataclasses: one is made for every
message and every receipt, and they cost a third.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple

from providers.smpp.codes import (
    INVALID_COMMAND_LENGTH,
    INVALID_MESSAGE_LENGTH,
    RESPONSE,
    Tag,
)

HEADER = Struct(">IIII")
HEADER_SIZE = HEADER.size
# The longest legal body is a message_payload of 64 KiB and a few addresses.
MAX_PDU = 70_000
LAST_SEQUENCE = 0x7FFFFFFF
MAX_SHORT_MESSAGE = 254
# The standard allows 15 octets of system_id, 12 of system_type and 8 of password; carriers hand out longer ones.
MAX_NAME = 64

_TLV = Struct(">HH")
_NOTHING: Mapping[int, bytes] = {}

# A frame: command_id, command_status, sequence_number, body.
Frame = tuple[int, int, int, bytes]


class Malformed(ValueError):  # noqa: N818  reads as the sentence it is
    """Not SMPP. `status` is the command_status that says so to the other end."""

    def __init__(self, what: str, status: int = INVALID_MESSAGE_LENGTH) -> None:
        super().__init__(what)
        self.status = status


class Reader:
    """Cuts a stream into frames.

    `broken` is set when the stream lost its measure (a length that cannot be): nothing after that can be read.
    """

    def __init__(self, limit: int = MAX_PDU) -> None:
        self.broken: Malformed | None = None
        self._limit = limit
        self._rest = bytearray()
        self._wanted = HEADER_SIZE

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. The whole frames before a broken one are still answered."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
        return self._cut(data)

    def _cut(self, data: bytes) -> list[Frame]:
        frames: list[Frame] = []
        at, end, unpack, limit = 0, len(data), HEADER.unpack_from, self._limit
        self._wanted = HEADER_SIZE
        while end - at >= HEADER_SIZE and not self.broken:
            length, command, status, sequence = unpack(data, at)
            if not HEADER_SIZE <= length <= limit:
                self.broken = Malformed(f"a PDU of {length} octets", INVALID_COMMAND_LENGTH)
            elif end - at < length:
                self._wanted = length
                break
            else:
                frames.append((command, status, sequence, data[at + HEADER_SIZE : at + length]))
                at += length
        self._rest = bytearray() if self.broken else bytearray(data[at:])
        return frames


def frame(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """One PDU."""
    return HEADER.pack(HEADER_SIZE + len(body), command, status, sequence) + body


def answer(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """The response PDU to a command."""
    return HEADER.pack(HEADER_SIZE + len(body), command | RESPONSE, status, sequence) + body


def c_string(value: bytes, most: int) -> bytes:
    """A NUL-terminated field of at most `most` octets, the NUL not counted. Raises ValueError."""
    if len(value) > most or b"\0" in value:
        raise ValueError(f"not a C-octet string of at most {most} octets")
    return value + b"\0"


def _text(body: bytes, at: int) -> tuple[bytes, int]:
    """The C-octet string at `at`, and where the next field starts."""
    end = body.find(b"\0", at)
    if end < 0:
        raise Malformed("a string without end")
    return body[at:end], end + 1


def tlvs(body: bytes, at: int) -> Mapping[int, bytes]:
    """The optional parameters from `at` on; of a repeated one the first.

    Reading ends without a word where they stop making sense: some centres pad a PDU, and its text is still good.
    """
    end = len(body)
    if end - at < 4:
        return _NOTHING
    found: dict[int, bytes] = {}
    while end - at >= 4:
        tag, length = _TLV.unpack_from(body, at)
        at += 4 + length
        if at > end:
            break
        found.setdefault(tag, body[at - length : at])
    return found


def tlv_octets(values: Mapping[int, bytes]) -> bytes:
    """Optional parameters as they stand in a PDU. Raises ValueError for one that is too long."""
    if any(len(value) > 0xFFFF for value in values.values()):
        raise ValueError("an optional parameter holds at most 65,535 octets")
    return b"".join([_TLV.pack(tag, len(value)) + value for tag, value in values.items()])


class Bind(NamedTuple):
    """bind_transmitter, bind_receiver, bind_transceiver: all alike."""

    system_id: bytes
    password: bytes
    system_type: bytes = b""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: bytes = b""

    def pack(self) -> bytes:
        """The body. Raises ValueError."""
        octets = bytes((self.interface_version, self.addr_ton, self.addr_npi))
        names = [c_string(name, MAX_NAME) for name in (self.system_id, self.password, self.system_type)]
        return b"".join([*names, octets, c_string(self.address_range, 40)])

    @classmethod
    def read(cls, body: bytes) -> Bind:
        """Raises `Malformed`."""
        system_id, at = _text(body, 0)
        password, at = _text(body, at)
        system_type, at = _text(body, at)
        version, ton, npi = _octets(body, at, 3)
        address_range, _ = _text(body, at + 3)
        return cls(system_id, password, system_type, version, ton, npi, address_range)


class BindAnswer(NamedTuple):
    """The answer to a bind; `version` is sc_interface_version, None where the centre does not tell."""

    system_id: bytes
    version: int | None = None

    def pack(self) -> bytes:
        """The body. Raises ValueError."""
        told: Mapping[int, bytes] = {} if self.version is None else {Tag.SC_INTERFACE_VERSION: bytes((self.version,))}
        return c_string(self.system_id, MAX_NAME) + tlv_octets(told)

    @classmethod
    def read(cls, body: bytes) -> BindAnswer:
        """Never fails: a refused bind often has no body."""
        system_id, _, _ = body.partition(b"\0")
        version = tlvs(body, len(system_id) + 1).get(Tag.SC_INTERFACE_VERSION)
        return cls(system_id, version[0] if version else None)


class Message(NamedTuple):
    """submit_sm and deliver_sm, alike in layout; data_sm too, its payload as `text` (see `read_data`)."""

    service_type: bytes = b""
    source_ton: int = 0
    source_npi: int = 0
    source: bytes = b""
    dest_ton: int = 0
    dest_npi: int = 0
    dest: bytes = b""
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    schedule: bytes = b""
    validity: bytes = b""
    registered_delivery: int = 0
    replace: int = 0
    data_coding: int = 0
    default_message: int = 0
    text: bytes = b""
    tlvs: Mapping[int, bytes] = _NOTHING

    def pack(self) -> bytes:
        """The body. Raises ValueError."""
        before, after = envelope(self)
        return before + c_string(self.dest, 20)[:-1] + after

    @property
    def content(self) -> bytes:
        """What was said, wherever it stands: short_message, or message_payload where that is empty."""
        return self.text or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


# In one step of C. The standard's lengths are not insisted on: the frame is bounded, and some centres exceed them.
_ADDRESSES = rb"([^\0]*+)\0(.)(.)([^\0]*+)\0(.)(.)([^\0]*+)\0"
_MESSAGE = re.compile(_ADDRESSES + rb"(.)(.)(.)([^\0]*+)\0([^\0]*+)\0(.)(.)(.)(.)(.)", re.DOTALL)
_DATA = re.compile(_ADDRESSES + rb"(.)(.)(.)", re.DOTALL)


def read_message(body: bytes) -> Message:
    """A submit_sm or deliver_sm. Raises `Malformed`."""
    fields = _MESSAGE.match(body)
    if fields is None:
        raise Malformed("a message whose fields are cut off")
    service, ston, snpi, source, dton, dnpi, dest, esm, pid, prio, sched, valid, reg, repl, dcs, dflt, size = (
        fields.groups()
    )
    start = fields.end()
    end = start + size[0]
    if end > len(body):
        raise Malformed("a text shorter than its length")
    return Message(
        service,
        ston[0],
        snpi[0],
        source,
        dton[0],
        dnpi[0],
        dest,
        esm[0],
        pid[0],
        prio[0],
        sched,
        valid,
        reg[0],
        repl[0],
        dcs[0],
        dflt[0],
        body[start:end],
        tlvs(body, end) if end < len(body) else _NOTHING,
    )


def read_data(body: bytes) -> Message:
    """A data_sm: fewer fields, and the text is an optional parameter. Raises `Malformed`."""
    fields = _DATA.match(body)
    if fields is None:
        raise Malformed("a data_sm whose fields are cut off")
    service, ston, snpi, source, dton, dnpi, dest, esm, reg, dcs = fields.groups()
    return Message(
        service,
        ston[0],
        snpi[0],
        source,
        dton[0],
        dnpi[0],
        dest,
        esm[0],
        registered_delivery=reg[0],
        data_coding=dcs[0],
        tlvs=tlvs(body, fields.end()),
    )


def pack_data(message: Message) -> bytes:
    """A data_sm body from what a data_sm has of a message: the text goes as message_payload. Raises ValueError."""
    source = bytes((message.source_ton, message.source_npi)) + c_string(message.source, 64)
    dest = bytes((message.dest_ton, message.dest_npi)) + c_string(message.dest, 64)
    rest = bytes((message.esm_class, message.registered_delivery, message.data_coding))
    options = {Tag.MESSAGE_PAYLOAD: message.text, **message.tlvs} if message.text else message.tlvs
    return c_string(message.service_type, 5) + source + dest + rest + tlv_octets(options)


def envelope(message: Message) -> tuple[bytes, bytes]:
    """The body before and after the destination: the same for everyone who gets this text. Raises ValueError.

    A body is `before + destination + after`, and optional parameters may follow it.
    """
    if len(message.text) > MAX_SHORT_MESSAGE:
        raise ValueError(f"a short_message holds at most {MAX_SHORT_MESSAGE} octets")
    before = (
        c_string(message.service_type, 5)
        + bytes((message.source_ton, message.source_npi))
        + c_string(message.source, 20)
        + bytes((message.dest_ton, message.dest_npi))
    )
    after = (
        b"\0"
        + bytes((message.esm_class, message.protocol_id, message.priority))
        + c_string(message.schedule, 16)
        + c_string(message.validity, 16)
        + bytes((message.registered_delivery, message.replace, message.data_coding, message.default_message))
        + bytes((len(message.text),))
        + message.text
        + tlv_octets(message.tlvs)
    )
    return before, after


def message_id(body: bytes) -> bytes:
    """The id in a submit_sm_resp, deliver_sm_resp or data_sm_resp; empty where there is none."""
    return body.partition(b"\0")[0]


class Query(NamedTuple):
    """query_sm."""

    message_id: bytes
    source_ton: int
    source_npi: int
    source: bytes

    def pack(self) -> bytes:
        """The body. Raises ValueError."""
        return c_string(self.message_id, 64) + bytes((self.source_ton, self.source_npi)) + c_string(self.source, 20)

    @classmethod
    def read(cls, body: bytes) -> Query:
        """Raises `Malformed`."""
        id_, at = _text(body, 0)
        ton, npi = _octets(body, at, 2)
        source, _ = _text(body, at + 2)
        return cls(id_, ton, npi, source)


class QueryAnswer(NamedTuple):
    """query_sm_resp: `state` as in message_state."""

    message_id: bytes
    final_date: bytes
    state: int
    error: int

    def pack(self) -> bytes:
        """The body. Raises ValueError."""
        return c_string(self.message_id, 64) + c_string(self.final_date, 16) + bytes((self.state, self.error))

    @classmethod
    def read(cls, body: bytes) -> QueryAnswer:
        """Raises `Malformed`."""
        id_, at = _text(body, 0)
        date, at = _text(body, at)
        state, error = _octets(body, at, 2)
        return cls(id_, date, state, error)


class Outbind(NamedTuple):
    """The centre's call to bind."""

    system_id: bytes
    password: bytes

    def pack(self) -> bytes:
        """The body. Raises ValueError."""
        return c_string(self.system_id, MAX_NAME) + c_string(self.password, MAX_NAME)

    @classmethod
    def read(cls, body: bytes) -> Outbind:
        """Raises `Malformed`."""
        system_id, at = _text(body, 0)
        password, _ = _text(body, at)
        return cls(system_id, password)


def _octets(body: bytes, at: int, count: int) -> bytes:
    found = body[at : at + count]
    if len(found) < count:
        raise Malformed("fields are cut off")
    return found
