"""The command line: one file a noun."""

from __future__ import annotations

import importlib.metadata
import signal
from types import FrameType
from typing import Annotated, NoReturn

import psycopg
import psycopg_pool
import redis
import typer

from campaigns.problems import DefinitionError
from dispatcher.cli import (
    adopt,
    approving,
    audience,
    campaign,
    complaint,
    demo,
    drafting,
    drill,
    inbox,
    keys,
    log,
    order,
    place,
    reconcile,
    rehearsing,
    report,
    retention,
    route,
    sealed,
    services,
    statement,
    suppress,
    text,
    token,
    user,
    webhook,
)
from dispatcher.cli.terminal import fail, os_words, out
from dispatcher.errors import UserError
from providers.errors import ProviderError

app = typer.Typer(
    name="dispatcher",
    help="Gửi SMS và Zalo tuyên truyền: đúng người, đúng giờ, không ai nhận hai lần, có nhật ký để kiểm tra.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (drafting.new, drafting.clone, drafting.add, drafting.theme, drafting.calendar):
    campaign.app.command()(command)
for verb in (
    rehearsing.rehearse,
    approving.review,
    approving.approve,
    approving.confirm,
    approving.withdraw,
    approving.forecast,
):
    campaign.app.command()(verb)
for of_log in (sealed.seal, sealed.checkpoint, sealed.sealed_export, sealed.verify):
    log.app.command()(of_log)
route.app.command()(reconcile.reconcile)
app.add_typer(campaign.app, name="campaign")
app.add_typer(text.app, name="text")
app.add_typer(audience.app, name="audience")
app.add_typer(place.app, name="place")
app.add_typer(suppress.app, name="suppress")
app.add_typer(complaint.app, name="complaint")
app.add_typer(inbox.app, name="inbox")
app.add_typer(route.app, name="route")
app.add_typer(order.app, name="order")
app.add_typer(log.app, name="log")
app.add_typer(report.app, name="report")
app.add_typer(report.activity, name="activity")
app.add_typer(token.app, name="token")
app.add_typer(user.app, name="user")
app.add_typer(webhook.app, name="webhook")
app.add_typer(statement.app, name="statement")
app.add_typer(keys.app, name="keys")
app.add_typer(retention.app, name="retention")
app.add_typer(retention.person, name="person")
for service in (
    services.up,
    services.web,
    services.worker,
    services.clock,
    services.migrate,
    adopt.adopt,
    demo.demo,
    drill.drill,
):
    app.command()(service)


def _version(asked: bool) -> None:
    if asked:
        out.print(importlib.metadata.version("dispatcher"))
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", help="In phiên bản rồi thoát.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Options before the command; `version` is dealt with by its callback."""


def main() -> None:
    """Run a command: 0 it worked, 1 it failed, 2 it was called wrongly; a person never sees a traceback."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        app()
    except (UserError, DefinitionError, ProviderError) as error:
        fail(str(error))
    except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
        fail(f"Mất kết nối cơ sở dữ liệu: {str(error).strip().splitlines()[0]}")
    except redis.RedisError as error:
        fail(f"Mất kết nối Valkey/Redis: {error}")
    except OSError as error:
        fail(os_words(error))


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End as after an exception, so that embedded servers that nobody else uses are stopped."""
    raise SystemExit(128 + signal.SIGTERM)
