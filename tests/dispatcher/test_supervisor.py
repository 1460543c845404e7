"""The supervisor with real children: kept alive, given up, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dispatcher.embedded.processes import process
from dispatcher.supervisor import Child, Policy, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = "import subprocess; p = subprocess.Popen(['sleep', '60']); print('grandchild', p.pid, flush=True); p.wait()"
SWIFT = Policy(first_wait=0.02, longest_wait=0.1, attempts=3, grace_seconds=5)
HOST = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may have been begun with nohup
from pathlib import Path
from dispatcher.supervisor import Child, Policy, Supervisor
folder, grace, *scripts = sys.argv[1:]
children = [Child(f"c{number}", [sys.executable, "-c", script]) for number, script in enumerate(scripts)]
sys.exit(Supervisor(children, log_folder=Path(folder), policy=Policy(grace_seconds=float(grace))).run())
"""


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def python(name: str, script: str, **env: str) -> Child:
    return Child(name, [sys.executable, "-c", script], env)


def lines(folder: Path, name: str) -> list[str]:
    path = folder / f"{name}.log"
    return path.read_text().splitlines() if path.exists() else []


class Running:
    """A supervisor at work in a thread, stopped at the end of the test."""

    def __init__(self, children: Sequence[Child], log_folder: Path, policy: Policy = SWIFT) -> None:
        self.supervisor = Supervisor(children, log_folder=log_folder, policy=policy)
        self.pool = ThreadPoolExecutor(1)
        self.result: Future[int] = self.pool.submit(self.supervisor.run)

    def pid(self, name: str) -> int:
        until(lambda: self.supervisor.status()[name].pid)
        return self.supervisor.status()[name].pid

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop()
        self.pool.shutdown()


def test_children_run_with_their_words_and_environment_and_stop_on_request(tmp_path: Path) -> None:
    script = "import os, time; print(os.environ['COLOUR'], flush=True); time.sleep(60)"
    with Running([python("one", script, COLOUR="red"), python("two", script, COLOUR="blue")], tmp_path) as running:
        until(lambda: lines(tmp_path, "one") == ["red"] and lines(tmp_path, "two") == ["blue"])
        pids = [running.pid("one"), running.pid("two")]
        running.supervisor.stop()
        assert running.result.result() == 0
        assert [process(pid) for pid in pids] == [None, None]
        assert running.supervisor.failure is None


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    with Running([python("one", SLEEPER)], tmp_path) as running:
        first = running.pid("one")
        os.kill(first, signal.SIGKILL)
        until(lambda: running.supervisor.status()["one"].restarts == 1 and running.pid("one") != first)
        until(lambda: lines(tmp_path, "one")[-1:] == ["up"])


def test_a_child_that_cannot_be_kept_alive_ends_all_and_is_named_with_its_last_words(tmp_path: Path) -> None:
    children = [python("bad", "import sys; print('no database'); sys.exit(3)"), python("good", SLEEPER)]
    with Running(children, tmp_path) as running:
        good = running.pid("good")
        assert running.result.result() == 1
        failure = running.supervisor.failure
        assert (failure.name, failure.exit_code, failure.log) == ("bad", 3, tmp_path / "bad.log")
        assert failure.lines[-1] == "no database"
        assert process(good) is None
    assert lines(tmp_path, "bad") == ["no database"] * SWIFT.attempts


def test_a_child_that_lived_long_enough_starts_counting_anew(tmp_path: Path) -> None:
    policy = Policy(first_wait=0.01, healthy_seconds=0, attempts=2)
    with Running([python("one", "")], tmp_path, policy) as running:
        until(lambda: running.supervisor.status()["one"].restarts > policy.attempts)


