"""Training on demonstrations in towns: samples as they were stored, the blind floor, black pictures, planners that keep the contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from drive.checkpoint import save_checkpoint
from drive.config import DatasetConfig, NextTokenConfig, RegressionConfig, RunConfig, Stage, TownData, TownsConfig
from drive.make.recipe import Recipe
from drive.make.shards import open_folder, shard_path
from drive.model.config import CameraConfig, Inputs, ModelConfig, TransformerConfig
from drive.model.ego_mlp import EgoMlp, EgoMlpConfig
from drive.model.inputs import collate, prepare
from drive.model.network import DrivingNetwork
from drive.model.sensors.dynamics import dynamics_features
from drive.planners.check import check_planner
from drive.planners.less import ShownLess
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.schema import COMMANDS, Window
from drive.tasks import TASKS, make_tasks
from drive.train import checks
from drive.train.checks import check_samples
from drive.train.example import answers_to
from drive.train.loop import train
from drive.train.networks import kind_of
from drive.train.objectives import NextToken
from drive.train.sources import TownSamples, open_source
from drive.train.sources.base import Source
from drive.train.sources.dataset import DatasetSamples

RIG = "configs/rigs/first-drive.yaml"
MODEL = ModelConfig(
    inputs=Inputs(history=False, rates=False, motion=False),
    camera=CameraConfig(backbone="mobilenetv4_conv_small_035", width=64, height=32),
    transformer=TransformerConfig(width=32, depth=1, heads=2, kv_heads=1, head_dim=16, mlp_width=48),
)
NEEDS = kind_of(MODEL).needs(MODEL)


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> TownData:
    """Two made-up towns whose expert drives straight on at the ego's speed, and turns by the command."""
    data = TownData(first=5, count=2, folder=str(tmp_path_factory.mktemp("towns")), recipe=Recipe(rig=RIG, width=64, height=32))
    open_folder(Path(data.folder), data.recipe)
    rng, times = np.random.default_rng(0), data.recipe.window.future_times_s
    for seed in (5, 6):
        speeds, commands = rng.uniform(1, 9, 30), rng.integers(0, 3, 30)
        futures = np.zeros((30, len(times), 3))
        futures[..., 0] = speeds[:, None] * times
        futures[..., 1] = (1.0 - commands[:, None]) * times
        np.savez(
            shard_path(Path(data.folder), seed),
            images=rng.integers(0, 255, (30, 2, 32, 64, 3), dtype=np.uint8),
            dynamics=np.stack([speeds, np.zeros(30), np.zeros(30)], -1),
            commands=commands,
            futures=futures,
            traffic=np.array(seed == 6),
        )
    return data


def test_samples_are_what_was_stored(towns: TownData) -> None:
    samples = TownSamples(TownsConfig((towns,)), NEEDS)
    stored = np.load(shard_path(Path(towns.folder), 6))
    assert len(samples) == 60 and samples.traffic(31) and not samples.traffic(29)
    observation = samples.observation(33)
    assert observation.speed_mps == stored["dynamics"][3, 0] and observation.command == COMMANDS[stored["commands"][3]]
    assert np.array_equal(observation.frames[0].cameras[1].image, stored["images"][3, 1])
    assert observation.frames[0].cameras[1].camera.K[0, 0] == pytest.approx(412 * 64 / 384)
    objective = NextToken(NextTokenConfig(), MODEL, torch.device("cpu"))
    example = objective.example(samples[33])
    assert np.array_equal(example.prepared.parts["camera"][0][1].image, stored["images"][3, 1].transpose(2, 0, 1))
    drawn = example.draw(objective.tasks[0], 0, None)
    assert drawn is not None
    assert np.abs(objective.tasks[0].decode(drawn.ids)[:, :2] - stored["futures"][3, :, :2]).max() <= 0.0251
    black = open_source(TownsConfig((towns,), black=True), NEEDS)
    assert not np.any(black[33].observation.frames[0].cameras[0].image)


