"""`drive bench plan`: the shares of a plan add up to it."""

from __future__ import annotations

import json

import pytest

from drive.cli import main


def test_shares_add_up_and_rows_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "plan", "--pictures", "1", "--json", "-q"]) == 0
    rows = {row["metric"]: row["value"] for row in json.loads(capsys.readouterr().out)}
    parts = [rows[name] for name in ("reading", "sensors", "prefix", "decoding")]
    assert min(parts) >= 0 and 0 < rows["plan"] <= sum(parts) * 1.001 and rows["plan_16_samples"] > 0


def test_a_planner_without_a_network_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "plan", "--planner", "constant-velocity", "-q"]) == 2
    assert "measures networks; 'constant-velocity' is none" in capsys.readouterr().err