def test_a_command_that_does_not_exist_is_said_in_its_log(tmp_path: Path) -> None:
    with Running([Child("one", ["/no/such/command"])], tmp_path) as running:
        assert running.result.result() == 1
        assert "/no/such/command" in running.supervisor.failure.lines[-1]


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 30), (1000, 30)])
def test_the_wait_before_a_restart_doubles_up_to_half_a_minute(failures: int, seconds: float) -> None:
    assert Policy().wait_seconds(failures) == seconds


def test_a_child_deaf_to_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    with Running([python("deaf", DEAF)], tmp_path, Policy(grace_seconds=0.1)) as running:
        until(lambda: lines(tmp_path, "deaf") == ["up"])
        pid = running.pid("deaf")
        running.supervisor.stop()
        assert running.result.result() == 0
        assert process(pid) is None


def test_what_a_child_started_is_gone_with_it(tmp_path: Path) -> None:
    with Running([python("one", PARENT)], tmp_path) as running:
        until(lambda: lines(tmp_path, "one"))
        grandchild = int(lines(tmp_path, "one")[0].split()[1])
        os.kill(running.pid("one"), signal.SIGKILL)
        until(lambda: process(grandchild) is None)


def test_an_exception_in_the_supervisor_leaves_nothing_running(tmp_path: Path) -> None:
    supervisor = Supervisor([python("one", SLEEPER), Child("two/three", ["true"])], log_folder=tmp_path)
    with pytest.raises(FileNotFoundError):
        supervisor.run()
    assert supervisor.status()["one"].pid is None


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Supervisor([Child("one", ["true"]), Child("one", ["false"])])


def test_output_goes_where_ours_goes_when_there_is_no_log_folder(capfd: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor([python("one", "print('seen')")], policy=Policy(attempts=1))
    assert supervisor.run() == 1
    assert "seen" in capfd.readouterr().out
    assert supervisor.failure.lines == ()


def test_stopping_before_running_starts_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor([python("one", SLEEPER)], log_folder=tmp_path)
    supervisor.stop()
    assert supervisor.run() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], list[int]]]]:
    """Starts a supervisor as a process and returns it with the pids of its children once they are up."""
    hosts = []

    def start(*scripts: str, grace: float = 10) -> tuple[subprocess.Popen[bytes], list[int]]:
        command = [sys.executable, "-c", HOST, str(tmp_path), str(grace), *scripts]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        hosts.append(started)
        until(lambda: all(lines(tmp_path, f"c{number}") for number in range(len(scripts))))
        return started, children_of(started.pid)

    yield start
    for started in hosts:
        started.kill()
        started.communicate()


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(word) for word in found.stdout.split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_is_a_success(host: Callable[..., tuple], number: signal.Signals) -> None:
    supervisor, children = host(SLEEPER, SLEEPER)
    assert len(children) == 2
    assert os.getsid(supervisor.pid) not in {os.getsid(child) for child in children}
    supervisor.send_signal(number)
    assert supervisor.wait() == 0
    assert [process(child) for child in children] == [None, None]


def test_a_second_ctrl_c_does_not_wait_for_the_deaf(host: Callable[..., tuple], tmp_path: Path) -> None:
    noisy = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True)); print('up', flush=True)"
    supervisor, (child,) = host(f"{noisy}\nwhile True: time.sleep(60)", grace=1000)
    supervisor.send_signal(signal.SIGINT)
    until(lambda: lines(tmp_path, "c0") == ["up", "no"])
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait() == 0
    assert process(child) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_do_not_outlive_a_killed_supervisor(host: Callable[..., tuple]) -> None:
    supervisor, children = host(SLEEPER, SLEEPER)
    supervisor.kill()
    until(lambda: not any(process(child) for child in children))


def test_a_request_to_stop_from_another_thread_is_heard(tmp_path: Path) -> None:
    supervisor = Supervisor([python("one", SLEEPER)], log_folder=tmp_path)
    threading.Thread(target=lambda: (until(lambda: lines(tmp_path, "one")), supervisor.stop())).start()
    assert supervisor.run() == 0
