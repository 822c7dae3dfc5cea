"""Work in several processes: results in the order of the jobs, the same whatever the number of workers; nothing lost, nothing left over.

A job whose worker dies, or gives no sign of life for too long, is run once more and then named as failed; the others go on. A worker
ends with its parent, however that ends: when it closes the pool, on Ctrl-C, by SIGTERM, by SIGKILL.

    parent: one thread a worker --job--> pipe --> worker process: work(job) --sign of life ..., result--> pipe --> parent
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.reduction import ForkingPickler
from typing import Any, NoReturn

TRIES = 2
STUCK_S = 900.0  # without a sign of life; the longest known silence is the compilation of all kernels on a slow machine
TICK_S = 0.5
ALIVE_S = 1.0  # between two signs of life
READY, ALIVE = "ready", "alive"
PR_SET_PDEATHSIG = 1
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Failed:
    """What is there instead of a job's result. traceback: the worker's, "" where the worker was lost; error: what the job raised,
    None where it was lost or its error cannot travel between processes."""

    reason: str
    traceback: str = ""
    error: Exception | None = None


class JobError(RuntimeError):
    """A job was lost with its worker, as often as it was run."""


class _WorkerTraceback(Exception):
    """Shown above an error that a worker's job raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def outcomes(
    work: Callable[[Any], Any],
    jobs: Sequence[Any],
    workers: int,
    stuck_s: float = STUCK_S,
    prepare: Callable[[], None] | None = None,
) -> Iterator[Any]:
    """For every job, in order, work(job) or a `Failed`. One worker (or one job): in this process, where nothing can be run again.

    work, prepare (called first in every worker), jobs and results travel between processes. Raises RuntimeError where workers
    cannot even start.
    """
    if workers <= 1 or len(jobs) < 2:
        yield from (_tried(work, job) for job in jobs)
        return
    pool = _Pool(work, min(workers, len(jobs)), stuck_s, prepare)
    try:
        futures = [pool.threads.submit(pool.attend, job) for job in jobs]
        yield from (future.result() for future in futures)
    finally:
        pool.close()


def results(
    work: Callable[[Any], Any],
    jobs: Sequence[Any],
    workers: int,
    stuck_s: float = STUCK_S,
    prepare: Callable[[], None] | None = None,
) -> Iterator[Any]:
    """As `outcomes`, but raises what a job raised, with the worker's traceback, and JobError for a lost one."""
    for outcome in outcomes(work, jobs, workers, stuck_s, prepare):
        if isinstance(outcome, Failed):
            raise_failed(outcome)
        yield outcome


def raise_failed(failed: Failed, what: str = "a job") -> NoReturn:
    """Raises what the job raised, with the worker's traceback, or JobError; what: names the job."""
    cause = _WorkerTraceback(failed.traceback) if failed.traceback else None
    raise failed.error or JobError(f"{what}: {failed.reason}") from cause


def alive() -> None:
    """A sign of life: called now and then by work that may take long. Does nothing outside a worker."""
    global _told
    if _wire is not None and time.monotonic() - _told > ALIVE_S and threading.current_thread() is threading.main_thread():
        _told = time.monotonic()
        _wire.send(ALIVE)


class _Gone(Exception):
    """A worker is lost; the message says how."""


