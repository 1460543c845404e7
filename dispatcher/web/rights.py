"""Who may do what: one table, asked for every page."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from dispatcher.accounts import RELEASERS, REVEALERS, ROLE_WORDS, STATEMENT_CLERKS, Role


class Action(StrEnum):
    """What a page lets somebody do. The first three are no right: how far somebody has come in."""

    OUTSIDE = "outside"  # anybody, signed in or not
    HALFWAY = "halfway"  # whoever has given a password, and not yet the second factor
    INSIDE = "inside"  # whoever is signed in

    SEE_FIGURES = "see_figures"
    SEE_CAMPAIGN = "see_campaign"
    WRITE_CAMPAIGN = "write_campaign"
    APPROVE = "approve"
    STOP = "stop"
    RUN = "run"
    TRY_TEXT = "try_text"
    REHEARSE = "rehearse"
    SEE_AUDIENCES = "see_audiences"
    IMPORT_AUDIENCE = "import_audience"
    SEE_DOUBTS = "see_doubts"
    DECIDE_DOUBTS = "decide_doubts"
    READ_INBOX = "read_inbox"
    FORWARD = "forward"
    SEE_SUPPRESSIONS = "see_suppressions"
    SUPPRESS = "suppress"
    SEARCH_LOG = "search_log"
    REVEAL = "reveal"
    SEE_TRAIL = "see_trail"
    MANAGE_USERS = "manage_users"
    MANAGE_WEBHOOKS = "manage_webhooks"
    MANAGE_TOKENS = "manage_tokens"
    EXPORT_LOG = "export_log"
    SEE_SEALS = "see_seals"
    SEE_REPORTS = "see_reports"
    MAKE_REPORT = "make_report"
    SEE_ORDERS = "see_orders"
    GIVE_ORDER = "give_order"
    RUN_ORDER = "run_order"
    ANSWER_ORDER = "answer_order"
    SEE_COMPLAINTS = "see_complaints"
    TAKE_COMPLAINT = "take_complaint"
    RELEASE_PERSON = "release_person"
    SEE_STATEMENTS = "see_statements"
    ASK_STATEMENT = "ask_statement"
    RELEASE_STATEMENT = "release_statement"


A, R = Action, Role
STAFF = frozenset({R.AUTHOR, R.APPROVER, R.COORDINATOR})

RIGHTS: dict[Action, frozenset[Role]] = {
    A.SEE_FIGURES: STAFF | {R.AUDITOR, R.OBSERVER},
    A.SEE_CAMPAIGN: STAFF | {R.AUDITOR},
    A.WRITE_CAMPAIGN: frozenset({R.AUTHOR}),
    A.APPROVE: frozenset({R.APPROVER}),
    A.STOP: STAFF,
    A.RUN: frozenset({R.APPROVER, R.COORDINATOR}),
    A.TRY_TEXT: STAFF,
    A.REHEARSE: STAFF,
    A.SEE_AUDIENCES: STAFF | {R.AUDITOR},
    A.IMPORT_AUDIENCE: frozenset({R.AUTHOR, R.COORDINATOR}),
    A.SEE_DOUBTS: frozenset({R.APPROVER, R.COORDINATOR, R.AUDITOR}),
    A.DECIDE_DOUBTS: frozenset({R.COORDINATOR}),
    A.READ_INBOX: frozenset({R.COORDINATOR, R.AUDITOR}),
    A.FORWARD: frozenset({R.COORDINATOR}),
    A.SEE_SUPPRESSIONS: frozenset({R.AUTHOR, R.COORDINATOR, R.AUDITOR}),
    A.SUPPRESS: frozenset({R.COORDINATOR}),
    A.SEARCH_LOG: frozenset({R.AUDITOR}),
    A.REVEAL: REVEALERS,
    A.SEE_TRAIL: frozenset({R.AUDITOR, R.ADMINISTRATOR}),
    A.MANAGE_USERS: frozenset({R.ADMINISTRATOR}),
    A.MANAGE_WEBHOOKS: frozenset({R.ADMINISTRATOR}),
    A.MANAGE_TOKENS: frozenset({R.ADMINISTRATOR}),
    A.EXPORT_LOG: frozenset({R.AUDITOR}),
    A.SEE_SEALS: frozenset({R.AUDITOR}),
    A.SEE_REPORTS: STAFF | {R.AUDITOR},
    A.MAKE_REPORT: frozenset({R.COORDINATOR, R.AUDITOR}),
    A.SEE_ORDERS: frozenset({R.PARTNER, R.COORDINATOR, R.AUDITOR}),
    A.GIVE_ORDER: frozenset({R.COORDINATOR}),
    A.RUN_ORDER: frozenset({R.PARTNER}),
    A.ANSWER_ORDER: frozenset({R.PARTNER, R.COORDINATOR}),
    A.SEE_COMPLAINTS: frozenset({R.COORDINATOR, R.AUDITOR}),
    A.TAKE_COMPLAINT: frozenset({R.COORDINATOR}),
    A.RELEASE_PERSON: frozenset({R.COORDINATOR}),
    A.SEE_STATEMENTS: STATEMENT_CLERKS | RELEASERS,
    A.ASK_STATEMENT: STATEMENT_CLERKS,
    A.RELEASE_STATEMENT: RELEASERS,
}


# What a token of a program may be for, as people read it.
ACTION_WORDS = {
    A.SEE_FIGURES: "xem số liệu",
    A.SEE_CAMPAIGN: "xem chiến dịch",
    A.WRITE_CAMPAIGN: "soạn chiến dịch",
    A.APPROVE: "duyệt",
    A.STOP: "dừng gửi",
    A.RUN: "bắt đầu và gửi tiếp",
    A.TRY_TEXT: "thử nội dung tin",
    A.SEE_AUDIENCES: "xem nhóm người nhận",
    A.IMPORT_AUDIENCE: "nhập danh sách số",
    A.DECIDE_DOUBTS: "quyết định tin chưa rõ",
    A.READ_INBOX: "đọc hộp thư đến",
    A.FORWARD: "chuyển tin đến",
    A.SEE_SUPPRESSIONS: "xem số từ chối nhận",
    A.SUPPRESS: "thêm số từ chối nhận",
    A.SEE_COMPLAINTS: "xem phản ánh",
    A.TAKE_COMPLAINT: "ghi và trả lời phản ánh",
    A.SEARCH_LOG: "tìm tin đã gửi",
    A.REVEAL: "hiện đủ số",
    A.EXPORT_LOG: "xuất tin đã gửi ra tệp",
    A.SEE_TRAIL: "xem nhật ký thao tác",
    A.SEE_SEALS: "xem niêm phong",
    A.SEE_REPORTS: "xem báo cáo",
    A.SEE_STATEMENTS: "xem yêu cầu bảng kê",
    A.ASK_STATEMENT: "lập yêu cầu bảng kê",
    A.SEE_ORDERS: "xem yêu cầu gửi",
    A.GIVE_ORDER: "giao yêu cầu gửi",
    A.RUN_ORDER: "nhận và chạy yêu cầu gửi",
    A.ANSWER_ORDER: "trả và nhận kết quả yêu cầu gửi",
    A.MANAGE_WEBHOOKS: "quản lý webhook",
}


def may(roles: Iterable[str], action: Action) -> bool:
    """Whether somebody with these roles who is signed in may do it."""
    return action in (A.OUTSIDE, A.INSIDE) or not RIGHTS[action].isdisjoint(roles)


def who_may(action: Action) -> list[str]:
    """The roles that may, as people read them."""
    return [ROLE_WORDS[role] for role in Role if role in RIGHTS[action]]
