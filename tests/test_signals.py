"""Tests and what they start get signals as from a terminal, however the tests themselves were started."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
IGNORED = f"import signal; print(*[n for n in {[int(number) for number in SIGNALS]} if signal.getsignal(n) == signal.SIG_IGN])"


def test_no_signal_is_ignored_here_nor_in_children() -> None:
    assert signal.SIG_IGN not in [signal.getsignal(number) for number in SIGNALS]
    done = subprocess.run([sys.executable, "-c", IGNORED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def ignoring(*arguments: str) -> str:
    """What Python prints where it is started as by `nohup`, or by `&` in a script."""
    shell = ["sh", "-c", 'trap "" INT HUP TERM; exec "$@"', "sh", sys.executable, *arguments]
    return subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout


def test_so_it_is_where_the_tests_are_started_with_signals_ignored() -> None:
    assert ignoring("-c", IGNORED).split() == ["2", "1", "15"]
    one = f"{Path(__file__).relative_to(ROOT)}::{test_no_signal_is_ignored_here_nor_in_children.__name__}"
    told = ignoring("-m", "pytest", "-p", "no:cacheprovider", one)
    assert "failed" not in told and "[100%]" in told, told
