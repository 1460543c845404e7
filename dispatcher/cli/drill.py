"""dispatcher drill: a backup tried out, without anything being sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dispatcher import drill as drilling
from dispatcher import verify_log
from dispatcher.cli.sealed import Given
from dispatcher.cli.terminal import AsJson, Desk, at_desk, fail, give, number, out, progress
from dispatcher.drill import Drilled, Trial
from dispatcher.epoch import REASONS
from dispatcher.signing import open_signing_key


def drill(
    backup: Annotated[Path, typer.Argument(metavar="TỆP", help="Bản sao lưu do pg_dump --format=custom tạo.")],
    checkpoint: Given = None,
    as_json: AsJson = False,
) -> None:
    """Thử khôi phục một bản sao lưu vào cơ sở dữ liệu tạm: kiểm tra niêm phong, chùm khóa, và rằng nó không tự gửi tin."""
    if not backup.is_file():
        fail(f"Không có tệp {backup}.")

    async def act(desk: Desk) -> Drilled:
        keys = verify_log.read_keys(open_signing_key(desk.settings.signing_path, create=True).public.written)
        given = verify_log.read_checkpoint(checkpoint.read_text("utf-8", "replace"), keys) if checkpoint else None
        with progress("Đang kiểm tra", quiet=as_json) as move:
            async with desk.guard() as guard:
                trial = Trial(desk.keyring, keys, given, guard)
                return await drilling.drill(desk.pool, desk.owner_url, backup, trial, move)

    try:
        done = at_desk(act)
    except verify_log.Unusable as error:
        fail(f"Không dùng được: {error.said.vietnamese}", 2)
    if as_json:
        give({"good": done.good, "standing": done.standing, "behind": done.behind, "unreadable": done.unreadable,
              **verify_log.told(done.chain)})  # fmt: skip
    else:
        _print(done)
    if not done.good:
        raise SystemExit(1)


def _print(done: Drilled) -> None:
    for line in verify_log.sentences(done.chain):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"Bản sao lưu thiếu {number(done.behind)} dấu niêm phong so với nhật ký đang chạy.")
    out.print(f"Chùm khóa không mở được số mã hóa bằng khóa: {', '.join(done.unreadable) or 'không có'}.", markup=False)
    if why := REASONS.get(done.standing):
        out.print(f"Nếu khôi phục thật, hệ thống không gửi tin nào cho tới khi có người chạy dispatcher adopt: {why}.")
    out.print("[green]Bản sao lưu dùng được.[/]" if done.good else "[red]Bản sao lưu KHÔNG dùng được.[/]")
