"""The fast kernels against the protocols in their plain form, on made-up traffic."""

from __future__ import annotations

import numpy as np
import pytest

from drive.eval.openloop import bevplanner, exact, plain, sparsedrive, stp3, uniad, vad
from drive.eval.openloop.batch import OpenLoopBatch, Plans
from drive.eval.openloop.made import made_batch, made_plans


@pytest.fixture(scope="module", params=[15.0, 60.0], ids=["dense", "to the border"])
def case(request: pytest.FixtureRequest) -> tuple[OpenLoopBatch, Plans]:
    """Dense traffic, and traffic out to the grid's border with some plans that leave the grid."""
    batch = made_batch(60, agents=25, seed=3, span_m=request.param)
    plans = made_plans(batch)
    if request.param > 50:
        plans.xy[:20] *= 4
        plans.poses[:20, :, :2] *= 4
    return batch, plans


def test_uniad(case: tuple[OpenLoopBatch, Plans]) -> None:
    batch, plans = case
    found = uniad.per_step(batch, plans.xy).box
    np.testing.assert_array_equal(found, plain.uniad_flags(batch, plans.xy))
    assert found.any() and not found.all()


def test_uniad_without_some_futures(case: tuple[OpenLoopBatch, Plans]) -> None:
    batch, plans = case
    kept = batch.gt_mask.copy()
    batch.gt_mask[::2, 3:] = False
    np.testing.assert_array_equal(uniad.per_step(batch, plans.xy).box, plain.uniad_flags(batch, plans.xy))
    batch.gt_mask[:] = kept


def test_vad(case: tuple[OpenLoopBatch, Plans]) -> None:
    batch, plans = case
    found = vad.per_step(batch, plans.xy).box
    np.testing.assert_array_equal(found, plain.vad_flags(batch, plans.xy))
    assert found.any()


def test_stp3(case: tuple[OpenLoopBatch, Plans]) -> None:
    batch, plans = case
    found = stp3.per_step(batch, plans.xy).box
    np.testing.assert_array_equal(found, plain.stp3_flags(batch, plans.xy))
    assert found.any()


def test_bevplanner(case: tuple[OpenLoopBatch, Plans]) -> None:
    batch, plans = case
    objects, boundary = bevplanner.per_step(batch, plans.xy)
    flags, edges = plain.bevplanner_flags(batch, plans.xy)
    np.testing.assert_array_equal(objects.box, flags)
    np.testing.assert_array_equal(boundary.box, edges)
    assert flags.any() and edges.any()


def test_sparsedrive(case: tuple[OpenLoopBatch, Plans]) -> None:
    batch, plans = case
    found = sparsedrive.per_step(batch, plans.xy)[1]
    np.testing.assert_array_equal(found, plain.sparsedrive_flags(batch, plans.xy))
    assert found.any()


def test_exact(case: tuple[OpenLoopBatch, Plans]) -> None:
    batch, plans = case
    found = exact.collisions(plans.poses, batch.agent_boxes, batch.agent_valid & batch.agent_road_user[:, :, None])
    np.testing.assert_array_equal(found, plain.exact_flags(batch, plans.poses))
    assert found.any()
