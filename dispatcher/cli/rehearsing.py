"""dispatcher campaign rehearse: the whole campaign over pretend carriers on a fast clock, before anybody approves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from campaigns.calendar import spoken
from dispatcher import logs
from dispatcher.cli.terminal import ME, AsJson, By, Desk, Edition, at_desk, give, number, out
from dispatcher.demo.stage import Stage
from dispatcher.errors import UserError
from dispatcher.household import background, children
from dispatcher.rehearsing.performance import State
from dispatcher.rehearsing.staging import House, keep
from dispatcher.rehearsing.staging import rehearse as played
from dispatcher.review import office, rehearsal_words
from dispatcher.supervisor import Supervisor


def rehearse(
    edition: Edition,
    speed: Annotated[
        float | None,
        typer.Option(min=1, max=3600, help="Nhanh nhất gấp mấy lần thời gian thật; mặc định theo sức máy."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Số tiến trình gửi.")] = 1,
    folder: Annotated[
        Path | None, typer.Option(help="Thư mục tạm của lần chạy thử; dữ liệu lần trước sẽ bị xóa.")
    ] = None,
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Chạy thử cả chiến dịch qua nhà mạng giả lập, đủ số người, đồng hồ chạy nhanh; không gửi tin nào cho ai."""
    logs.configure("console", quiet=True)

    async def act(desk: Desk) -> tuple[str, dict[str, Any]]:
        with Live(console=out, auto_refresh=False, transient=True) as live:
            theatre = _Theatre(live, quiet=as_json)
            house = House(
                folder or desk.settings.folder / "rehearsal", workers, speed, desk.settings.settle_seconds,
                theatre.running, theatre.show,
            )  # fmt: skip
            script, came = await played(desk.pool, edition, office(desk.settings), house)
        async with desk.pool.connection() as connection:
            return await keep(connection, script, came, by), came

    hashed, came = at_desk(act)
    if as_json:
        return give({"campaign": edition, "rehearsal": hashed, **came})
    for line in rehearsal_words(came):
        out.print(line, markup=False)
    out.print(
        f"Chạy trong {number(came['took_seconds'], 1)} giây, trung bình nhanh gấp {number(came['speed'], 2)} lần."
        f" Mã chạy thử: {hashed[:12]}"
    )
    return out.print(f"Bước tiếp: dispatcher campaign review {edition}")


class _Theatre:
    """The processes of the stage, and a line that tells how far the rehearsal is."""

    def __init__(self, live: Live, *, quiet: bool) -> None:
        self._live, self._quiet = live, quiet
        self._processes: Supervisor | None = None

    @contextmanager
    def running(self, stage: Stage) -> Iterator[None]:
        self._processes = Supervisor(children(stage.settings, stage.environment), log_folder=stage.folder / "log")
        with background(self._processes):
            yield

    def show(self, state: State) -> None:
        failed = self._processes.failure if self._processes else None
        if failed:
            raise UserError(f"Tiến trình {failed.name} không chạy được; xem {failed.log}")
        if not self._quiet:
            waiting = sum(state.waiting(wave) for wave in state.waves)
            self._live.update(Text(f"{spoken(state.now)}: còn {number(waiting)} tin"), refresh=True)
