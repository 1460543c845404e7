"""dispatcher statement: the messages that we sent to one number, for a competent authority; two people, and a proof."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from campaigns.calendar import VIETNAM
from dispatcher import statement, verify_log
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, parent_folder, table
from dispatcher.reports import making
from dispatcher.settings import load_settings
from dispatcher.signing import open_signing_key
from dispatcher.statement import Asked, Means, Released
from dispatcher.store import statements
from dispatcher.store.statements import Request

app = typer.Typer(
    help="Bảng kê tin nhắn đã gửi tới một số, theo yêu cầu của cơ quan có thẩm quyền.", no_args_is_help=True
)

Number = Annotated[str, typer.Option("--number", help="Số thuê bao trong văn bản yêu cầu.")]
RequestId = Annotated[int, typer.Argument(metavar="SỐ-YÊU-CẦU", help="Xem statement list.")]
DAY = ["%Y-%m-%d"]


@app.command()
def ask(
    number_: Number,
    starts: Annotated[datetime, typer.Option("--from", formats=DAY, help="Từ ngày, dạng 2026-01-01.")],
    ends: Annotated[datetime, typer.Option("--to", formats=DAY, help="Đến hết ngày.")],
    authority: Annotated[str, typer.Option("--authority", help="Cơ quan yêu cầu.")],
    document: Annotated[str, typer.Option("--document", help="Số, ký hiệu văn bản yêu cầu.")],
    dated: Annotated[datetime, typer.Option("--dated", formats=DAY, help="Ngày của văn bản yêu cầu.")],
    basis: Annotated[str, typer.Option("--basis", help="Căn cứ pháp luật ghi trong văn bản.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Lập yêu cầu theo văn bản; người khác cho xuất bằng statement release."""
    asked = Asked(number_, starts.date(), ends.date(), authority, document, dated.date(), basis)

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            return await statement.ask(connection, desk.keyring, asked, by)

    entered = at_desk(act)
    if as_json:
        return give({"request": entered})
    return out.print(
        f"Đã ghi yêu cầu số {entered}. Người khác kiểm tra văn bản rồi cho xuất: dispatcher statement release {entered}"
    )


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Các yêu cầu bảng kê; không hiện số."""

    async def act(desk: Desk) -> list[Request]:
        async with desk.pool.connection() as connection:
            return await statements.listing(connection)

    found = at_desk(act)
    if as_json:
        return give(
            [{name: v for name, v in dataclasses.asdict(one).items() if name != "msisdn_hash"} for one in found]
        )
    columns = ("số", "cơ quan yêu cầu", "văn bản", "kỳ", "người lập", "người cho xuất", "xuất lúc")
    rows = [
        (r.id, r.authority, f"{r.document} ({r.document_date:%d/%m/%Y})", f"{r.starts:%d/%m/%Y} - {r.ends:%d/%m/%Y}",
         r.asked_by, r.released_by, r.released_at)
        for r in found
    ]  # fmt: skip
    return table("Yêu cầu bảng kê tin nhắn", columns, rows)


@app.command()
def release(
    request: RequestId,
    number_: Number,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Công văn .docx; bản .pdf, trích lục và khóa ghi cạnh nó.")
    ],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Cho xuất bảng kê: người khác người lập, nhập lại số từ văn bản. Ghi công văn, trích lục có ký, điểm kiểm tra, khóa."""
    parent_folder(output)
    output, extract = output.with_suffix(".docx"), output.with_suffix(".extract.jsonl")
    beside = (output.with_suffix(ending) for ending in (".checkpoint.txt", ".pub"))
    written = (output, output.with_suffix(".pdf"), extract, *beside)
    office = making.load(load_settings().reports).office(datetime.now(VIETNAM).date())

    def write(made: Released) -> None:
        for path, content in zip(written, made.contents(), strict=True):
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_bytes(content)

    async def act(desk: Desk) -> Released:
        signing = open_signing_key(desk.settings.signing_path, create=True)
        means = Means(desk.keyring, signing, office, extract.name, write)
        return await statement.release(desk.pool, means, request, number_, by)

    made = at_desk(act)
    if as_json:
        return give({"messages": made.messages, "unproved": made.unproved, "files": [str(path) for path in written]})
    out.print(f"Đã ghi {', '.join(str(path) for path in written)}: {number(made.messages)} tin.", markup=False)
    if made.unproved:
        out.print(f"Không chứng minh được bằng niêm phong: {', '.join(made.unproved)}.", markup=False)
    return out.print("Chỉ gồm tin do hệ thống này gửi. Đọc lại, trình ký; số và ngày do văn thư ghi.")


@app.command()
def verify(
    extract: Annotated[Path, typer.Argument(metavar="TRÍCH-LỤC", help="Tệp .extract.jsonl.")],
    checkpoint: Annotated[Path, typer.Option("--checkpoint", help="Điểm kiểm tra đã giữ ở nơi khác.")],
    public_key: Annotated[Path, typer.Option("--public-key", help="Khóa công khai đã giữ ở nơi khác.")],
    as_json: AsJson = False,
) -> None:
    """Kiểm tra một trích lục, không cần cơ sở dữ liệu. Thoát 0: đúng; 1: không; 2: tệp không dùng được."""
    try:
        found = verify_log.verify_extract(extract, checkpoint, public_key)
    except verify_log.Unusable as error:
        fail(f"Không dùng được: {error.said.vietnamese}", 2)
    if as_json:
        give(verify_log.extract_told(found))
    else:
        for line in verify_log.extract_sentences(found):
            out.print(line, markup=False, soft_wrap=True)
    if found.problems:
        raise SystemExit(1)
