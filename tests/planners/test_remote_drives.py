"""Closed loop with planners in processes of their own: the same drive as in process, and failures told where scores are."""

from __future__ import annotations

from pathlib import Path

import drive.planners.remote.planner as remote
from drive.planners.closed_loop import simulate
from tests.planners.children import CONSTANT_VELOCITY, SERVE, command


def test_a_drive_is_to_the_bit_that_of_the_same_planner_here(tmp_path: Path) -> None:
    spec = "exec:" + command(tmp_path, CONSTANT_VELOCITY + "    pictures = 'unused'\n" + SERVE)
    report = simulate("village", [spec, "constant-velocity"], 2, seed=3)
    theirs, ours = report.of("theirs"), report.of("constant-velocity")
    assert [score.facts["hash"] for score in theirs] == [score.facts["hash"] for score in ours] and len(ours) == 2
    assert not report.failures and not any("started again" in note for note in report.notes)


def test_a_drive_whose_planner_dies_fails_and_the_next_one_says_that_it_was_started_again(tmp_path: Path) -> None:
    dies = f"import os\nmark = {str(tmp_path / 'mark')!r}\n" + CONSTANT_VELOCITY.replace(
        "        past =", "        if not os.path.exists(mark): open(mark, 'w').close(); os._exit(9)\n        past ="
    )
    report = simulate("village", "exec:" + command(tmp_path, dies + SERVE), 2, seed=3)
    assert [failure["episode"] for failure in report.failures] == ["village-00003"]
    assert "planner failed: its process ended with status 9" in report.failures[0]["reason"]
    assert report.notes == ["village-00004: theirs: its process was lost and started again 1 time"]
    assert report.notes[0] in report.table()


def test_the_simulators_deadline_ends_the_process_of_a_planner_that_is_late(tmp_path: Path) -> None:
    slow = "import time\n" + CONSTANT_VELOCITY.replace("        past =", "        time.sleep(30)\n        past =")
    report = simulate("village", "exec:" + command(tmp_path, slow + SERVE), 1, seed=3, deadline_s=0.3)
    assert [failure["reason"] for failure in report.failures] == ["planner failed: no plan within 0.3 s"]
    (planner,) = remote._started.values()
    assert not planner.transport.alive
