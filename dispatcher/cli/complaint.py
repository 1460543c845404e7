"""dispatcher complaint: what people complain of, what they were sent, and what was answered."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from campaigns import msisdn
from dispatcher import complaints
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, moment, number, out, table
from dispatcher.complaints import CameBy, Given
from dispatcher.correspondence import SCOPE_WORDS, one_number
from dispatcher.delivery_log import shown
from dispatcher.keyring import Keyring
from dispatcher.lifecycle import Status
from dispatcher.store import audit, confirmations, log, suppressions
from dispatcher.store import complaints as stored
from dispatcher.store.complaints import Complaint
from dispatcher.store.search import Wanted
from dispatcher.store.suppressions import Refused, Scope
from dispatcher.words import STATUS_WORDS

app = typer.Typer(help="Phản ánh của người dân: ghi lại, tra tin đã gửi, trả lời.", no_args_is_help=True)

CAME_BY_WORDS = {
    CameBy.TEXT: "tin nhắn",
    CameBy.LETTER: "đơn thư",
    CameBy.CALL: "cuộc gọi",
    CameBy.VISIT: "đến trực tiếp",
    CameBy.OTHER: "cách khác",
}
ERASED = "đã xóa"
MOST = 1000
ComplaintId = Annotated[int, typer.Argument(metavar="MÃ", help="Mã phản ánh, xem bằng `dispatcher complaint list`.")]


@app.command()
def add(
    written: Annotated[str | None, typer.Argument(metavar="[SỐ]", help="Số điện thoại của người phản ánh.")] = None,
    text: Annotated[int | None, typer.Option("--text", help="Thay cho số: mã tin trong hộp thư đến.")] = None,
    came_by: Annotated[CameBy, typer.Option("--came-by", help="Phản ánh đến bằng cách nào.")] = CameBy.CALL,
    document: Annotated[str, typer.Option("--document", help="Căn cứ: số đơn, giờ gọi, người nghe.")] = "",
    said: Annotated[str, typer.Option("--said", help="Người dân nói gì.")] = "",
    refuses: Annotated[
        Scope | None, typer.Option("--refuses", help="Từ nay không nhận: all (mọi tin), advertising, topics.")
    ] = None,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", help="Chủ đề bị từ chối, khi --refuses topics.")
    ] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Ghi một phản ánh; điều người dân từ chối có hiệu lực ngay, cả với tin đang chờ gửi."""
    if (written is None) == (text is None):
        fail("Ghi số điện thoại, hoặc --text MÃ-TIN.", 2)
    if (refuses is Scope.TOPICS) != bool(topics):
        fail("Từ chối theo chủ đề ghi --refuses topics và ít nhất một --topic.", 2)
    refused = Refused(refuses, tuple(topics or ())) if refuses else None

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            given = (
                Given(one_number(written or ""), came_by, document, said, by, refused)
                if text is None
                else await complaints.of_text(connection, desk.keyring, text, by, refused)
            )
            everybody = desk.settings.confirm_refusals == "all"
            return await complaints.take(connection, desk.keyring, given, confirm_all=everybody)

    id_ = at_desk(act)
    if as_json:
        return give({"id": id_, "refuses": refuses, "topics": topics or []})
    told = f" Từ nay không gửi {SCOPE_WORDS[refuses]} cho số này." if refuses else ""
    return out.print(f"Đã ghi phản ánh {id_}.{told} Xem tin đã gửi: dispatcher complaint show {id_}")


