"""The command line: one file a noun, read only when it is called for."""

from __future__ import annotations

import importlib
import importlib.metadata
import signal
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any, NoReturn

import psycopg
import psycopg_pool
import redis
import typer
from typer.core import TyperCommand, TyperGroup

from campaigns.problems import DefinitionError
from dispatcher.cli.terminal import fail, os_words, out
from dispatcher.errors import UserError
from providers.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is (`file:name`), and what it says of itself."""

    where: str
    help: str


# Reading all of them takes longer than most commands; the words stand here too, so that the list needs none of them.
COMMANDS = {
    "up": Place("services:up", "Chạy tất cả: cơ sở dữ liệu, hàng đợi, web, worker, đồng hồ. Dừng bằng Ctrl-C."),
    "web": Place("web:web", "Chạy phần web: các trang, API, và nhận báo nhận từ nhà mạng."),
    "worker": Place("worker:worker", "Chạy một tiến trình gửi tin."),
    "clock": Place("clock:clock", "Chạy đồng hồ: tìm việc tới hạn và đưa vào hàng đợi."),
    "migrate": Place("services:migrate", "Cập nhật cấu trúc cơ sở dữ liệu của DISPATCHER_DATABASE_URL."),
    "adopt": Place(
        "adopt:adopt",
        "Nhận lại hệ thống sau khi khôi phục từ bản sao lưu hoặc chuyển máy chủ; trước đó hệ thống không gửi tin nào.",
    ),
    "demo": Place(
        "demo:demo",
        "Trình diễn: chiến dịch tháng 6 gửi tới 10.000 người ở Lạng Sơn qua nhà mạng giả lập, rồi đối chiếu từng số.",
    ),
    "drill": Place(
        "drill:drill",
        "Thử khôi phục một bản sao lưu vào cơ sở dữ liệu tạm: kiểm tra niêm phong, chùm khóa, và rằng nó không tự gửi tin.",
    ),
    "campaign": Place("campaign:app", "Chiến dịch: kiểm tra, thêm, duyệt, bắt đầu, theo dõi, dừng."),
    "text": Place("text:app", "Nội dung tin: kiểm tra ký tự, số phần tin, giá, lỗi."),
    "audience": Place("audience:app", "Nhóm người nhận: nhập danh sách số, xem lại."),
    "place": Place("place:app", "Địa bàn: tra xã, phường; đánh dấu vùng; tên gọi khác trong danh sách."),
    "suppress": Place("suppress:app", "Danh sách từ chối nhận: thêm, nhập tệp, xem, gửi lại."),
    "complaint": Place("complaint:app", "Phản ánh của người dân: ghi lại, tra tin đã gửi, trả lời."),
    "inbox": Place("inbox:app", "Hộp thư đến: tin người dân nhắn tới, xem và chuyển."),
    "route": Place("route:app", "Đường gửi: liệt kê, thử kết nối, tạm dừng, hủy, cho chạy tiếp."),
    "broadcast": Place(
        "broadcast:app", "Bài viết mà Official Account Zalo gửi tới người quan tâm: soạn, duyệt, theo dõi, ghi số liệu."
    ),
    "order": Place("order:app", "Yêu cầu gửi: nhà mạng tự gửi tới thuê bao của mình, hai bên trao đổi bằng tệp đã ký."),
    "log": Place("log:app", "Nhật ký gửi tin: tìm, xem một tin, xuất tệp, niêm phong, kiểm tra."),
    "report": Place("report:app", "Báo cáo định kỳ: hạn nộp, lập văn bản từ nhật ký."),
    "activity": Place("report:activity", "Hình thức tuyên truyền khác (báo, đài, loa, băng rôn...) để báo cáo đủ số."),
    "token": Place("token:app", "Mã truy cập cho chương trình (API): cấp, liệt kê, thu hồi."),
    "user": Place("user:app", "Người dùng trang web: thêm, vai trò, cấp lại mật khẩu, kết thúc phiên."),
    "webhook": Place("webhook:app", "Báo sự kiện cho chương trình khác (webhook): thêm, xem, bỏ."),
    "statement": Place("statement:app", "Bảng kê tin nhắn đã gửi tới một số, theo yêu cầu của cơ quan có thẩm quyền."),
    "keys": Place("keys:app", "Khóa mã hóa số điện thoại: xem, thay theo kỳ, chuyển số, bỏ khóa cũ."),
    "retention": Place("retention:app", "Thời hạn lưu: xem trước, xóa dữ liệu đã hết hạn, số liệu còn giữ."),
    "person": Place("retention:person", "Dữ liệu của một người: xóa theo yêu cầu."),
}


class Nouns(TyperGroup):
    """The commands of the table, each read when it is asked for."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = {name: TyperCommand(name, help=place.help) for name, place in COMMANDS.items()}
        self.listing = False

    def get_command(self, _context: Any, name: str) -> Any:
        return self.commands.get(name) if self.listing or name not in COMMANDS else read(name)

    def format_help(self, context: Any, formatter: Any) -> None:
        self.listing = True
        super().format_help(context, formatter)


def read(name: str) -> Any:
    """A command of the table, from its file; a noun with a single verb is a noun still."""
    module, _, attribute = COMMANDS[name].where.partition(":")
    found: Any = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    if isinstance(found, typer.Typer):
        made: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command()(found)
        made = typer.main.get_command(alone)
    made.name = name
    return made


app = typer.Typer(
    name="dispatcher",
    cls=Nouns,
    help="Gửi SMS và Zalo tuyên truyền: đúng người, đúng giờ, không ai nhận hai lần, có nhật ký để kiểm tra.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


NOT_ALLOWED = (
    "Người dùng cơ sở dữ liệu không được làm việc này. Nếu vừa nâng cấp: dispatcher migrate;"
    " nếu là việc của chủ cơ sở dữ liệu: đặt DISPATCHER_OWNER_URL cho riêng lệnh này."
)


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
    except psycopg.errors.InsufficientPrivilege as error:
        fail(f"{NOT_ALLOWED} ({error.diag.message_primary})")
    except redis.RedisError as error:
        fail(f"Mất kết nối Valkey/Redis: {error}")
    except OSError as error:
        fail(os_words(error))


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End as after an exception, so that embedded servers that nobody else uses are stopped."""
    raise SystemExit(128 + signal.SIGTERM)
