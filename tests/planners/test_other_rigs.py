"""Planners that know one rig, given others': views made for them, said in one line, and left alone where asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from drive.asking import notes_of
from drive.cameras import Camera
from drive.checkpoint import RIG, load_rig_of, save_checkpoint
from drive.config import DatasetConfig, RunConfig, Stage, TownData, TownsConfig
from drive.config.load import load_config
from drive.config.run import Jitter
from drive.make.recipe import Recipe
from drive.model.config import CameraConfig, Inputs, ModelConfig, TransformerConfig
from drive.model.network import DrivingNetwork
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.planners.notes import all_notes
from drive.render.rigs import load_rig
from drive.schema import CameraImage, Frame, Observation, PlanError, Trajectory
from drive.shipped import shipped_checkpoint, shipped_config
from drive.train.rig import only_rig

MODEL = ModelConfig(
    requests=("plan:bins",),
    inputs=Inputs(history=False, motion=False),
    camera=CameraConfig(backbone="mobilenetv4_conv_small_035", width=64, height=32, stride=16, stretch=True, summary=2),
    transformer=TransformerConfig(width=32, depth=1, heads=4, kv_heads=2, head_dim=8, mlp_width=48),
)
OWN = load_rig("first-drive", width=96)


def observed(cameras: Sequence[Camera], seed: int = 0) -> Observation:
    rng, times = np.random.default_rng(seed), MODEL.window.past_times_s
    views = tuple(CameraImage(c, 0.0, rng.integers(0, 256, (c.height, c.width, 3), dtype=np.uint8)) for c in cameras)
    past = Trajectory(np.zeros((len(times), 3)), times, np.ones(len(times), bool))
    return Observation(f"token-{seed}", (Frame(0.0, views),), past, MODEL.window.future_times_s, 5.0, 0.0, 0.0, "straight")


@pytest.fixture(scope="module")
def planner() -> NetworkPlanner:
    torch.manual_seed(0)
    return NetworkPlanner(DrivingNetwork(MODEL).eval(), "tiny", rig=OWN)


@pytest.fixture(autouse=True)
def nothing_left_to_say() -> None:
    """What planners of other tests in this process still had to say."""
    all_notes()


def test_its_own_rig_gets_the_plans_that_it_ever_got(planner: NetworkPlanner) -> None:
    seen = observed(OWN)
    assert planner.shown(seen) is seen
    plain = replace(planner, rig=()).plan(seen, 3)
    assert planner.plan(seen, 3).trajectories.tobytes() == plain.trajectories.tobytes() and notes_of(planner) == () == tuple(all_notes())


def test_another_rig_gets_the_plan_of_its_resampled_views_and_one_line(planner: NetworkPlanner) -> None:
    seen = observed(load_rig("nuscenes", width=160))
    shown = planner.shown(seen)
    assert [view.camera.name for view in shown.frames[0].cameras] == ["CAM_FRONT", "CAM_FRONT_FAR"]
    assert shown.frames[0].cameras[0].camera is OWN[0] and shown.speed_mps == seen.speed_mps
    plan = planner.plan(seen)
    assert np.array_equal(plan.trajectories, replace(planner, rig=()).plan(shown).trajectories)
    turned = replace(seen, frames=(replace(seen.frames[0], cameras=seen.frames[0].cameras[::-1]),))
    assert np.array_equal(plan.trajectories, planner.plan(turned).trajectories), "the order of cameras tells nothing"
    assert planner.answer(seen, ["plan:bins"]).best("plan:bins").tolist() == plan.best.tolist()
    assert len(planner.attention(seen)[1]) == len(planner.attention(observed(OWN))[1])
    (told,) = notes_of(planner)
    assert told.startswith("pictures of CAM_FRONT, CAM_FRONT_RIGHT, CAM_FRONT_LEFT were resampled into the views it was trained with;")
    assert "; 20% of these no camera sees (own-views: before its name" in told
    assert notes_of(planner) == ()
    planner.plan(seen)
    assert all_notes() == [f"tiny: {told}"] and not all_notes(), "said to verbs that hold no planner"


def test_an_unknown_speed_is_said_where_it_is_most_samples(planner: NetworkPlanner) -> None:
    seen = observed(OWN)
    unknown = replace(seen, speed_mps=None)
    planner.plan_batch([seen, unknown])
    assert all_notes() == [], "the first moments of drives know none"
    planner.plan_batch([seen, unknown, unknown])
    (told,) = all_notes()
    assert told.startswith("tiny: the car's speed was unknown for 2 of 3 answers, which guess it: plans can end metres elsewhere")
    assert all_notes() == []
    blind = DrivingNetwork(replace(MODEL, inputs=replace(MODEL.inputs, dynamics=False))).eval()
    NetworkPlanner(blind, "blind", rig=OWN).plan(unknown)
    assert all_notes() == [], "a network that is given no speed lacks none"
    floor = load_planner("ego-mlp", "cpu")
    floor.plan(replace(unknown, future_times_s=floor.spec.window.future_times_s))
    assert notes_of(floor)[0].startswith("the car's speed was unknown for 1 of 1 answers")


def test_a_rig_that_looks_elsewhere_is_a_failed_sample(planner: NetworkPlanner) -> None:
    back = load_rig("nuscenes", width=160)[3:4]
    with pytest.raises(PlanError, match="no camera looks where CAM_FRONT and CAM_FRONT_FAR of its rig would: CAM_BACK see nothing of it"):
        planner.plan(observed(back))
    with pytest.raises(PlanError, match="no camera image"):
        planner.plan(observed(()))


def test_a_checkpoint_keeps_its_rig_and_a_word_leaves_pictures_as_they_are(planner: NetworkPlanner, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "with", planner.network, {}, rig=OWN)
    save_checkpoint(tmp_path / "without", planner.network, {})
    assert load_rig_of(tmp_path / "without") == () and not (tmp_path / "without" / RIG).exists()
    for kept, own in zip(load_rig_of(tmp_path / "with"), OWN, strict=True):
        assert np.abs(kept.K - own.K).max() < 1e-5 and np.abs(kept.ego_from_camera - own.ego_from_camera).max() < 1e-6
    seen, native = observed(load_rig("waymo", width=160)), observed(OWN)
    with_rig, own_views = load_planner(tmp_path / "with", "cpu"), load_planner(f"own-views:{tmp_path / 'with'}", "cpu")
    plain = load_planner(tmp_path / "without", "cpu")
    assert own_views.name == "with-own-views"
    assert np.array_equal(own_views.plan(seen).trajectories, plain.plan(seen).trajectories) and notes_of(own_views) == ()
    assert np.array_equal(with_rig.plan(native).trajectories, plain.plan(native).trajectories) and notes_of(with_rig) == ()
    with_rig.plan(seen)
    assert len(notes_of(load_planner(f"black:{tmp_path / 'with'}", "cpu"))) == 0 and len(notes_of(with_rig)) == 1
    for name in ("constant-velocity", str(tmp_path / "without")):
        with pytest.raises(ValueError, match="stands directly before a checkpoint that knows one rig alone"):
            load_planner(f"own-views:{name}", "cpu")
    (tmp_path / "with" / RIG).write_text("cameras: []")
    with pytest.raises(ValueError, match=r"rig\.yaml"):
        load_planner(tmp_path / "with", "cpu")


@pytest.mark.parametrize("name", ["first-drive", "first-answers"])
def test_shipped_planners_know_the_rig_that_they_learned_on(name: str) -> None:
    folder = shipped_checkpoint(name)
    assert folder is not None
    learned = only_rig(load_config(shipped_config(name)))
    assert [camera.name for camera in learned] == ["CAM_FRONT", "CAM_FRONT_FAR"]
    for kept, own in zip(load_rig_of(folder), learned, strict=True):
        assert np.array_equal(kept.K, own.K) and np.array_equal(kept.ego_from_camera, own.ego_from_camera)


def test_a_run_knows_one_rig_where_all_it_learns_from_has_that_one() -> None:
    def towns(rig: str) -> TownsConfig:
        return TownsConfig((TownData(first=1, count=1, recipe=Recipe(rig=rig)),))

    one = Stage(data=towns("nuscenes"))
    assert len(only_rig(RunConfig(model=MODEL, stages=(one, one)))) == 6
    others = [Stage(), Stage(data=towns("waymo")), replace(one, jitter=Jitter(turn_degrees=5.0)), replace(one, jitter=Jitter(shift=0.1))]
    assert all(only_rig(RunConfig(model=MODEL, stages=(one, other))) == () for other in others)
    assert only_rig(RunConfig(model=MODEL, stages=(Stage(data=towns("random")),))) == ()
    resampled = Stage(data=DatasetConfig(views="nuscenes"))
    assert len(only_rig(RunConfig(model=MODEL, stages=(one, resampled)))) == 6
    assert only_rig(RunConfig(model=MODEL, stages=(one, Stage(data=DatasetConfig(views="waymo"))))) == ()