@app.command("list")
def list_(
    only_open: Annotated[bool, typer.Option("--open/--all", help="Chỉ phản ánh chưa trả lời, hoặc tất cả.")] = True,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Tối đa bao nhiêu, mới nhất trước.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Liệt kê các phản ánh; số được che bớt."""

    async def act(desk: Desk) -> list[dict[str, Any]]:
        async with desk.pool.connection() as connection:
            found = await stored.listing(connection, only_open=only_open, limit=limit)
        return [_told(one, desk.keyring) for one in found]

    found = at_desk(act)
    if as_json:
        return give(found)
    columns = ("mã", "lúc", "số", "đến bằng", "căn cứ", "nội dung", "tình trạng")
    keep = ("received_at", "msisdn", "came_by_words", "document", "said", "status_words")
    return table(
        f"Phản ánh ({number(len(found))})", columns, [(str(c["id"]), *(c[name] for name in keep)) for c in found]
    )


@app.command()
def show(
    id_: ComplaintId,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Hiện đủ số; việc này được ghi vào nhật ký thao tác.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Lý do cần hiện đủ số.")] = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Xem một phản ánh, mọi tin đã gửi tới số đó, và danh sách từ chối nhận ghi gì về số đó."""

    async def act(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            found = await stored.find(connection, id_)
            if found is None:
                fail(f"Không có phản ánh {id_}. Xem: dispatcher complaint list")
            rows = await log.first(connection, Wanted(msisdn_hash=found.msisdn_hash), MOST)
            listed = await suppressions.find(connection, found.msisdn_hash)
            past = await suppressions.past(connection, found.msisdn_hash)
            confirmed = await confirmations.standing(connection, [found.msisdn_hash])
            if reveal:
                await audit.record(connection, by, "log.reveal", f"complaint {id_}", messages=len(rows), reason=reason)
        return {
            **_told(found, desk.keyring, reveal=reveal),
            "messages": [{**shown(row, desk.keyring, reveal=reveal), "text": row.text} for row in rows],
            "refuses": _refusal(listed) if listed else None,
            "refused_before": [{**_refusal(one), "until": one.ended_at} for one in past],
            "confirmation": confirmed.get(found.msisdn_hash),
        }

    told = at_desk(act)
    return give(told) if as_json else _print(told)


def _refusal(one: suppressions.Suppression | suppressions.Past) -> dict[str, Any]:
    return {
        "scope": one.scope,
        "topics": one.topics,
        "reason": one.reason,
        "source": one.source,
        "proof": one.proof,
        "added_by": one.added_by,
        "added_at": one.added_at,
    }


@app.command()
def answer(
    id_: ComplaintId,
    text: Annotated[str, typer.Argument(metavar="TRẢ-LỜI", help="Đã trả lời người dân thế nào.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Ghi lại đã trả lời thế nào; phản ánh coi như xong. Việc này không gửi tin nào."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            await complaints.answer(connection, id_, text, by)

    at_desk(act)
    return give({"id": id_, "status": "answered"}) if as_json else out.print(f"Đã ghi trả lời cho phản ánh {id_}.")


def _told(one: Complaint, keyring: Keyring, *, reveal: bool = False) -> dict[str, Any]:
    return {
        "id": one.id,
        "received_at": one.received_at,
        "msisdn": _person(one, keyring, reveal=reveal),
        "came_by": one.came_by,
        "came_by_words": CAME_BY_WORDS[CameBy(one.came_by)],
        "document": one.document,
        "said": one.said,
        "taken_by": one.taken_by,
        "status": "answered" if one.answer else "open",
        "status_words": "đã trả lời" if one.answer else "chưa trả lời",
        "answer": one.answer,
        "answered_by": one.answered_by,
        "answered_at": one.answered_at,
    }


def _person(one: Complaint, keyring: Keyring, *, reveal: bool) -> str:
    if one.cipher is None or one.key_id is None:
        return ERASED
    person = keyring.decrypt(one.cipher, one.msisdn_hash, one.key_id)
    return msisdn.spoken(person) if reveal else msisdn.mask(person)


def _print(told: dict[str, Any]) -> None:
    lines = [
        f"Phản ánh {told['id']}, lúc {moment(told['received_at'])}, bằng {told['came_by_words']}: {told['document']}",
        f"Số: {told['msisdn']}; người ghi: {told['taken_by']}",
        told["said"],
        f"Đã trả lời ({told['answered_by']}, {moment(told['answered_at'])}): {told['answer']}"
        if told["answer"]
        else "Chưa trả lời.",
        _refusal_words(told["refuses"]) if told["refuses"] else "Số này không có trong danh sách từ chối nhận.",
        *(f"{_refusal_words(one)}, tới {moment(one['until'])}" for one in told["refused_before"]),
        f"Tin xác nhận từ chối: {STATUS_WORDS[Status(told['confirmation'])]}" if told["confirmation"] else "",
    ]
    for line in filter(None, lines):
        out.print(line, markup=False)
    rows = [
        (row["campaign"], row["wave"], STATUS_WORDS[Status(row["status"])], row["submitted_at"], row["text"])
        for row in told["messages"]
    ]
    table(
        f"Đã gửi tới số này ({number(len(rows))} tin)", ("chiến dịch", "đợt", "trạng thái", "gửi lúc", "nội dung"), rows
    )


def _refusal_words(one: dict[str, Any]) -> str:
    topics = f" {', '.join(one['topics'])}" if one["topics"] else ""
    proof = f", {one['proof']}" if one["proof"] else ""
    since = f"từ {moment(one['added_at'])} ({one['reason']}{proof}; {one['added_by']})"
    return f"Không nhận {SCOPE_WORDS[one['scope']]}{topics} {since}"
