"""NAVSIM on a file of scenes, or on those made of a data set: `navsim1` (PDM score, v1.1), `navsim2` (extended PDM score, v2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from drive.data.dataset import Samples
from drive.eval.benchmarks.base import LOG, PRED, Answer, Benchmark, Cases, FromSamples, Input, observed
from drive.eval.navsim import epdms, pdms, v1, v2
from drive.eval.navsim.from_samples import SAMPLES_WINDOW, Built, scenes_of
from drive.eval.navsim.load import load_with_plans
from drive.eval.navsim.runs import OF_KNOWN, told_lacks
from drive.eval.navsim.scene import PLAN_TIMES_S, STATE_COLUMNS, Scene
from drive.eval.result import BenchmarkResult
from drive.frames import compose_se2, invert_se2
from drive.schema import Observation, PlanError, Window

REFERENCE = "pdm-closed"
WINDOW = Window(past_s=1.5, future_s=4.0, rate_hz=2.0)
VX, AX, YAW_RATE = (STATE_COLUMNS.index(name) for name in ("vx", "ax", "yaw_rate"))


def read(path: Path) -> Cases:
    """The scenes of an .npz file (`drive.eval.navsim.load_scenes`)."""
    loaded = load_with_plans(path)
    scenes = [scene for scene, _ in loaded]
    answers = {
        LOG: [PlanError("the scene has no human drive") if scene.human is None else scene.human for scene in scenes],
        PRED: [PlanError("the file has no plan for this scene") if plan is None else plan for _, plan in loaded],
    }
    given = {name: rows for name, rows in answers.items() if not all(isinstance(row, PlanError) for row in rows)}
    groups = tuple(scene.log or scene.token for scene in scenes)
    return Cases(tuple(s.token for s in scenes), groups, scenes, tuple(map(_observation, scenes)), given)


def _observation(scene: Scene) -> Observation:
    ego = scene.ego
    past = np.zeros((1, 3)) if scene.past is None else compose_se2(invert_se2(ego[:3]), scene.past[:, :3])
    known = {"speed_mps": float(ego[VX]), "acceleration_mps2": float(ego[AX]), "yaw_rate_radps": float(ego[YAW_RATE])}
    return observed(scene.token, past, 1 / WINDOW.rate_hz, PLAN_TIMES_S, **known)


def make(samples: Samples, limit: int | None) -> Cases:
    """The scenes of a data set (`drive.eval.navsim.from_samples`), with rows for the recorded drives and for the reference planner."""
    built = scenes_of(samples, limit)
    if not built.scenes:
        why = ", ".join(f"{count} x {reason}" for reason, count in built.left_out.most_common())
        raise ValueError(f"none of the {len(samples)} samples makes a NAVSIM scene: {why}")
    answers: dict[str, list[Answer]] = {LOG: [], REFERENCE: []}
    for scene in built.scenes:
        answers[LOG].append(PlanError("no record") if scene.human is None else scene.human)
        answers[REFERENCE].append(PlanError("no lanes to drive along") if scene.untold(["ego_progress"]) else scene.reference[5::5])
    given = {name: rows for name, rows in answers.items() if not all(isinstance(row, PlanError) for row in rows)}
    tokens, groups = tuple(scene.token for scene in built.scenes), tuple(scene.log for scene in built.scenes)
    observations = tuple(replace(sample.observation, future_times_s=PLAN_TIMES_S) for sample in built.samples)
    return Cases(tokens, groups, built.scenes, observations, given, _told(built))


def _told(built: Built) -> tuple[str, ...]:
    return tuple(f"samples that make no scene: {count} x {reason}" for reason, count in built.left_out.most_common())


def notes1(scenes: Sequence[Scene], result: BenchmarkResult) -> list[str]:
    """Terms of v1 without a value, and why."""
    return told_lacks(scenes, v1.TERMS)


def notes2(scenes: Sequence[Scene], result: BenchmarkResult) -> list[str]:
    """Terms of v2 without a value, and why."""
    return told_lacks(scenes, (*v2.FACTORS, *v2.WEIGHTS))


SCENES = Input("an .npz of NAVSIM scenes", ".npz", frozenset({"s0_ego0", "s0_ref"}), read)
FROM_SAMPLES = FromSamples(SAMPLES_WINDOW, make)
NAVSIM1 = Benchmark(
    "navsim1",
    "autonomousvision/navsim 3e8291b",
    {"score": "NC * DAC * (5 EP + 5 TTC + 2 C) / 12", "version": "1.1", "weights": v1.WEIGHTS},
    SCENES,
    pdms,
    made=FROM_SAMPLES,
    notes=notes1,
    window=WINDOW,
    main=("pdm_score", "pdm_score" + OF_KNOWN),
)
NAVSIM2 = Benchmark(
    "navsim2",
    "autonomousvision/navsim 0a380a9",
    {
        "score": "NC * DAC * DDC * TLC * (5 EP + 5 TTC + 2 LK + 2 HC + 2 EC) / 16; EC where the frame before is among the scenes",
        "version": "2.2",
        "weights": {**v2.WEIGHTS, v2.EXTENDED_COMFORT: v2.EXTENDED_COMFORT_WEIGHT},
        "human_filter": "on, for original scenes with a human drive; epdms has it in, pdm_score has not",
    },
    SCENES,
    epdms,
    made=FROM_SAMPLES,
    notes=notes2,
    window=WINDOW,
    main=("epdms", "epdms" + OF_KNOWN),
)
