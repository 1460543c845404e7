"""A statement of one number: two people, only our own messages, and each row proved to whoever has a checkpoint and a key."""

from __future__ import annotations

import copy
import io
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import docx
import pytest

from dispatcher import accounts, credentials, expansion, sealing, statement, verify_log
from dispatcher.accounts import AccountError, Role
from dispatcher.reports import making
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.statement import Asked, Means, Released, StatementError
from dispatcher.store import statements, users
from tests.dispatcher.hall import APPROVER, AUTHOR, Hall, numbers
from tests.dispatcher.test_reports import words

EXAMPLE = Path(__file__).parents[2] / "reports.example.toml"
EXTRACT = "bang-ke.extract.jsonl"
ASKED = Asked(
    "0960 000 001", date(2026, 6, 1), date(2026, 6, 30), "Cơ quan Cảnh sát điều tra Công an tỉnh Lạng Sơn", "12/CV-CSĐT",
    date(2026, 6, 5), "Điều 88 Bộ luật Tố tụng hình sự",
)  # fmt: skip


@dataclass
class Desk:
    """The office that answers, and the folder into which papers go."""

    hall: Hall
    key: SigningKey
    folder: Path

    async def ask(self, asked: Asked = ASKED, by: str = AUTHOR) -> int:
        async with self.hall.runtime.pool.connection() as connection:
            return await statement.ask(connection, self.hall.runtime.keyring, asked, by)

    async def release(self, request: int, number: str = "84960000001", by: str = APPROVER) -> Released:
        office = making.load(EXAMPLE).office(date(2026, 6, 30))
        means = Means(self.hall.runtime.keyring, self.key, office, EXTRACT, self.write)
        return await statement.release(self.hall.runtime.pool, means, request, number, by)

    def write(self, made: Released) -> None:
        (self.folder / EXTRACT).write_text(made.extract)
        (self.folder / "checkpoint.txt").write_text(made.checkpoint)
        (self.folder / "key.pub").write_text(made.public_key)

    def verify(self) -> tuple[int, dict[str, Any]]:
        """What the verifier says, alone in a folder, in a process of its own."""
        (self.folder / "verify_log.py").write_bytes(Path(verify_log.__file__).read_bytes())
        command = [
            sys.executable,
            "-I",
            "verify_log.py",
            EXTRACT,
            "checkpoint.txt",
            "key.pub",
            "--json",
        ]
        told = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        return told.returncode, json.loads(told.stdout or "{}")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / EXTRACT).read_text("utf-8").splitlines()]

    def change(self, lines: list[dict[str, Any]]) -> None:
        (self.folder / EXTRACT).write_text(
            "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
        )


@pytest.fixture
async def desk(hall: Hall, tmp_path: Path) -> Desk:
    """After two waves to thirty people, the first of them the person asked about."""
    await hall.running([(number,) for number in numbers(30)], "launch", "disguised")
    await expansion.expand(hall.runtime, await hall.scalar("SELECT id FROM waves WHERE slug = 'launch'"))
    await hall.send()
    await hall.rehearse("disguised")
    (second,) = await hall.open_waves()
    await expansion.expand(hall.runtime, second)
    await hall.send()
    await hall.rehearse("disguised", days=30)
    return Desk(hall, open_signing_key(tmp_path / "signing.pem", create=True), tmp_path)


def letter(made: Released) -> str:
    return words(docx.Document(io.BytesIO(made.document)))


async def test_the_letter_says_what_was_sent_and_that_it_is_only_ours(desk: Desk) -> None:
    made = await desk.release(await desk.ask())
    text = letter(made)
    for part in (
        "Kính gửi: Cơ quan Cảnh sát điều tra Công an tỉnh Lạng Sơn",
        "Văn bản số 12/CV-CSĐT ngày 05/06/2026",
        "Điều 88 Bộ luật Tố tụng hình sự",
        "0960 000 001 từ ngày 01/06/2026 đến hết ngày 30/06/2026",
        "đã gửi 2 tin tới số này",
        "không gồm cuộc gọi, tin nhắn của bên khác",
        "BẢNG KÊ TIN NHẮN ĐÃ GỬI TỚI SỐ 0960 000 001",
        "nhà mạng đã nhận",
        "Tổng cộng: 2 tin",
        "Số:        /SVHTTDL-BCXB",
        "V/v cung cấp bảng kê",
    ):
        assert part in text
    for sent in await desk.hall.sql("SELECT DISTINCT body FROM texts JOIN messages ON text_id = texts.id"):
        assert sent.body in text
    assert (made.messages, made.unproved) == (2, ())


