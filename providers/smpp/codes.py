"""Numbers of the protocol: commands, optional parameters, and every command_status with what it means for a message.

Source: SMPP 3.4 (5.1.2, 5.1.3, 5.3.2) and 5.0 (4.7.5, 4.7.6), as written in two independent codecs. See
docs/providers/smpp.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

RESPONSE = 0x80000000  # an answer is the command with this bit


class Command(IntEnum):
    """command_id, without answers; those that we neither send nor answer are left out."""

    BIND_RECEIVER = 0x1
    BIND_TRANSMITTER = 0x2
    QUERY_SM = 0x3
    SUBMIT_SM = 0x4
    DELIVER_SM = 0x5
    UNBIND = 0x6
    BIND_TRANSCEIVER = 0x9
    OUTBIND = 0xB
    ENQUIRE_LINK = 0x15
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103
    GENERIC_NACK = 0x80000000


class Tag(IntEnum):
    """Optional parameters that we write or read."""

    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427
    CONGESTION_STATE = 0x0428


class Kind(StrEnum):
    """What a command_status says of the message that it answers. Any but `OK` and `AMBIGUOUS`: it was not taken."""

    OK = "ok"
    THROTTLE = "throttle"  # slow down; the message may be sent again later
    TRANSIENT = "transient"  # sent again a few times
    RECIPIENT = "recipient"  # this number cannot be texted
    REJECTED = "rejected"  # turned away, and it would be again
    REQUEST = "request"  # not understood: ours to mend
    ACCOUNT = "account"  # credentials, brandname, contract: a person must act
    SESSION = "session"  # the link is not in the state for it: bind again
    AMBIGUOUS = "ambiguous"  # some carriers send it for messages that they did take


@dataclass(frozen=True, slots=True)
class Status:
    """A command_status: its name in the standard, without ESME_, and what it means."""

    name: str
    kind: Kind


STATUSES: Mapping[int, Status] = {
    0x00: Status("ROK", Kind.OK),
    0x01: Status("RINVMSGLEN", Kind.REQUEST),
    0x02: Status("RINVCMDLEN", Kind.REQUEST),
    0x03: Status("RINVCMDID", Kind.REQUEST),
    0x04: Status("RINVBNDSTS", Kind.SESSION),
    0x05: Status("RALYBND", Kind.SESSION),
    0x06: Status("RINVPRTFLG", Kind.REQUEST),
    0x07: Status("RINVREGDLVFLG", Kind.REQUEST),
    0x08: Status("RSYSERR", Kind.TRANSIENT),
    0x0A: Status("RINVSRCADR", Kind.ACCOUNT),
    0x0B: Status("RINVDSTADR", Kind.RECIPIENT),
    0x0C: Status("RINVMSGID", Kind.REQUEST),
    0x0D: Status("RBINDFAIL", Kind.ACCOUNT),
    0x0E: Status("RINVPASWD", Kind.ACCOUNT),
    0x0F: Status("RINVSYSID", Kind.ACCOUNT),
    0x11: Status("RCANCELFAIL", Kind.REQUEST),
    0x13: Status("RREPLACEFAIL", Kind.REQUEST),
    0x14: Status("RMSGQFUL", Kind.THROTTLE),
    0x15: Status("RINVSERTYP", Kind.ACCOUNT),
    0x33: Status("RINVNUMDESTS", Kind.REQUEST),
    0x34: Status("RINVDLNAME", Kind.REQUEST),
    0x40: Status("RINVDESTFLAG", Kind.REQUEST),
    0x42: Status("RINVSUBREP", Kind.REQUEST),
    0x43: Status("RINVESMCLASS", Kind.REQUEST),
    0x44: Status("RCNTSUBDL", Kind.REQUEST),
    0x45: Status("RSUBMITFAIL", Kind.TRANSIENT),
    0x48: Status("RINVSRCTON", Kind.REQUEST),
    0x49: Status("RINVSRCNPI", Kind.REQUEST),
    0x50: Status("RINVDSTTON", Kind.REQUEST),
    0x51: Status("RINVDSTNPI", Kind.REQUEST),
    0x53: Status("RINVSYSTYP", Kind.ACCOUNT),
    0x54: Status("RINVREPFLAG", Kind.REQUEST),
    0x55: Status("RINVNUMMSGS", Kind.REQUEST),
    0x58: Status("RTHROTTLED", Kind.THROTTLE),
    0x61: Status("RINVSCHED", Kind.REQUEST),
    0x62: Status("RINVEXPIRY", Kind.REQUEST),
    0x63: Status("RINVDFTMSGID", Kind.REQUEST),
    0x64: Status("RX_T_APPN", Kind.TRANSIENT),
    0x65: Status("RX_P_APPN", Kind.REJECTED),
    0x66: Status("RX_R_APPN", Kind.REJECTED),
    0x67: Status("RQUERYFAIL", Kind.REQUEST),
    0xC0: Status("RINVOPTPARSTREAM", Kind.REQUEST),
    0xC1: Status("ROPTPARNOTALLWD", Kind.REQUEST),
    0xC2: Status("RINVPARLEN", Kind.REQUEST),
    0xC3: Status("RMISSINGOPTPARAM", Kind.REQUEST),
    0xC4: Status("RINVOPTPARAMVAL", Kind.REQUEST),
    0xFE: Status("RDELIVERYFAILURE", Kind.TRANSIENT),
    0xFF: Status("RUNKNOWNERR", Kind.AMBIGUOUS),
    0x100: Status("RSERTYPUNAUTH", Kind.ACCOUNT),
    0x101: Status("RPROHIBITED", Kind.ACCOUNT),
    0x102: Status("RSERTYPUNAVAIL", Kind.TRANSIENT),
    0x103: Status("RSERTYPDENIED", Kind.ACCOUNT),
    0x104: Status("RINVDCS", Kind.REQUEST),
    0x105: Status("RINVSRCADDRSUBUNIT", Kind.REQUEST),
    0x106: Status("RINVDSTADDRSUBUNIT", Kind.REQUEST),
    0x107: Status("RINVBCASTFREQINT", Kind.REQUEST),
    0x108: Status("RINVBCASTALIAS_NAME", Kind.REQUEST),
    0x109: Status("RINVBCASTAREAFMT", Kind.REQUEST),
    0x10A: Status("RINVNUMBCAST_AREAS", Kind.REQUEST),
    0x10B: Status("RINVBCASTCNTTYPE", Kind.REQUEST),
    0x10C: Status("RINVBCASTMSGCLASS", Kind.REQUEST),
    0x10D: Status("RBCASTFAIL", Kind.REQUEST),
    0x10E: Status("RBCASTQUERYFAIL", Kind.REQUEST),
    0x10F: Status("RBCASTCANCELFAIL", Kind.REQUEST),
    0x110: Status("RINVBCAST_REP", Kind.REQUEST),
    0x111: Status("RINVBCASTSRVGRP", Kind.REQUEST),
    0x112: Status("RINVBCASTCHANIND", Kind.REQUEST),
}

OK = 0x00
INVALID_MESSAGE_LENGTH = 0x01
INVALID_COMMAND_LENGTH = 0x02
INVALID_COMMAND = 0x03
INVALID_BIND_STATUS = 0x04
SYSTEM_ERROR = 0x08
INVALID_PASSWORD = 0x0E
QUEUE_FULL = 0x14
THROTTLED = 0x58
TEMPORARY_APP_ERROR = 0x64


def status_name(code: int) -> str:
    """`0x58 RTHROTTLED`; a number that is not in the table stands alone."""
    known = STATUSES.get(code)
    return f"0x{code:02X} {known.name}" if known else f"0x{code:02X}"
