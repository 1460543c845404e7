"""dispatcher adopt: after a restored backup or a move, a person says that this is the installation that sends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from dispatcher.adoption import Adopted
from dispatcher.adoption import adopt as adopt_here
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, err, fail, give, moment, number, out
from dispatcher.epoch import REASONS, RIGHTFUL, Mark
from dispatcher.guard import Finding

WARNING = """\
Chỉ nhận lại khi hệ thống cũ đã dừng hẳn và sẽ không chạy nữa: hai hệ thống cùng chạy sẽ gửi trùng.
Những gì gửi sau khi dữ liệu được sao lưu thì cơ sở dữ liệu này không biết. Vì vậy mọi đợt đã tới giờ gửi sẽ được giữ lại,
tin đang gửi dở thành chưa rõ kết quả; đối chiếu với nhà mạng rồi cho gửi tiếp từng đợt."""


def adopt(
    reason: Annotated[str, typer.Option("--reason", help="Lý do, ghi vào nhật ký thao tác.")],
    by: By = ME,
    yes: Annotated[bool, typer.Option("--yes", help="Không hỏi lại.")] = False,
    as_json: AsJson = False,
) -> None:
    """Nhận lại hệ thống sau khi khôi phục từ bản sao lưu hoặc chuyển máy chủ; trước đó hệ thống không gửi tin nào."""
    if not reason.strip():
        fail("Cần ghi lý do (--reason): quyết định này được lưu vào nhật ký thao tác.", 2)
    if not yes and (as_json or not sys.stdin.isatty()):
        fail("Không hỏi lại được ở đây: thêm --yes nếu chắc chắn hệ thống cũ đã dừng hẳn.", 2)
    finding, adopted = at_desk(lambda desk: _adopt(desk, by, reason, asking=not yes, quiet=as_json))
    if as_json:
        give(_summary(finding, adopted))
    elif adopted is None:
        out.print("Hệ thống này vẫn là hệ thống đang chạy, không cần nhận lại; không có gì thay đổi.")
    else:
        _report(adopted)


async def _adopt(desk: Desk, by: str, why: str, *, asking: bool, quiet: bool) -> tuple[Finding, Adopted | None]:
    async with desk.guard() as guard:
        finding = await guard.find(desk.pool)
        if finding.standing in RIGHTFUL:
            return finding, None
        if not quiet:
            _describe(finding)
        if asking and not typer.confirm("Nhận hệ thống này làm hệ thống gửi tin?"):
            fail("Chưa nhận lại; hệ thống vẫn không gửi tin nào.")
        async with desk.pool.connection() as connection:
            adopted = await adopt_here(connection, finding, by, why)
        await guard.write(adopted.mark)
    return finding, adopted


def _describe(finding: Finding) -> None:
    stored = finding.stored
    since = f"hoạt động lần cuối lúc {moment(stored.renewed_at)}" if stored.renewed_at else "chưa từng ghi dấu"
    err.print(f"Cơ sở dữ liệu: {_generation(stored.mark)}, {since}.")
    err.print(f"Dấu chứng trên máy này: {_compared(finding.witnesses.file, stored.mark)}.")
    err.print(f"Dấu chứng trong Valkey/Redis: {_compared(finding.witnesses.valkey, stored.mark)}.")
    err.print(f"Kết luận: {REASONS[finding.standing]}.\n\n{WARNING}\n")


def _generation(mark: Mark | None) -> str:
    return f"thế hệ {number(mark.generation)}" if mark else "không có thế hệ"


def _compared(witness: Mark | None, mark: Mark | None) -> str:
    if witness is None:
        return "không có"
    if mark is None or witness.epoch != mark.epoch:
        return f"{_generation(witness)} của một hệ thống khác"
    return _generation(witness) if witness.in_place else f"{_generation(witness)}, chép từ nơi khác"


def _report(adopted: Adopted) -> None:
    out.print("[green]Đã nhận lại hệ thống.[/] Các tiến trình đang chạy bắt đầu làm việc trong vài giây.")
    out.print(f"Tin đang gửi dở, nay chưa rõ kết quả: {number(adopted.uncertain)}.")
    for wave in adopted.held:
        edition, _, slug = wave.partition("/")
        out.print(f"Đợt {escape(wave)} được giữ lại; gửi tiếp: dispatcher campaign resume {edition} --wave {slug}")
    for article in adopted.broadcasts:
        out.print(f"Bài gửi người quan tâm {escape(article)} chưa rõ kết quả: dispatcher broadcast settle {article}")


def _summary(finding: Finding, adopted: Adopted | None) -> dict[str, object]:
    return {
        "standing": finding.standing,
        "renewed_at": finding.stored.renewed_at,
        "adopted": adopted is not None,
        "held": adopted.held if adopted else (),
        "uncertain": adopted.uncertain if adopted else 0,
        "broadcasts": adopted.broadcasts if adopted else (),
    }