async def test_the_extract_is_verified_by_somebody_who_has_neither_us_nor_the_database(desk: Desk) -> None:
    await desk.release(await desk.ask())
    assert desk.verify() == (0, {"whole": True, "messages": 2, "rows": 2, "problems": []})
    assert "84960000002" not in (desk.folder / EXTRACT).read_text("utf-8")


def _edit_text(lines: list[dict[str, Any]]) -> None:
    next(line for line in lines if "message" in line)["message"]["text"] = "khác"


def _edit_row(lines: list[dict[str, Any]]) -> None:
    next(line for line in lines if "row" in line)["row"][3] = "route"


def _drop_row(lines: list[dict[str, Any]]) -> None:
    del lines[next(at for at, line in enumerate(lines) if "row" in line)]


def _edit_seal(lines: list[dict[str, Any]]) -> None:
    next(line for line in lines if "seal" in line)["seal"]["rows"] += 1


def _other_person(lines: list[dict[str, Any]]) -> None:
    lines[0]["msisdn_hash"] = "00" * 16


async def test_a_changed_extract_is_found_also_when_it_is_signed_anew(desk: Desk) -> None:
    """Signed anew with our own key, whatever is under a seal is found all the same."""
    await desk.release(await desk.ask())
    whole = desk.lines()
    for change in (_edit_text, _edit_row, _drop_row, _edit_seal, _other_person):
        lines = copy.deepcopy(whole)
        change(lines)
        desk.change(lines)
        assert desk.verify()[0] == 1
        content = "".join((desk.folder / EXTRACT).read_text("utf-8").splitlines(keepends=True)[:-1])
        digest = {"sha256": verify_log.sha256(content.encode()).hexdigest()}
        lines[-1] = {"signed": sealing.signed_statement(verify_log.EXTRACT, digest, desk.key)}
        desk.change(lines)
        # Texts are not under the seal, and no proof says that nothing was left out.
        assert (desk.verify()[0] == 0) == (change in (_edit_text, _drop_row))


async def test_an_extract_of_another_key_or_no_extract_is_not_usable(desk: Desk, tmp_path: Path) -> None:
    await desk.release(await desk.ask())
    (tmp_path / "key.pub").write_text(open_signing_key(tmp_path / "other.pem", create=True).public.written)
    assert desk.verify()[0] == 2
    desk.change([{"format": "another"}])
    assert desk.verify()[0] == 2


async def test_a_row_that_is_not_what_was_sealed_is_told_and_not_proved(desk: Desk) -> None:
    request = await desk.ask()
    await sealing.seal_all(desk.hall.runtime.pool, desk.key)
    await desk.hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await desk.hall.sql("UPDATE attempts SET code = 'x' WHERE id = (SELECT min(id) FROM attempts)")
    made = await desk.release(request)
    assert len(made.unproved) >= 1
    assert "Chưa chứng minh được bằng niêm phong: attempts" in letter(made)


async def test_a_number_that_got_nothing_gets_a_letter_that_says_so(desk: Desk) -> None:
    made = await desk.release(await desk.ask(replace(ASKED, number="0911 111 111")), "0911111111")
    assert "không gửi tin nào tới số này" in letter(made)
    assert desk.verify() == (0, {"whole": True, "messages": 0, "rows": 0, "problems": []})


async def test_only_messages_of_the_days_asked_for_are_told(desk: Desk) -> None:
    made = await desk.release(await desk.ask(replace(ASKED, ends=date(2026, 6, 2))))
    assert made.messages == 1


