"""dispatcher inbox: texts from people."""

from __future__ import annotations

import os
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher import correspondence
from dispatcher.cli.terminal import (
    ME,
    AsJson,
    By,
    Desk,
    at_desk,
    fail,
    give,
    moment,
    number,
    one_number,
    out,
    parent_folder,
    table,
)
from dispatcher.lifecycle import Status
from dispatcher.store import inbound
from dispatcher.words import STATUS_WORDS

app = typer.Typer(help="Hộp thư đến: tin người dân nhắn tới, xem và chuyển.", no_args_is_help=True)

TextId = Annotated[int, typer.Argument(metavar="MÃ-TIN", help="Mã của tin, xem bằng `dispatcher inbox list`.")]
ERASED = "đã xóa"


@app.command("list")
def list_(
    written: Annotated[str | None, typer.Option("--number", help="Chỉ tin từ số này.")] = None,
    refusals: Annotated[
        bool | None, typer.Option("--refusals/--others", help="Chỉ tin từ chối nhận, hoặc chỉ các tin khác.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Tối đa bao nhiêu tin, mới nhất trước.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Xem hộp thư đến; số được che bớt."""
    wanted = one_number(written) if written else None

    async def act(desk: Desk) -> list[dict[str, Any]]:
        person = desk.keyring.hash(wanted) if wanted else None
        async with desk.pool.connection() as connection:
            rows = await inbound.newest(connection, limit=limit, person=person, refusal=refusals)
            return await correspondence.several(connection, desk.keyring, rows)

    found = at_desk(act)
    if as_json:
        return give(found)
    columns = ("mã tin", "lúc", "từ số", "gửi tới", "nội dung", "từ chối nhận", "đã chuyển cho")
    rows = [
        (str(t["id"]), t["received_at"], t["msisdn"], t["sent_to"], t["text"], t["refusal"], t["forwarded_to"])
        for t in found
    ]
    return table(f"Hộp thư đến ({number(len(rows))} tin)", columns, rows)


@app.command()
def show(id_: TextId, as_json: AsJson = False) -> None:
    """Xem một tin; số được che bớt."""

    async def act(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            return await correspondence.one(connection, desk.keyring, id_)

    told = at_desk(act)
    return give(told) if as_json else _print(told)


@app.command()
def forward(
    id_: TextId,
    to: Annotated[str, typer.Option("--to", help="Chuyển cho ai, ví dụ: Công an phường Kỳ Lừa.")],
    reason: Annotated[str, typer.Option("--reason", help="Lý do chuyển.")] = "",
    address: Annotated[
        str | None, typer.Option("--address", help="Địa chỉ thư điện tử của nơi nhận, ghi vào tệp thư.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Ghi thành tệp thư (.eml): mở bằng phần mềm thư rồi bấm gửi."),
    ] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lấy một tin với đủ số để chuyển cho nơi giải quyết; việc này được ghi vào nhật ký thao tác."""
    if output:
        parent_folder(output)

    async def act(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            told = await correspondence.forward(connection, desk.keyring, id_, to, by, reason)
            if output:  # before the commit: what cannot be written was not handed on
                _write(output, _letter(told, address, reason))
        return {**told, "file": output} if output else told

    told = at_desk(act)
    if as_json:
        return give(told)
    if output:
        return out.print(
            f"Đã ghi thư chuyển tin {id_} cho {to} vào {output}; mở bằng phần mềm thư rồi gửi.", markup=False
        )
    return _print(told)


def _letter(told: dict[str, Any], address: str | None, reason: str) -> EmailMessage:
    """The text as a mail that is still to be sent: mail programs open it for writing."""
    mail = EmailMessage(policy=SMTPUTF8)
    try:
        mail["To"] = address or ""
    except ValueError:
        fail(f"--address {address}: không phải địa chỉ thư điện tử.", 2)
    mail["Subject"] = f"Chuyển tin nhắn của người dân, mã {told['id']}"
    mail["X-Unsent"] = "1"
    asked = f"Lý do chuyển: {reason}\n" if reason else ""
    mail.set_content(f"Kính gửi: {told['forwarded_to']}\n{asked}\n" + "\n".join(_lines(told)) + "\n", cte="8bit")
    return mail


def _write(path: Path, mail: EmailMessage) -> None:
    """For its owner's eyes only: the number is in it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(mail.as_bytes())


def _lines(told: dict[str, Any]) -> list[str]:
    """A text and what is known of it, the text last."""
    known = [
        f"Tin {told['id']}, nhận lúc {moment(told['received_at'])} qua {told['route']}",
        f"Từ số: {told['msisdn']}",
        f"Gửi tới: {told['sent_to']}",
        "Người này từ chối nhận tin, đã vào danh sách từ chối nhận." if told["refusal"] else "",
        f"Tin xác nhận từ chối: {STATUS_WORDS[Status(told['confirmation'])]}" if told["confirmation"] else "",
        "" if told["complete"] else "Tin đến thiếu phần.",
        f"Đã chuyển cho {told['forwarded_to']} ({told['forwarded_by']})" if told["forwarded_to"] else "",
    ]
    return [*filter(None, known), "", str(told["text"])]


def _print(told: dict[str, Any]) -> None:
    for line in _lines(told):
        out.print(line, markup=False)
