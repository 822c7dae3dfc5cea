"""Fixtures that many tests share: the data set with known answers, the embedded one, and the real ones where they are present."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import once
from tests.analytic import analytic_set, sets_folder

REPOSITORY = Path(__file__).resolve().parents[1]

# What data sets keep (`drive.data.kept`) belongs to the tests alone, and their commands find it again.
os.environ["XDG_CACHE_HOME"] = str(REPOSITORY / ".pytest_cache" / "home")

# An example may take long where others use the cores too; a test that hangs is stopped by pytest-timeout.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


# Whose files take longest; `make test` gives out files in the order in which they were collected.
LONG = {"sim", "make", "train", "render", "world", "planners", "test_extending.py", "test_setup.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long comes first: whoever begins a long file last is waited for by all other workers."""
    items.sort(key=lambda item: not LONG & {item.path.parent.name, item.path.name})


@pytest.fixture(scope="session", autouse=True)
def _signals_arrive() -> Iterator[None]:
    """Whoever starts the tests with `nohup`, or in the background of a script, starts them with signals ignored, and their children too.
    Tests send these signals: they and their children get what a terminal gives."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, usual[number]) for number in usual if signal.getsignal(number) == signal.SIG_IGN}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Two OpenMP threads on shared cores are slower than one; torch is not imported for those who do not use it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _once() -> Iterator[None]:
    """See `tests.once`."""
    with pytest.MonkeyPatch.context() as patch:
        once.index_once(patch, sets_folder(), REPOSITORY / "data" / "mini")
        once.scenery_once(patch)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that holds nuscenes-mini and pandaset-002: DRIVE_REAL, by default ../shared/data."""
    folder = Path(os.environ.get("DRIVE_REAL") or REPOSITORY.parent / "shared" / "data")
    if not (folder / "nuscenes-mini").is_dir() or not (folder / "pandaset-002").is_dir():
        pytest.skip(f"no real data: {folder} does not hold nuscenes-mini and pandaset-002; set DRIVE_REAL")
    return folder


@pytest.fixture(scope="session")
def mini() -> Path:
    """A data set with known answers: `tests/analytic`."""
    return analytic_set()


@pytest.fixture(scope="session")
def embedded() -> Path:
    """The embedded rendered data set, made by `drive make` (the command is in docs/making.md)."""
    return REPOSITORY / "data" / "mini"


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Callable[[str, int, int, list[str]], None]:
    """Notes what a golden test compared: (what, samples, values, the samples that differ and why)."""

    def note(what: str, samples: int, values: int, differ: list[str]) -> None:
        record_property("golden", (what, samples, values, differ))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Counts per protocol of what golden tests compared, and the samples that differ for a cause that was found."""
    passed = terminalreporter.getreports("passed")
    notes = [(r.nodeid, *value) for r in passed if r.when == "call" for key, value in r.user_properties if key == "golden"]
    if not notes or terminalreporter.verbosity < 0:
        return
    terminalreporter.section("compared with the projects' own answers")
    for name in dict.fromkeys(what for _, what, *_ in notes):
        rows = [(samples, values, differ) for _, what, samples, values, differ in notes if what == name]
        samples, values, differ = (sum(column) for column in zip(*((s, v, len(d)) for s, v, d in rows), strict=True))
        terminalreporter.write_line(f"{name:36}{len(rows):3} sets{samples:6,} samples{values:8,} values{differ:4} samples differ")
    for node, what, _, _, differ in notes:
        for line in differ:
            terminalreporter.write_line(f"  {what}, {node.rpartition('[')[2].rstrip(']')}: {line}")