class _Worker:
    """A process and the parent's end of its pipe."""

    def __init__(self, work: Callable[[Any], Any], prepare: Callable[[], None] | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, prepare), daemon=True)
        self.ready = False
        self.process.start()
        theirs.close()

    def ask(self, job: Any, stuck_s: float) -> Any:
        """The job's outcome. Raises _Gone where the worker dies or is silent for too long; time in which this process itself was
        halted (Ctrl-Z, a closed lid) does not count."""
        try:
            self.pipe.send(job)
            silent, before = 0.0, time.monotonic()
            while silent < stuck_s:
                if self.pipe.poll(TICK_S):
                    message = self.pipe.recv()
                    if message not in (READY, ALIVE):
                        return message[0]
                    self.ready, silent = True, 0.0
                elif not self.process.is_alive():
                    raise EOFError
                now = time.monotonic()
                silent, before = silent + min(now - before, 2 * TICK_S), now
        except (EOFError, OSError):
            self.process.join(TICK_S)
            raise _Gone(_exit_words(self.process.exitcode)) from None
        raise _Gone(f"its worker gave no sign of life for {stuck_s:g} s")

    def end(self) -> None:
        """Kills the process where it still runs."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Pool:
    """Worker processes, each asked by one thread at a time."""

    def __init__(self, work: Callable[[Any], Any], count: int, stuck_s: float, prepare: Callable[[], None] | None) -> None:
        self.work, self.stuck_s, self.prepare = work, stuck_s, prepare
        self.lock, self.closed = threading.Lock(), False
        self.idle: list[_Worker] = []
        self.busy: set[_Worker] = set()
        resource_tracker.ensure_running()  # its start would let SIGINT through to a worker that starts
        self.threads = ThreadPoolExecutor(count)

    def attend(self, job: Any) -> Any:
        """Has a job done, a second time where its worker was lost. In a thread of its own."""
        lost: list[str] = []
        while len(lost) < TRIES:
            worker = self._hire()
            try:
                outcome = worker.ask(job, self.stuck_s)
            except _Gone as gone:
                if not worker.ready and (worker.process.exitcode or 0) > 0:
                    raise RuntimeError("worker processes cannot start; their own message stands above") from None
                lost.append(str(gone))
                self._dismiss(worker)
            else:
                self._release(worker)
                return outcome
        return Failed(f"lost {len(lost)} times: {', then '.join(lost)}")

    def close(self) -> None:
        """Kills all workers and waits for the threads."""
        with self.lock:
            self.closed = True
            for worker in [*self.idle, *self.busy]:
                worker.process.kill()
        self.threads.shutdown(cancel_futures=True)
        for worker in [*self.idle, *self.busy]:
            worker.end()

    def _hire(self) -> _Worker:
        with self.lock:
            if self.closed:
                raise JobError("the pool is closed")
            while self.idle and not self.idle[-1].process.is_alive():
                self.idle.pop().end()
            worker = self.idle.pop() if self.idle else _started(self.work, self.prepare)
            self.busy.add(worker)
            return worker

    def _release(self, worker: _Worker) -> None:
        with self.lock:
            self.busy.remove(worker)
            self.idle.append(worker)

    def _dismiss(self, worker: _Worker) -> None:
        with self.lock:
            self.busy.remove(worker)
        worker.end()


def _started(work: Callable[[Any], Any], prepare: Callable[[], None] | None) -> _Worker:
    """A process of one thread, in which Ctrl-C is the parent's business: both are handed down at its start."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # of this thread, one of the pool's
    absent = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(absent, "1"))
    try:
        return _Worker(work, prepare)
    finally:
        for name in absent:
            os.environ.pop(name, None)


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"its worker was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"its worker ended with status {code}"


# In the worker.

_wire: Any = None
_told = 0.0


def _serve(wire: Any, work: Callable[[Any], Any], prepare: Callable[[], None] | None) -> None:
    """A worker's life: job, outcome, job, outcome."""
    global _wire
    _end_with_parent()
    _wire = wire
    if prepare is not None:
        prepare()
    wire.send(READY)
    while True:
        try:
            data = wire.recv_bytes()
        except EOFError:
            return
        wire.send_bytes(_packed(work, data))


def _packed(work: Callable[[Any], Any], data: bytes) -> Any:
    """The outcome of a job as it travels; also where the job or its result cannot."""
    try:
        return ForkingPickler.dumps((_tried(work, ForkingPickler.loads(data)),))
    except Exception as error:
        return ForkingPickler.dumps((_failed(error),))


def _tried(work: Callable[[Any], Any], job: Any) -> Any:
    try:
        return work(job)
    except (Exception, SystemExit) as error:
        return _failed(error)


def _failed(error: Exception | SystemExit) -> Failed:
    reason = f"{type(error).__name__}: {error}"
    return Failed(reason, traceback.format_exc(), error if isinstance(error, Exception) and _travels(error) else None)


def _travels(error: Exception) -> bool:
    try:
        return type(ForkingPickler.loads(ForkingPickler.dumps(error))) is type(error)
    except Exception:
        return False


def _end_with_parent() -> None:
    """Linux kills this process with the thread that started it; elsewhere, and should it miss that, a thread watches."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(parent: int) -> None:
    connection.wait([parent])
    os.kill(os.getpid(), signal.SIGKILL)
