"""dispatcher demo: the main job, watched from the first line to the audit."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from campaigns import places
from dispatcher import logs
from dispatcher.cli.picture import picture_grid
from dispatcher.cli.terminal import AsJson, give, number, out, table
from dispatcher.demo.play import Outcome, Play, Scene
from dispatcher.demo.stage import Stage, Wire, set_up
from dispatcher.errors import UserError
from dispatcher.household import background, children
from dispatcher.lifecycle import Status
from dispatcher.supervisor import Supervisor
from dispatcher.words import NETWORK_WORDS, STATUS_WORDS


def demo(
    folder: Annotated[Path, typer.Option(help="Thư mục của bản trình diễn; dữ liệu lần trước sẽ bị xóa.")] = Path(
        "var/demo"
    ),
    people: Annotated[int, typer.Option(min=50, max=1_000_000, help="Số dòng của danh sách.")] = 10_000,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Số tiến trình gửi.")] = 1,
    over: Annotated[Wire, typer.Option(help="Giao thức của nhà mạng giả lập.")] = Wire.ESMS,
    as_json: AsJson = False,
) -> None:
    """Trình diễn: chiến dịch tháng 6 gửi tới 10.000 người ở Lạng Sơn qua nhà mạng giả lập, rồi đối chiếu từng số."""
    logs.configure("console", quiet=True)
    with set_up(folder, workers, over) as stage:
        outcome = _perform(stage, people, quiet=as_json)
    if as_json:
        give(summary(outcome))
    else:
        _report(outcome, stage)
    if not outcome.good:
        raise typer.Exit(1)


def _perform(stage: Stage, people: int, *, quiet: bool) -> Outcome:
    processes = Supervisor(children(stage.settings, stage.environment), log_folder=stage.folder / "log")
    with Live(console=out, auto_refresh=False, transient=True) as live, ExitStack() as running:

        def show(scene: Scene) -> None:
            if processes.failure:
                raise UserError(f"Tiến trình {processes.failure.name} không chạy được; xem {processes.failure.log}")
            if scene.headline and not quiet:
                live.console.print(f"[bold cyan]▸[/] {scene.headline}")
            if scene.view and not quiet:
                live.update(picture_grid(scene.view), refresh=True)

        outcome = asyncio.run(Play(stage, people, show).run(lambda: running.enter_context(background(processes))))
        live.update(Text(""), refresh=True)
    return outcome


def summary(outcome: Outcome) -> dict[str, Any]:
    """The outcome for machines."""
    audience = outcome.imported.audience
    return {
        "good": outcome.good,
        "lines": audience.lines,
        "accepted": audience.accepted,
        "duplicate": audience.duplicate,
        "rejected": audience.rejected,
        "recipients": audience.recipients,
        "planned": outcome.view.planned,
        "counts": outcome.view.counts,
        "segments": outcome.view.segments,
        "looks": outcome.looks,
        "always_accounted": outcome.always_accounted,
        "compared": outcome.finding.compared,
        "taken_by_carrier": outcome.finding.taken,
        "twice": outcome.finding.twice,
        "differences": outcome.finding.differences,
        "export": outcome.export,
    }


def _report(outcome: Outcome, stage: Stage) -> None:
    for part in (_roster, _outcomes, _audit):
        part(outcome)
    out.print(f"\nTệp: {stage.folder}/ (nhật ký: {outcome.export.name}, sổ của nhà mạng giả lập: {stage.ledger.name})")
    out.print("Thử tiếp, với dữ liệu của bản trình diễn:")
    at = f"DISPATCHER_ENV_FILE={stage.env_file} {Path(sys.argv[0])}"
    for command in (
        f"campaign show {outcome.view.campaign}",
        f"log search --campaign {outcome.view.campaign} --status undelivered --limit 5",
        f"log export {outcome.view.campaign} --format parquet -o nhat-ky.parquet",
    ):
        out.print(f"  {at} {command}", soft_wrap=True)


def _roster(outcome: Outcome) -> None:
    audience = outcome.imported.audience
    out.print(
        f"\nDanh sách: {number(audience.lines)} dòng = {number(audience.accepted)} nhận + {number(audience.duplicate)} trùng"
        f" + {number(audience.rejected)} loại; {number(audience.recipients)} người nhận, mỗi người một tin mỗi đợt."
    )


def _outcomes(outcome: Outcome) -> None:
    networks = sorted({value for value, _ in outcome.by_network})
    present = [s for s in STATUS_WORDS if outcome.view.counts.get(s)]
    columns = ("nhà mạng", "tin", *(STATUS_WORDS[s] for s in present))
    rows = [_row(NETWORK_WORDS.get(n, n), n, outcome.by_network, present) for n in networks]
    total = ("cộng", outcome.view.planned, *(outcome.view.counts[s] for s in present))
    table("Kết quả theo nhà mạng", columns, [*rows, total])
    names = places.areas()
    codes = sorted(
        {value for value, _ in outcome.by_commune}, key=lambda code: names[code].name if code in names else ""
    )
    rows = [_row(names[c].name if c in names else "chưa rõ", c, outcome.by_commune, present) for c in codes]
    table("Kết quả theo xã, phường", ("xã, phường", *columns[1:]), rows)


def _row(label: str, value: str, counted: dict[tuple[str, str], int], present: list[Status]) -> tuple[Any, ...]:
    counts = [counted.get((value, status), 0) for status in present]
    return label, sum(counts), *counts


def _audit(outcome: Outcome) -> None:
    finding, view = outcome.finding, outcome.view
    everybody = "[green]đủ[/]" if view.accounted and outcome.always_accounted else "[bold red]KHÔNG ĐỦ[/]"
    out.print(
        f"\nĐã lập {number(view.planned)} tin = tổng các trạng thái: {everybody} (xem {outcome.looks} lần khi đang chạy)."
    )
    out.print(
        f"Đối chiếu {number(finding.compared)} tin với sổ của nhà mạng: nhà mạng nhận {number(finding.taken)} tin."
    )
    twice = "[green]không ai[/]" if not finding.twice else f"[bold red]{finding.twice} người[/]"
    out.print(f"Nhận hai lần cùng một tin: {twice}. Khác nhau: {len(finding.differences)}.")
    for difference in finding.differences[:10]:
        out.print(f"  {difference}", markup=False)
