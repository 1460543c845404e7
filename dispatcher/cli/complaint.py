"""dispatcher complaint: what people complain of, what they were sent, and what was answered."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dispatcher import complaints
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, moment, number, out, table
from dispatcher.complaints import CameBy, Given
from dispatcher.correspondence import SCOPE_WORDS, one_number
from dispatcher.lifecycle import Status
from dispatcher.store import audit
from dispatcher.store import complaints as stored
from dispatcher.store.suppressions import Refused, Scope
from dispatcher.words import STATUS_WORDS

app = typer.Typer(help="Phản ánh của người dân: ghi lại, tra tin đã gửi, trả lời.", no_args_is_help=True)

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
        return [complaints.listed(one, desk.keyring) for one in found]

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
            if await stored.find(connection, id_) is None:
                fail(f"Không có phản ánh {id_}. Xem: dispatcher complaint list")
            told = await complaints.told(connection, desk.keyring, id_, reveal=reveal)
            if reveal:
                count = len(told["messages"])
                await audit.record(connection, by, "log.reveal", f"complaint {id_}", messages=count, reason=reason)
        return told

    told = at_desk(act)
    return give(told) if as_json else _print(told)


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