async def test_whoever_asks_does_not_release_and_the_number_is_typed_twice_and_it_goes_out_once(desk: Desk) -> None:
    request = await desk.ask()
    with pytest.raises(StatementError, match="phải khác người lập"):
        await desk.release(request, by=AUTHOR)
    with pytest.raises(StatementError, match="khác số trong yêu cầu"):
        await desk.release(request, "0960000002")
    with pytest.raises(StatementError, match="Không có yêu cầu"):
        await desk.release(request + 1)
    await desk.release(request)
    with pytest.raises(StatementError, match="đã xuất rồi"):
        await desk.release(request)
    trail = await desk.hall.sql("SELECT act, who FROM audit_trail WHERE act LIKE 'statement.%%' ORDER BY id")
    assert [tuple(act) for act in trail] == [("statement.ask", AUTHOR), ("statement.release", APPROVER)]
    assert "960000001" not in str(await desk.hall.sql("SELECT detail, subject FROM audit_trail"))


async def test_what_cannot_be_written_was_not_released(desk: Desk) -> None:
    request = await desk.ask()
    object.__setattr__(desk, "write", lambda _made: (desk.folder / "no" / "x").write_text(""))
    with pytest.raises(FileNotFoundError):
        await desk.release(request)
    async with desk.hall.runtime.pool.connection() as connection:
        (listed,) = await statements.listing(connection)
    assert listed.released_at is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"authority": " "}, "Cần ghi đủ"),
        ({"document": ""}, "Cần ghi đủ"),
        ({"basis": ""}, "Cần ghi đủ"),
        ({"starts": date(2026, 7, 1)}, "Khoảng thời gian"),
        ({"ends": date(2030, 7, 1)}, "Khoảng thời gian"),
        ({"starts": date(2010, 7, 1)}, "Khoảng thời gian"),
        ({"document_date": date(2030, 7, 1)}, "Ngày của văn bản"),
        ({"number": "abc"}, "cần đúng một số di động"),
    ],
)
async def test_a_request_says_all_that_it_must(hall: Hall, tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    await hall.rehearse("launch", days=60)
    with pytest.raises(StatementError, match=said):
        await Desk(hall, open_signing_key(tmp_path / "k.pem", create=True), tmp_path).ask(replace(ASKED, **wrong))


async def test_roles_count_once_people_have_accounts(desk: Desk) -> None:
    async with desk.hall.runtime.pool.connection() as connection:
        for login, role in (("an", Role.AUTHOR), ("phoi-hop", Role.COORDINATOR), ("duyet", Role.APPROVER)):
            code = await accounts.add(connection, login, login, [role], "quan-tri")
            assert await users.redeem(connection, login, credentials.code_hash(code), "hash")
    with pytest.raises(AccountError, match="điều phối"):
        await desk.ask(by="an")
    request = await desk.ask(by="phoi-hop")
    with pytest.raises(AccountError, match="người duyệt"):
        await desk.release(request, by="an")
    assert (await desk.release(request, by="duyet")).messages == 2


async def test_a_seal_that_keeps_no_branches_proves_the_same(desk: Desk) -> None:
    first, second = await desk.ask(), await desk.ask()
    await desk.release(first)
    kept = [line["path"] for line in desk.lines() if "row" in line]
    await desk.hall.sql("DELETE FROM seal_branches")
    await desk.release(second)
    assert [line["path"] for line in desk.lines() if "row" in line] == kept
    assert desk.verify()[0] == 0


@pytest.mark.parametrize("size", [1, 2, 3, 63, 64, 65, 127, 130, 192, 200])
def test_the_root_follows_from_the_branches(size: int) -> None:
    leaves = [verify_log.leaf(bytes([n])) for n in range(size)]
    branches = sealing.branches_of(leaves)
    assert verify_log.root(branches) == verify_log.root(leaves)
    for at, leaf in enumerate(leaves):
        near = leaves[at // 64 * 64 : at // 64 * 64 + 64]
        assert verify_log.climb(
            leaf, verify_log.path(near, at % 64) + verify_log.path(branches, at // 64)
        ) == verify_log.root(leaves)


@pytest.mark.parametrize("size", range(1, 12))
def test_every_leaf_of_a_tree_of_any_size_leads_to_its_root(size: int) -> None:
    leaves = [verify_log.leaf(bytes([n])) for n in range(size)]
    climbed = {verify_log.climb(leaf, verify_log.path(leaves, at)) for at, leaf in enumerate(leaves)}
    assert climbed == {verify_log.root(leaves)}
