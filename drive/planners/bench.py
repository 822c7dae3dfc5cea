"""How long a plan takes and what of it goes where: reading, the backbone, the transformer over the prefix, decoding."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drive.frames import Array
from drive.planners.load import load_planner
from drive.planners.network import NetworkPlanner
from drive.render.rigs import load_rig
from drive.schema import CameraImage, Frame, Observation, Trajectory

RIG, PICTURES = "nuscenes", 2
COARSE, QUALITY = 24, 75  # pixels between the noise's values; of the JPEG files


@dataclass(frozen=True)
class PlanBench:
    """CPU milliseconds of one thread, the best of several runs. tokens: of the plan and its thoughts. samples: of `plan_many_ms`."""

    planner: str
    pictures: int
    size: tuple[int, int]
    tokens: int
    samples: int
    load_s: float
    read_ms: float
    sensors_ms: float
    prefix_ms: float
    plan_ms: float
    plan_many_ms: float

    @property
    def shares_ms(self) -> dict[str, float]:
        """What follows each other in a plan; decoding is what is left of it."""
        parts = {"reading": self.read_ms, "sensors": self.sensors_ms, "prefix": max(0.0, self.prefix_ms - self.sensors_ms)}
        return parts | {"decoding": max(0.0, self.plan_ms - self.read_ms - self.prefix_ms)}

    def rows(self) -> list[dict[str, Any]]:
        """Rows for report.json."""
        values = {"load": self.load_s * 1e3} | self.shares_ms | {"plan": self.plan_ms, f"plan_{self.samples}_samples": self.plan_many_ms}
        return [{"planner": self.planner, "metric": name, "value": value, "unit": "ms"} for name, value in values.items()]

    def __str__(self) -> str:
        width, height = self.size
        lines = [f"{self.planner}: {self.pictures} pictures of {width}x{height}, {self.tokens} tokens a plan; one thread, CPU time"]
        for name, value in self.shares_ms.items():
            lines.append(f"  {name:<9}{value:8.1f} ms {100 * value / self.plan_ms:5.0f} %")
        many = f"with {self.samples} samples {self.plan_many_ms:.1f} ms; loading {self.load_s:.1f} s"
        lines.append(f"  {'plan':<9}{self.plan_ms:8.1f} ms   {many}")
        return "\n".join(lines)


def bench_plan(spec: str, pictures: int = PICTURES, samples: int = 16, repeats: int = 15) -> PlanBench:
    """A checkpoint's plan from made-up pictures of a rig's first cameras, read from JPEG files. Raises ValueError where the planner is no
    network."""
    began = time.process_time()
    planner = load_planner(spec, "cpu")
    load_s = time.process_time() - began
    if not isinstance(planner, NetworkPlanner):
        raise ValueError(f"drive bench plan measures networks; {planner.name!r} is none")
    planner = replace(planner, rig=())  # as many pictures as asked for, none made of others
    import torch

    from drive.model.inputs import collate, prepare
    from drive.model.trace import OFTEN

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
            observation = _observation(planner, Path(folder), pictures)
            network = planner.network
            read_ms, prepared = _best(lambda: prepare(observation, network.config), repeats)
            batch = collate([prepared])
            for _ in range(OFTEN + 2):  # backbones are traced once they are called often
                network.encode_frames(batch)
            sensors_ms, _ = _best(lambda: network.encode_frames(batch), repeats)
            prefix_ms, _ = _best(lambda: network.prefix(batch), repeats)
            plan_ms, _ = _best(lambda: planner.plan(observation), repeats)
            plan_many_ms, _ = _best(lambda: planner.plan(observation, samples), max(3, repeats // 3))
            tokens = sum(len(ids) for _, ids in planner.spans(observation, (planner.plan_chain[0],)))
    finally:
        torch.set_num_threads(threads)
    camera = observation.frames[0].cameras[0].camera
    size = (camera.width, camera.height)
    return PlanBench(planner.name, pictures, size, tokens, samples, load_s, read_ms, sensors_ms, prefix_ms, plan_ms, plan_many_ms)


def _observation(planner: NetworkPlanner, folder: Path, pictures: int) -> Observation:
    """Smooth noise, whose JPEG files are as large as nuScenes' (110 to 165 kB)."""
    rng, views = np.random.default_rng(0), []
    for camera in load_rig(RIG)[:pictures]:
        coarse = rng.integers(0, 256, (camera.height // COARSE, camera.width // COARSE, 3), dtype=np.uint8)
        path = folder / f"{camera.name}.jpg"
        picture = cv2.resize(coarse, (camera.width, camera.height), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        views.append(CameraImage(camera, 0.0, path))
    window = planner.network.config.window
    times: Array = window.past_times_s
    past = Trajectory(np.stack([8.0 * times, 0 * times, 0 * times], -1), times, np.ones(len(times), dtype=bool))
    return Observation("bench", (Frame(0.0, tuple(views)),), past, window.future_times_s, 8.0, 0.0, 0.0, "straight")


def _best(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Least CPU milliseconds of several runs, and what the last one gave."""
    least, result = np.inf, None
    for _ in range(repeats):
        began = time.process_time()
        result = work()
        least = min(least, 1e3 * (time.process_time() - began))
    return float(least), result
