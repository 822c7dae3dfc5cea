"""`drive bench metrics`: what it prints, and the speeds that the protocols must keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from goldens import FOLDER

from drive.cli import main
from drive.eval.bench import NAVSIM, PLAIN, REFERENCE, bench_metrics, bench_navsim
from drive.eval.openloop.registry import PROTOCOLS

# Times as fast as the project's own code was on the machine that REFERENCE was measured on.
LEAST = {"uniad": 5, "vad": 5, "stp3": 10, "bevplanner": 50, "exact": 100, "sparsedrive": 100}


def test_protocols_keep_their_speed() -> None:
    speeds, together_s = bench_metrics(samples=512, repeats=3, plain_samples=32)
    assert together_s < 60
    assert [s.protocol for s in speeds] == list(PROTOCOLS)
    for speed in speeds:
        if speed.protocol in LEAST:
            assert speed.rate > LEAST[speed.protocol] * 1000 / REFERENCE[speed.protocol], speed
            assert speed.plain is not None and speed.rate > 2 * speed.plain, speed
    assert set(LEAST) == set(PLAIN) == set(REFERENCE) - {NAVSIM}


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "metrics", "--samples", "64", "--repeats", "1", "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "bevplanner" in text and "6,019 samples" in text
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["command"] == "bench metrics" and {r["metric"] for r in report["rows"]} >= {"samples_per_s", "times_plain"}
    assert main(["bench", "metrics", "--samples", "0"]) == 2


def test_navsim_scenes_are_timed_where_a_file_is_given() -> None:
    scenes = sorted(FOLDER.glob("nav*.npz"))
    if not scenes:
        pytest.skip(f"no NAVSIM scenes (nav*.npz) in {FOLDER}; set DRIVE_GOLDEN")
    # Ten times what the original does on a busy core.
    assert bench_navsim(scenes[0], repeats=1).rate > 16
