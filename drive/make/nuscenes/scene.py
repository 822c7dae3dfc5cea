"""One scene of a data set: its files, and its rows in all tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from drive.make.nuscenes.annotate import annotation_rows
from drive.make.nuscenes.can_bus import write_can_bus
from drive.make.nuscenes.lidar import CHANNEL, Sweep
from drive.make.nuscenes.tables import Row, Rows, chain, flat_fields, merged, token
from drive.make.nuscenes.take import KEY_STEPS, SceneJob, Spec, Take, find_take
from drive.make.nuscenes.visibility import Outlines, level, seen_pixels
from drive.outputs import writable_folder
from drive.render import look
from drive.render.scene import Buffers
from drive.render.weather import Weather
from drive.schema import CameraImage, Frame, Window
from drive.tasks.messages import write_records
from drive.tasks.writer import Writer
from drive.world.state import HEADING, State, X, Y
from drive.world.target import sample_of


def record_scene(spec: Spec, job: SceneJob) -> tuple[Rows, dict[str, int], str]:
    """Writes a scene's files below spec.root -> its rows, how many annotations of each category benchmarks count, its description.

    Raises ValueError where no drive of the town that is tried has all ten classes near.
    """
    return Recorder(spec, job, find_take(spec, job)).record()


def log_token(spec: Spec, town: int) -> str:
    """Token of a town's row in table log."""
    return token("log", spec.seed, spec.distribution, town)


def describe(weather: Weather) -> str:
    """A few words; benchmarks look for "night" and "rain" in a scene's description."""
    words = ["Night" if weather.night else "Low sun" if weather.sun_elevation_rad < 0.35 else "Day"]
    words += ["rain"] if weather.rain > 0 else []
    words += ["fog"] if weather.fog_visibility_m < 200 else []
    words += ["overcast"] if weather.cloud > 0.7 and len(words) == 1 and not weather.night else []
    return ", ".join(words)