def test_samples_with_a_past_have_the_frame_before(tmp_path: Path) -> None:
    """Two states half a second after they stood 2 m behind: the network is told that, and shown both pictures."""
    window = Window(past_s=0.5, frames=2)
    recipe = Recipe(rig=RIG, width=64, height=32, window=window, past=True)
    data = TownData(first=5, count=1, folder=str(tmp_path), recipe=recipe)
    open_folder(tmp_path, recipe)
    images = np.random.default_rng(0).integers(0, 255, (2, 2, 2, 32, 64, 3), dtype=np.uint8)
    np.savez(
        shard_path(tmp_path, 5),
        images=images[:, 1],
        dynamics=np.full((2, 3), 4.0),
        commands=np.zeros(2, dtype=np.int64),
        futures=np.zeros((2, 6, 3)),
        traffic=np.array(False),
        earlier=images[:, :1],
        past=np.tile([[-2.0, 0.0, 0.0], [0.0, 0.0, 0.0]], (2, 1, 1)),
    )
    model = replace(MODEL, window=window, inputs=Inputs())
    samples = TownSamples(TownsConfig(towns=(data,)), kind_of(model).needs(model))
    observation = samples[1].observation
    assert [frame.time_s for frame in observation.frames] == [-0.5, 0.0] and observation.past.valid.all()
    for k, frame in enumerate(observation.frames):
        assert all(np.array_equal(view.image, images[1, k, c]) and view.time_s == frame.time_s for c, view in enumerate(frame.cameras))
    assert observation.past.poses[0].tolist() == [-2.0, 0.0, 0.0] and samples.unread(1).observation.past.valid.all()
    batch = collate([prepare(observation, model), prepare(samples.observation(0), model)])
    assert DrivingNetwork(model).eval().prefix(batch).length > 0


def test_towns_of_one_picture_serve_a_network_of_two(towns: TownData) -> None:
    """As a drive's beginning; not where past poses are looked at, nor where plans are of other times."""
    two = replace(MODEL, window=Window(past_s=0.5, frames=2))
    samples = TownSamples(TownsConfig((towns,)), kind_of(two).needs(two))
    assert len(samples[0].observation.frames) == 1 and samples[0].observation.past.poses.shape == (2, 3)
    past = replace(towns.recipe, past=True)
    assert past.shown_to(two.window, past=False) == past.window and past.shown_to(two.window, past=True) is None
    assert past.shown_to(Window(future_s=5.0), past=False) is None


def test_samples_of_real_towns_tell_what_was_around(tmp_path: Path) -> None:
    recipe = Recipe(rig=RIG, width=64, height=32, per_town=2, empty_share=0.0, past=True, target=True)
    data = TownData(first=10_003, count=1, folder=str(tmp_path), recipe=recipe)
    samples = TownSamples(TownsConfig(towns=(data,)), replace(NEEDS, past=True))
    for sample in (samples[i] for i in range(len(samples))):
        target, past = sample.target, sample.observation.past
        assert past.valid.all() and len(past.poses) == 5 and target.future.valid.all()
        assert target.agents is not None and target.lanes is not None and target.lights is not None and target.route is not None
        assert target.map is not None and target.signs is not None and len(target.lanes.ids) == len(target.lanes.lines) > 0
        assert target.agents.valid.shape == (len(target.agents.instances), 5 + 6)
    require_same_answers(samples)


