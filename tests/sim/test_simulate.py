"""`drive.simulate`: `drive sim` from Python, with names and with objects."""

from __future__ import annotations

from pathlib import Path

import pytest

import drive
from drive.baselines import StandStill
from drive.shipped import shipped_checkpoint
from drive.sim.simulate import choose_episodes


def test_simulate_drives_names_and_objects_the_same() -> None:
    by_name = drive.simulate("town", "stand-still", episodes=1, seed=7, traffic="empty")
    by_object = drive.simulate(["town"], [StandStill()], episodes=1, seed=7, traffic="empty")
    assert [s.facts["hash"] for s in by_name.scores] == [s.facts["hash"] for s in by_object.scores]
    assert [s.planner for s in by_object.scores] == ["stand-still"] and by_object.scores[0].values["success"] == 0.0


def test_simulate_refuses_what_it_cannot_drive() -> None:
    with pytest.raises(ValueError, match="give `rig` too"):
        drive.simulate("town", "stand-still", weather="fog")
    with pytest.raises(ValueError, match="one process, got workers=2"):
        drive.simulate("town", StandStill(), workers=2)
    with pytest.raises(ValueError, match="different names"):
        drive.simulate("town", [StandStill(), "stand-still"])
    with pytest.raises(ValueError, match="none"):
        drive.simulate("town", [])
    with pytest.raises(ValueError, match="source 'twon' is none of these"):
        drive.simulate("twon", "stand-still")


def test_who_hits_a_parked_car_has_a_contact_and_loses_stars() -> None:
    (score,) = drive.simulate("town", "constant-velocity", episodes=1, seed=0).scores  # it drives straight on, off its lane
    assert score.facts["outcome"] == "collision" and score.facts["contacts"] == [score.facts["fault"]] == ["stopped_agent"]
    assert 0.0 <= score.values["neuroncap_score"] < 4.0


def test_a_folder_of_scenarios_is_its_files(tmp_path: Path) -> None:
    for name in ("sd_b.pkl", "sd_a.pkl", "dataset_summary.pkl", "sd_c.pkl"):
        (tmp_path / name).touch()
    chosen = choose_episodes([str(tmp_path)], 2, 1, ["ordinary"], None)
    assert [Path(episode.source).name for episode in chosen] == ["sd_b.pkl", "sd_c.pkl"]
    with pytest.raises(ValueError, match="no scene number 3"):
        choose_episodes([str(tmp_path)], 1, 3, ["ordinary"], None)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "sd_d.pkl").touch()
    assert len(choose_episodes([str(tmp_path)], 9, 0, ["ordinary"], None)) == 4  # as a summary says
    (tmp_path / "sd_e.pkl").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="sd_e.pkl"):
        choose_episodes([str(tmp_path)], 9, 0, ["ordinary"], None)


def test_two_planners_of_one_name_are_refused_before_anything_is_driven() -> None:
    with pytest.raises(ValueError, match="both called 'first-drive'"):
        drive.simulate("village", ["first-drive", str(shipped_checkpoint("first-drive"))], rig="first-drive")
    assert drive.simulate("village", ["stand-still", "stand-still"], episodes=1, seed=7, traffic="empty").planners == ["stand-still"]
