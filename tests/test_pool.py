"""The worker pool: order, errors, killed and silent workers, and what is left of it when the parent goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drive.pool import Failed, JobError, alive, outcomes, results

ROOT = Path(__file__).resolve().parents[1]


class Stubborn(Exception):
    """An error that cannot be made again from its arguments."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def late_square(n: int) -> int:
    """The first jobs take longest."""
    time.sleep(0.2 if n < 2 else 0.0)
    return n * n


def troubled(job: tuple[str, str]) -> str:
    """Does what its name says; the second word names a file that remembers whether it was done before."""
    what, where = job
    mark = Path(where)
    if what == "killed once" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "silent once" and not mark.exists():
        mark.touch()
        time.sleep(600)
    if what == "silent":
        time.sleep(600)
    if what == "halted":
        os.kill(os.getpid(), signal.SIGSTOP)
    if what == "slow":
        for _ in range(25):
            time.sleep(0.2)
            alive()
    if what == "raises":
        raise ValueError("no such town")
    if what == "raises stubbornly":
        raise Stubborn("a", "b")
    if what == "exits":
        sys.exit(3)
    return what


def lasting(folder: str) -> None:
    """Says that it runs, and runs on."""
    (Path(folder) / f"worker-{os.getpid()}").touch()
    time.sleep(600)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order(workers: int) -> None:
    assert list(results(late_square, range(6), workers)) == [0, 1, 4, 9, 16, 25]
    assert list(results(late_square, [], workers)) == []


def test_a_killed_or_silent_worker_costs_no_job(tmp_path: Path) -> None:
    jobs = [(what, str(tmp_path / what)) for what in ("a", "killed once", "b", "silent once", "c", "slow")]
    assert list(outcomes(troubled, jobs, 2, stuck_s=3.0)) == [what for what, _ in jobs]


def test_a_job_that_kills_its_worker_twice_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = [(what, "") for what in ("killed", "a", "silent", "halted", "exits", "b")]
    found = list(outcomes(troubled, jobs, 2, stuck_s=1.5))
    assert found[1::4] == ["a", "b"]
    killed, silent, halted, exits = (found[n] for n in (0, 2, 3, 4))
    assert killed.reason == f"lost 2 times: {', then '.join(['its worker was ended by SIGKILL (out of memory?)'] * 2)}"
    assert silent.reason.count("no sign of life for 1.5 s") == halted.reason.count("no sign of life") == 2
    assert exits.reason == "SystemExit: 3"
    with pytest.raises(JobError, match="lost 2 times"):
        list(results(troubled, [("a", ""), ("killed", "")], 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_carry_the_traceback_of_where_they_came_from(workers: int) -> None:
    found = list(outcomes(troubled, [("raises", ""), ("raises stubbornly", ""), ("a", "")], workers))
    assert [type(f) for f in found] == [Failed, Failed, str]
    assert isinstance(found[0].error, ValueError) and found[1].error is None
    assert found[0].reason == "ValueError: no such town" and found[1].reason == "Stubborn: a: b"
    assert all("in troubled" in f.traceback for f in found[:2])
    with pytest.raises(ValueError, match="no such town") as raised:
        list(results(troubled, [("raises", ""), ("a", "")], workers))
    assert "in troubled" in str(raised.value.__cause__)


def test_what_cannot_travel_is_an_error_not_a_wait() -> None:
    assert isinstance(next(iter(outcomes(unsendable, [1, 2], 2))), Failed)
    with pytest.raises((AttributeError, TypeError)):
        list(outcomes(late_square, [lambda: 1, 2], 2))


def unsendable(n: int) -> object:
    """A result that no pipe takes."""
    return lambda: n


def test_leaving_early_leaves_no_worker(tmp_path: Path) -> None:
    started = outcomes(late_or_lasting, [(str(tmp_path), n) for n in range(3)], 2)
    assert next(started) == "first"
    started.close()
    assert _gone(_workers(tmp_path))


def late_or_lasting(job: tuple[str, int]) -> str:
    """Job 0, whose outcome comes first, is done when another has begun to last; which worker starts first does not matter."""
    folder, number = job
    if number:
        lasting(folder)
    while not _workers(Path(folder)):
        time.sleep(0.05)
    return "first"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_orphans_whatever_ends_the_parent(tmp_path: Path, how: signal.Signals) -> None:
    code = "import sys; from drive.pool import results; from tests.test_pool import lasting; list(results(lasting, [sys.argv[1]] * 3, 2))"
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True)
    _wait_until(lambda: len(_workers(tmp_path)) == 2)
    if how == signal.SIGINT:
        os.killpg(parent.pid, how)  # as a terminal does
    else:
        parent.send_signal(how)
    _, told = parent.communicate(timeout=20)
    assert parent.returncode == -how
    assert _gone(_workers(tmp_path))
    assert told.count(b"Traceback") <= 1 and (how == signal.SIGINT) == (b"KeyboardInterrupt" in told)


def test_workers_that_cannot_start_are_one_error() -> None:
    with pytest.raises(RuntimeError, match="cannot start"):
        list(outcomes(late_square, range(50), 2, prepare=no_start))


def no_start() -> None:
    """What a broken installation looks like."""
    raise ImportError("no module")


def test_the_environment_is_as_before() -> None:
    before = dict(os.environ)
    list(results(late_square, range(3), 2))
    assert dict(os.environ) == before


def _workers(folder: Path) -> list[int]:
    return [int(path.name.split("-")[1]) for path in folder.glob("worker-*")]


def _gone(processes: list[int]) -> bool:
    return _wait_until(lambda: not any(_runs(process) for process in processes))


def _runs(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


def _wait_until(done, seconds: float = 20.0) -> bool:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.05)
    return False