def test_samples_are_checked_once_a_stage(towns: TownData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again where the stage is measured: that is as long as some hundred steps."""
    checked = list[str]()
    monkeypatch.setattr(checks, "check_samples", lambda config, stage, mix: checked.append(stage.name) or check(config, stage, mix))
    check = check_samples
    stages = tuple(
        Stage(data=TownsConfig((towns,)), name=name, steps=2, batch_size=4, warmup_steps=1, objective=NextTokenConfig(sigma=sigma))
        for name, sigma in (("one", {}), ("two", {"metre": 0.2}))
    )
    train(RunConfig(out=str(tmp_path / "run"), model=MODEL, stages=stages, device="cpu"))
    assert checked == ["one", "two"]


def require_same_answers(samples: Source) -> None:
    """What is in view is in view before the pictures are read too: every answer to every task."""
    tasks = make_tasks(tuple(TASKS), ModelConfig(requests=tuple(TASKS)).vocabulary, NEEDS.window)
    told = 0
    for index in range(len(samples)):
        whole, early = (answers_to(tasks, range(len(tasks)), sample) for sample in (samples[index], samples.unread(index)))
        for task, right, found in zip(tasks, whole, early, strict=True):
            assert [(prompt, task.to_json(value)) for prompt, value in found] == [(p, task.to_json(v)) for p, v in right], task.name
            told += len(right)
    assert told > 0


@pytest.mark.parametrize("turns", [(), (-4.0, 0.0, 4.0)])
def test_samples_of_a_data_set_have_the_same_answers_before_their_pictures_are_read(mini: Path, turns: tuple[float, ...]) -> None:
    data = DatasetConfig(root=str(mini), split="stopped,accelerate", yaw_degrees=turns, yaw_margin_degrees=5.0)
    require_same_answers(DatasetSamples(data, NEEDS))


def test_speed_alone_leaves_the_rates_out(towns: TownData) -> None:
    observation = replace(TownSamples(TownsConfig((towns,)), NEEDS).observation(0), acceleration_mps2=2.0, yaw_rate_radps=0.5)
    assert np.count_nonzero(dynamics_features(observation, rates=False)) == 2
    assert np.count_nonzero(dynamics_features(observation)) == 6


def test_towns_that_do_not_fit_the_network_are_refused(towns: TownData) -> None:
    with pytest.raises(ValueError, match="give both the same size"):
        TownSamples(TownsConfig((towns,)), replace(NEEDS, size=(96, 32)))
    with pytest.raises(ValueError, match="have no past"):
        TownSamples(TownsConfig((towns,)), kind_of(MODEL).needs(replace(MODEL, inputs=Inputs())))
    with pytest.raises(ValueError, match="recipe.window"):
        TownSamples(TownsConfig((towns,)), replace(NEEDS, window=replace(MODEL.window, future_s=2.0)))
    with pytest.raises(ValueError, match="set recipe.target"):
        TownSamples(TownsConfig((towns,)), kind_of(MODEL).needs(replace(MODEL, inputs=replace(MODEL.inputs, others=("navigation",)))))


def test_a_run_on_towns_writes_a_planner_that_keeps_the_contract(towns: TownData, tmp_path: Path) -> None:
    stage = Stage(data=TownsConfig((towns,)), steps=2, batch_size=4, warmup_steps=1)
    run = train(RunConfig(out=str(tmp_path / "run"), model=MODEL, stages=(stage,), device="cpu"))
    planner = load_planner(run.checkpoint)
    observations = [TownSamples(TownsConfig((towns,)), NEEDS).observation(i) for i in (0, 40)]
    assert isinstance(planner, NetworkPlanner)
    check_planner(planner, observations)
    black = load_planner(f"black:{run.checkpoint}")
    assert isinstance(black, ShownLess) and black.name == "run-black" and black.spec == planner.spec
    check_planner(black, observations)
    dark = TownSamples(TownsConfig((towns,), black=True), NEEDS).observation(40)
    assert np.array_equal(black.plan(observations[1]).best, planner.plan(dark).best)


@pytest.mark.slow
def test_the_blind_floor_learns_speed_and_command(towns: TownData, tmp_path: Path) -> None:
    stage = Stage(objective=RegressionConfig(), data=TownsConfig((towns,)), steps=400, batch_size=256, learning_rate=2e-3)
    fit = train(RunConfig(out=str(tmp_path / "ego-mlp"), model=EgoMlpConfig(), stages=(stage,), device="cpu")).after
    assert fit is not None and fit.l2_average < 0.5
    planner = load_planner(tmp_path / "ego-mlp")
    assert planner.name == "ego-mlp"
    check_planner(planner, [TownSamples(TownsConfig((towns,)), NEEDS).observation(i) for i in (0, 1)])


def test_a_damaged_blind_floor_is_refused(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "ego-mlp", EgoMlp(EgoMlpConfig(width=8)), {})
    (folder / "config.json").write_text('{"kind": "ego-mlp", "width": 16}')
    with pytest.raises(ValueError, match="does not fit"):
        load_planner(folder)


def test_a_summary_answers_and_keeps_the_batch_apart(towns: TownData) -> None:
    torch.manual_seed(0)
    model = replace(MODEL, camera=replace(MODEL.camera, summary=3))
    planner, samples = NetworkPlanner(DrivingNetwork(model).eval()), TownSamples(TownsConfig((towns,)), NEEDS)
    assert len(planner.network.prefix_sequence(prepare(samples.observation(0), model)).labels) == 2 * 3 + 2
    batch = collate([prepare(samples.observation(i), model) for i in (0, 40)])
    both, alone = planner.network.prefix(batch), planner.network.prefix(collate([prepare(samples.observation(40), model)]))
    assert both.length == 2 * 3 + 2 and torch.allclose(both.layers[0][0][1:], alone.layers[0][0], atol=1e-5)
    check_planner(planner, [samples.observation(i) for i in (0, 40)])


def test_noise_moves_the_answers_that_go_in_and_nothing_else(towns: TownData) -> None:
    samples = TownSamples(TownsConfig((towns,)), NEEDS)
    objective = NextToken(NextTokenConfig(sigma={"metre": 0.2}, noise={"metre": 1.0}), MODEL, torch.device("cpu"))
    examples = [objective.example(samples[i]) for i in range(20)]
    rngs = [np.random.default_rng(i) for i in range(20)]
    spans, moved = objective.collate(examples, None).spans, objective.collate(examples, rngs).spans
    still, now, metres = spans.packed.ids, moved.packed.ids, objective.ranges["metre"].ids
    metre = (still >= metres.start) & (still < metres.stop)
    assert torch.equal(now[~metre], still[~metre]) and ((now[metre] >= metres.start) & (now[metre] < metres.stop)).all()
    assert torch.equal(moved.targets, spans.targets) and torch.equal(moved.states, spans.states)
    assert ((now - still)[metre].float() * MODEL.vocabulary.grid("metre").step).std() == pytest.approx(1.0, abs=0.15)