class Recorder:
    """Writes one scene: its files, then its rows."""

    def __init__(self, spec: Spec, job: SceneJob, take: Take) -> None:
        self.spec, self.job, self.take = spec, job, take
        self.samples = [token("sample", spec.seed, job.name, k) for k in range(spec.key_frames)]
        self.description = f"{describe(take.weather)}, {spec.distribution}-{job.town}, drive {take.drive}, {spec.traffic} traffic, expert"

    def record(self) -> tuple[Rows, dict[str, int], str]:
        """Everything."""
        pictures, levels = self._pictures()
        annotated = annotation_rows(
            self.job.name, self.samples, self.take.things, self.take.keys, self.take.sweeps, levels, self.job.place.shift
        )
        stamps = [self.job.stamp(self.spec, step) for step in range(len(self.take.states))]
        write_can_bus(self.spec.root, self.job.name, self.take.states, stamps, self.job.place.shift)
        if self.spec.tasks:
            self._messages()
        return merged([self._scene(), pictures, self._clouds(), annotated]), self.take.counts, self.description

    def _messages(self) -> None:
        """Writes the key frames' records: what the world knows, lights and routes included, which the tables have no place for."""
        writer, world = Writer(self.spec.tasks, Window(), self.spec.root), self.take.renderer.world
        records = []
        for k, name in enumerate(self.samples):
            step = k * KEY_STEPS
            views = (CameraImage(camera, 0.0, self.spec.root / self._file(camera.name, step)) for camera in self.spec.rig)
            sample = sample_of(world, self.take.states, step, writer.window, (Frame(0.0, tuple(views)),))
            records.append(writer.record(replace(sample, token=name, scene=self.job.name, timestamp_us=self.job.stamp(self.spec, step))))
        write_records(writable_folder(self.spec.root / "messages") / f"{self.job.name}.jsonl", records)

    def _scene(self) -> Rows:
        """Rows of scene and sample."""
        samples, name = self.samples, token("scene", self.spec.seed, self.job.name)
        row: Row = {"token": name, "log_token": log_token(self.spec, self.job.town), "nbr_samples": len(samples)}
        row |= {"first_sample_token": samples[0], "last_sample_token": samples[-1], "name": self.job.name}
        times = [self.job.stamp(self.spec, k * KEY_STEPS) for k in range(len(samples))]
        made = [{"token": s, "timestamp": times[k], **chain(samples, k), "scene_token": name} for k, s in enumerate(samples)]
        return {"scene": [row | {"description": self.description}], "sample": made}

    def _pictures(self) -> tuple[Rows, list[dict[int, int]]]:
        """Writes the cameras' pictures -> their rows, and the visibility level of each instance at each key frame."""
        spec, take, levels = self.spec, self.take, []
        packed = take.renderer.static
        fixed = Outlines(packed.corners.T.reshape(-1, 3, 3), packed.instance)
        steps = [step for step in range(len(take.states)) if spec.sweeps or step % KEY_STEPS == 0]
        for step in steps:
            pictures = take.renderer.render(take.states[step], spec.rig)
            for camera, picture in zip(spec.rig, pictures, strict=True):
                self._write(camera.name, step, _jpeg(picture.rgb, spec.quality))
            if step % KEY_STEPS == 0:
                levels.append(self._levels(take.states[step], pictures, fixed))
        return merged(self._sensor(c.name, steps, c.height, c.width) for c in spec.rig), levels

    def _levels(self, state: State, pictures: Sequence[Buffers], fixed: Outlines) -> dict[int, int]:
        """Visibility level of every instance that is there."""
        seen, ego = seen_pixels(pictures), state.ego[[X, Y, HEADING]]
        mesh = look.actor_mesh(self.take.renderer.models, state)
        moving = Outlines(mesh.vertices[mesh.triangles], mesh.instance)
        levels = {}
        for instance, agent in zip(self.take.things.instance.tolist(), self.take.things.agent.tolist(), strict=True):
            whole = (moving if agent >= 0 else fixed).pixels(instance, self.spec.rig, ego) if instance in seen else 0
            levels[instance] = level(seen[instance] / whole) if whole else 1
        return levels

    def _clouds(self) -> Rows:
        """Writes the LiDAR's sweeps -> their rows."""
        for k, sweep in enumerate(self.take.sweeps):
            self._write(CHANNEL, k * KEY_STEPS, _thinned(sweep, self.spec.background).astype("<f4").tobytes())
        return self._sensor(CHANNEL, range(0, len(self.take.states), KEY_STEPS), 0, 0)

    def _file(self, channel: str, step: int) -> str:
        folder, suffix = "samples" if step % KEY_STEPS == 0 else "sweeps", "pcd.bin" if channel == CHANNEL else "jpg"
        return f"{folder}/{channel}/{self.job.name}__{channel}__{self.job.stamp(self.spec, step)}.{suffix}"

    def _write(self, channel: str, step: int, data: bytes) -> None:
        path = self.spec.root / self._file(channel, step)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def _sensor(self, channel: str, steps: Iterable[int], height: int, width: int) -> Rows:
        """Rows of ego_pose and sample_data of one sensor. A sweep belongs to the key frame that it leads up to."""
        steps = list(steps)
        names = [token("sample_data", self.spec.seed, self.job.name, channel, step) for step in steps]
        poses, data = [], []
        for k, step in enumerate(steps):
            stamp, ego = self.job.stamp(self.spec, step), self.take.states[step].ego
            x, y = ego[[X, Y]] + self.job.place.shift
            poses.append({"token": names[k], "timestamp": stamp, **flat_fields(float(x), float(y), 0.0, float(ego[HEADING]))})
            row: Row = {"token": names[k], "sample_token": self.samples[-(-step // KEY_STEPS)], "ego_pose_token": names[k]}
            row |= {"calibrated_sensor_token": token("calibrated_sensor", channel), "timestamp": stamp}
            row |= {"fileformat": "pcd" if channel == CHANNEL else "jpg", "is_key_frame": step % KEY_STEPS == 0}
            data.append(row | {"height": height, "width": width, "filename": self._file(channel, step), **chain(names, k)})
        return {"ego_pose": poses, "sample_data": data}


def _jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    if not done:
        raise OSError("OpenCV could not encode a JPEG")
    return data.tobytes()


def _thinned(sweep: Sweep, every: int) -> NDArray[np.float32]:
    """The sweep's points, of those on nothing with an instance only one in so many."""
    keep = sweep.instance > 0
    keep[np.flatnonzero(~keep)[::every]] = True
    return sweep.points[keep]
