"""dispatcher log seal, checkpoint, sealed-export, verify: the sealed log, for those who must be able to trust it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dispatcher import inspection, sealing, verify_log
from dispatcher.cli.terminal import ME, AsJson, By, Desk, at_desk, fail, give, number, out, parent_folder, progress
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import audit
from dispatcher.verify_log import Chain, Checkpoint, Keys

Given = Annotated[Path | None, typer.Option("--checkpoint", help="Điểm kiểm tra đã giữ ở nơi khác.")]


def seal(as_json: AsJson = False) -> None:
    """Niêm phong ngay những dòng đang chờ (đồng hồ vẫn làm việc này vài giây một lần)."""

    async def act(desk: Desk) -> dict[str, Any]:
        key = _signing_key(desk)
        rows = await sealing.seal_all(desk.pool, key)
        text = await sealing.checkpoint(desk.pool, key, desk.settings.folder)
        return {"rows": rows, "checkpoint": text}

    done = at_desk(act)
    if as_json:
        return give(done)
    out.print(f"Đã niêm phong {number(done['rows'])} dòng.")
    out.print(done["checkpoint"] or "Nhật ký chưa có dòng nào.", markup=False)
    return None


def checkpoint(
    output: Annotated[Path, typer.Argument(metavar="TỆP", help="Tệp kết quả; khóa công khai ghi cạnh nó, đuôi .pub.")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Niêm phong tới bây giờ, ghi điểm kiểm tra và khóa công khai ra tệp để giao cho người ngoài giữ."""
    parent_folder(output)

    async def act(desk: Desk) -> tuple[str, str]:
        key = _signing_key(desk)
        async with desk.pool.connection() as connection:
            await audit.record(connection, by, "log.checkpoint", output.name)
        await sealing.seal_all(desk.pool, key)
        return await sealing.checkpoint(desk.pool, key, desk.settings.folder) or "", key.public.written

    text, public = at_desk(act)
    beside = output.with_name(f"{output.name}.pub")
    output.write_text(text, "utf-8")
    beside.write_text(f"{public}\n", "ascii")
    if as_json:
        return give({"file": output, "public_key_file": beside, "checkpoint": text})
    out.print(f"Đã ghi {output} và khóa công khai {beside}.", markup=False)
    out.print(text, markup=False)
    return None


def sealed_export(
    output: Annotated[Path, typer.Argument(metavar="TỆP", help="Tệp kết quả (.jsonl.gz).")],
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Xuất toàn bộ nhật ký cùng dấu niêm phong, để người ngoài tự kiểm tra mà không cần hệ thống này."""
    parent_folder(output)

    async def act(desk: Desk) -> dict[str, Any]:
        async with desk.pool.connection() as connection:
            await audit.record(connection, by, "log.export", "sealed", file=output.name)
        with progress("Đang xuất", quiet=as_json) as move:
            async with desk.pool.connection() as connection:
                await connection.execute(inspection.SNAPSHOT)
                return await inspection.export(connection, output, move)

    end = at_desk(act)
    if as_json:
        return give({"file": output, **end})
    waiting = sum(end["unsealed"].values())
    out.print(f"Đã ghi {number(end['rows'])} dòng, {number(end['seals'])} dấu niêm phong vào {output}.", markup=False)
    out.print(f"Chưa niêm phong nên không có trong tệp: {number(waiting)} dòng.")
    return None


def verify(
    export_file: Annotated[
        Path | None, typer.Option("--export", help="Kiểm tra tệp xuất này, không cần cơ sở dữ liệu.")
    ] = None,
    checkpoint: Given = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="Khóa công khai đã giữ ở nơi khác, mỗi dòng một khóa.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Kiểm tra nhật ký có đúng như khi niêm phong không. Thoát 0: nguyên vẹn; 1: không."""
    try:
        chain, waiting = (
            _offline(export_file, checkpoint, public_key) if export_file else _live(checkpoint, public_key, as_json)
        )
    except verify_log.Unusable as error:
        fail(f"Không dùng được: {error.said.vietnamese}", 2)
    if as_json:
        give({**verify_log.told(chain), "unsealed": waiting})
    else:
        for line in verify_log.sentences(chain):
            out.print(line, markup=False, soft_wrap=True)
        named = [f"{number(n)} {verify_log.SOURCES.get(source, source)}" for source, n in waiting.items()]
        out.print(f"Chưa niêm phong: {', '.join(named) or 'không có dòng nào'}.")
    if not chain.whole:
        raise SystemExit(1)


def _offline(export_file: Path, checkpoint: Path | None, public_key: Path | None) -> tuple[Chain, dict[str, int]]:
    if not (checkpoint and public_key):
        fail("Kiểm tra tệp xuất cần cả --checkpoint và --public-key, đã giữ ở nơi khác.", 2)
    chain, end = verify_log.verify(export_file, checkpoint, public_key)
    return chain, end.get("unsealed", {})


def _live(checkpoint: Path | None, public_key: Path | None, quiet: bool) -> tuple[Chain, dict[str, int]]:
    async def act(desk: Desk) -> tuple[Chain, dict[str, int]]:
        keys, given = _kept(desk, checkpoint, public_key)
        with progress("Đang kiểm tra", quiet=quiet) as move:
            async with desk.pool.connection() as connection:
                seen = await inspection.inspect(connection, keys, given, move)
        return seen.chain, {entry.source: entry.rows for entry in seen.unsealed}

    return at_desk(act)


def _kept(desk: Desk, checkpoint: Path | None, public_key: Path | None) -> tuple[Keys, Checkpoint | None]:
    """What the database is judged by: what was given, else what this host keeps beside it."""
    written = public_key.read_text("ascii", "replace") if public_key else _signing_key(desk).public.written
    keys, path = verify_log.read_keys(written), checkpoint or sealing.witness(desk.settings.folder)
    return keys, verify_log.read_checkpoint(path.read_text("utf-8", "replace"), keys) if path else None


def _signing_key(desk: Desk) -> SigningKey:
    return open_signing_key(desk.settings.signing_path, create=True)
