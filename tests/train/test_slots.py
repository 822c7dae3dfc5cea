"""Slots: what they should say, how far off they are, and which patches become tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from drive.answers.boxes import CLASSES, Boxes
from drive.answers.roads import LaneLines
from drive.cameras import project
from drive.config import Jitter, NextTokenConfig
from drive.model.inputs import collate, prepare
from drive.model.network import DrivingNetwork
from drive.model.sensors.base import Encoded, Told
from drive.model.sensors.pictures import View, make_view
from drive.model.slots import LANE_POINTS, THING, LaneSlots, ThingSlots
from drive.tokens.vocab import Vocabulary
from drive.train.jitter import _jittered_view
from drive.train.objectives import NextToken
from drive.train.slots import NOT_TOLD, NOTHING, SlotTruth, lanes_loss, nearest_lanes, on_patches, slots_loss, things_loss
from tests.model.conftest import TINY, make_observation
from tests.train.test_packing import CPU
from tests.train.tiny import MODEL

SLOTTED = replace(TINY, camera=replace(TINY.camera, summary=2, peaks=1, glance=True, things=3, lanes=4))


def boxes_at(centres: np.ndarray, names: tuple[str, ...] | None = None) -> Boxes:
    count = len(centres)
    names = names or ("car",) * count
    nothing = np.zeros(count)
    return Boxes(names, centres, np.ones((count, 3)), nothing, np.zeros((count, 2)), nothing > 0, np.ones(count))


def views(seed: int = 0, cameras: int = 3) -> list[View]:
    return [make_view(image, TINY) for image in make_observation(seed, cameras).frames[-1].cameras]


def test_a_thing_stands_on_the_patch_that_its_centre_is_seen_in() -> None:
    rng = np.random.default_rng(0)
    found = 0
    for view in views():
        rows, columns = view.rays.shape[:2]
        for centre in rng.uniform([-30, -30, 0], [30, 30, 3], (300, 3)):
            told = on_patches(boxes_at(centre[None]), [view])
            (pixel,), (seen,) = project(view.camera, centre[None])
            if not seen or not ((pixel >= 0) & (pixel < [view.camera.width, view.camera.height])).all():
                continue
            column, row = (pixel * [columns / view.camera.width, rows / view.camera.height]).astype(int)
            (patch,) = np.flatnonzero(told[:, 0] >= 0)
            apart = np.abs(np.array(divmod(patch, columns)) + 0.5 - pixel[::-1] * [rows / view.camera.height, columns / view.camera.width])
            assert apart.max() < 0.55 or patch == row * columns + column  # rays are nearest by angle, pixels by place
            found += 1
    assert found > 50


def test_things_out_of_the_picture_or_behind_stand_nowhere_and_the_nearest_hides_others() -> None:
    front = views(cameras=1)
    assert (on_patches(boxes_at(np.array([[-20.0, 0.2, 1.5], [3.0, 30.0, 1.5]])), front)[:, 0] == -1).all()
    assert (on_patches(None, front)[:, 0] == NOT_TOLD).all()
    cut = on_patches(replace(boxes_at(np.array([[10.0, 0.1, 1.5]])), left_out=3), front)[:, 0]
    assert sorted(set(cut.tolist())) == [NOT_TOLD, CLASSES.index("car")]  # what was left out is not denied
    told = on_patches(boxes_at(np.array([[10.0, 0.1, 1.5], [30.0, 0.2, 1.5]]), ("bus", "car")), front)
    (patch,) = np.flatnonzero(told[:, 0] >= 0)
    assert told[patch].tolist() == pytest.approx([CLASSES.index("bus"), 10.0, 0.1])


def test_moved_and_turned_pictures_move_what_stands_on_them() -> None:
    (view,) = views(cameras=1)
    centre = np.array([[15.0, 1.0, 1.5]])
    angle = np.radians(20.0)
    turned = _jittered_view(view, Jitter(), angle, np.random.default_rng(0))
    spun = np.array([[np.cos(angle) * 15.0 - np.sin(angle), np.sin(angle) * 15.0 + np.cos(angle), 1.5]])
    before, after = on_patches(boxes_at(centre), [view]), on_patches(boxes_at(spun), [turned])
    assert (before[:, 0] == after[:, 0]).all() and (before[:, 0] >= 0).sum() == 1
    moved = _jittered_view(view, Jitter(shift=0.3), 0.0, np.random.default_rng(1))
    assert (on_patches(boxes_at(centre), [moved])[:, 0] != before[:, 0]).any()


def perfect(truth: Tensor) -> Tensor:
    right = F.one_hot(truth[..., 0].long().clamp(min=0), len(CLASSES)) * (truth[..., :1] >= 0)
    return torch.cat([right * 40.0 - 20.0, truth[..., 1:]], -1)


def test_things_told_right_cost_nothing_and_everything_else_costs() -> None:
    truth = torch.full((2, 7, 3), -1.0)
    truth[0, 2], truth[1, 5] = torch.tensor([0.0, 12.0, -3.0]), torch.tensor([8.0, 7.0, 2.0])
    told = perfect(truth)
    assert things_loss(told, truth).item() == pytest.approx(0.0, abs=1e-6)
    for change in ((0, 2, len(CLASSES), 3.0), (1, 5, len(CLASSES) + 1, 1.0), (0, 3, 0, 40.0), (1, 5, 8, -40.0)):
        worse = told.clone()
        worse[change[:3]] += change[3]
        assert things_loss(worse, truth).item() > 0.05, change
    assert torch.isfinite(things_loss(told, torch.full_like(truth, -1.0)))


def test_what_is_not_known_costs_nothing() -> None:
    truth = SlotTruth(torch.full((2, 5, 3), NOT_TOLD), (None, None))
    told = Told(torch.randn(2, 1, 5, THING, requires_grad=True), torch.randn(2, 1, 4, 1 + 2 * LANE_POINTS, requires_grad=True))
    losses = slots_loss(Encoded(torch.zeros(2, 1, 9, 8), torch.ones(2, 1, 9, dtype=torch.bool), told), truth)
    assert [loss.item() for loss in losses.values()] == [0.0, 0.0]
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert told.things is not None and told.things.grad is not None


def test_lanes_are_matched_in_any_order() -> None:
    rng = np.random.default_rng(0)
    lines = [np.cumsum(rng.uniform(0, 4, (5, 2)), 0) + [0, 6 * k] for k in range(3)]
    lanes = torch.from_numpy(nearest_lanes(LaneLines(tuple(lines), np.ones(3)), 3))
    told = torch.cat([torch.full((5, 1), -20.0), torch.randn(5, 2 * LANE_POINTS) * 30], -1)
    told[[4, 0, 2]] = torch.cat([torch.full((3, 1), 20.0), lanes.flatten(1)], -1)
    assert lanes_loss(told[None], [lanes]).item() == pytest.approx(0.0, abs=1e-5)
    assert lanes_loss(told[None], [lanes.flip(0)]).item() == pytest.approx(0.0, abs=1e-5)
    assert lanes_loss(told[None], [lanes.flip(1)]).item() > 0.5  # the other way round is another lane
    assert lanes_loss(told[None], [lanes[:0]]).item() > 1.0  # lanes that there are not


def test_the_nearest_lanes_are_told_with_even_points() -> None:
    straight = np.array([[0.0, 0.0], [1.0, 0.0], [10.0, 0.0]])
    value = LaneLines((straight + [0, 20], straight + [0, 3], straight), np.ones(3))
    nearest = nearest_lanes(value, 2)
    np.testing.assert_allclose(nearest[0], np.stack([np.linspace(0, 10, LANE_POINTS), np.zeros(LANE_POINTS)], -1), atol=1e-6)
    assert (nearest[1, :, 1] == 3).all() and len(nearest) == 2
    assert nearest_lanes(LaneLines((), np.zeros(0)), 4).shape == (0, LANE_POINTS, 2)


def test_the_likeliest_things_become_tokens_nearest_first_and_one_alone_of_each() -> None:
    torch.manual_seed(0)
    things = ThingSlots(3, 32)
    told = torch.full((1, 1, 6, THING), -9.0)
    told[..., len(CLASSES) :] = torch.tensor([[20.0, 0], [8, 0], [8.5, 0], [30, 5], [12, 2], [3, 3]])
    for patch, logit in ((0, 3.0), (1, 2.0), (2, 4.0), (4, 1.0)):
        told[0, 0, patch, 0] = logit
    tokens = torch.randn(1, 1, 6, 32)
    there = torch.ones(1, 1, 6, dtype=torch.bool)
    made = things(tokens, told, there)
    alone = [things(tokens[:, :, [p] * 3], told[:, :, [p] * 3], there[:, :, :3])[0, 0, k] for k, p in enumerate((2, 4, 0))]
    torch.testing.assert_close(made[0, 0], torch.stack(alone))
    few = ThingSlots(9, 32)(tokens, told, there)
    assert few.shape == (1, 1, 9, 32) and torch.isfinite(few).all()


def test_pictures_that_are_not_there_change_no_slot() -> None:
    torch.manual_seed(0)
    network = DrivingNetwork(SLOTTED).eval()
    prepared = [prepare(make_observation(seed, cameras=n), SLOTTED) for seed, n in enumerate((1, 3))]
    with torch.inference_mode():
        together = network.frame_parts(collate(prepared))["camera"]
        for b, one in enumerate(prepared):
            alone = network.frame_parts(collate([one]))["camera"]
            torch.testing.assert_close(together.tokens[b, :, -7:], alone.tokens[0, :, -7:], rtol=1e-4, atol=1e-4)
            assert together.valid[b, :, -7:].all()
            assert network.prefix_sequence(one).labels[alone.tokens.shape[2] - 7 : alone.tokens.shape[2]] == ("frame 0 camera",) * 7


def test_slots_and_glances_are_of_t0_where_items_have_fewer_frames_than_others() -> None:
    torch.manual_seed(0)
    network = DrivingNetwork(SLOTTED).eval()
    few, many = (prepare(make_observation(seed, cameras=2, frames=n), SLOTTED) for seed, n in enumerate((1, 3)))
    patches = [sum(int(np.prod(view.rays.shape[:2])) for view in one.parts["camera"][-1]) for one in (few, many)]
    truth = SlotTruth(torch.full((2, max(patches), 3), NOTHING), (torch.zeros(1, LANE_POINTS, 2),) * 2)
    truth.things[0, 3] = torch.tensor([0.0, 12.0, 1.0])
    with torch.inference_mode():
        together = network.frame_parts(collate([few, many]))["camera"]
        alone = [network.frame_parts(collate([one]))["camera"] for one in (few, many)]
        torch.testing.assert_close(network.glance(together), torch.cat([network.glance(one) for one in alone]), rtol=1e-4, atol=1e-4)
        each = [slots_loss(one, SlotTruth(truth.things[[b]], truth.lanes[:1])) for b, one in enumerate(alone)]
        both = slots_loss(together, truth)
        assert both["things"].item() == pytest.approx(sum(one["things"].item() for one in each), rel=1e-3)
        assert both["lanes"].item() == pytest.approx(sum(one["lanes"].item() for one in each) / 2, rel=1e-3)


def test_patches_of_earlier_frames_and_of_other_items_pictures_count_nothing() -> None:
    truth = torch.full((1, 4, 3), NOTHING)
    truth[0, 1] = torch.tensor([2.0, 9.0, 0.0])
    told = torch.randn(1, 2, 7, THING)
    seen = Encoded(torch.zeros(1, 2, 7, 8), torch.ones(1, 2, 7, dtype=torch.bool), Told(told, None))
    assert slots_loss(seen, SlotTruth(truth, (None,)))["things"].item() == pytest.approx(things_loss(told[:, 1, :4], truth).item())


def test_lanes_begin_apart() -> None:
    for count in (1, 2, 5):
        said = LaneSlots(count, 16).told(torch.zeros(1, 1, count * (1 + 2 * LANE_POINTS)))
        points = said[0, 0, :, 1:].unflatten(-1, (LANE_POINTS, 2))
        assert len({tuple(lane.flatten().tolist()) for lane in points}) == count


def test_slots_that_are_not_there_are_refused() -> None:
    model = replace(MODEL, vocabulary=Vocabulary())
    with pytest.raises(ValueError, match=r"model.camera.things"):
        NextToken(NextTokenConfig(slots=1.0), model, CPU)
    with pytest.raises(ValueError, match="slots"):
        NextTokenConfig(slots=-1.0)
    with pytest.raises(ValueError, match=r"boxes or roads"):
        NextToken(NextTokenConfig(slots=1.0), replace(model, camera=replace(model.camera, things=3)), CPU)
