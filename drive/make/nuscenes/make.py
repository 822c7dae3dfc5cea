"""`drive make`: a data set in nuScenes format from rendered towns."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from drive.make.nuscenes.canvas import MAX_TOWNS, MapCanvas, Place, draw_mask, place_towns
from drive.make.nuscenes.casting import TRAFFIC
from drive.make.nuscenes.map_writer import Expansion, add_town
from drive.make.nuscenes.scene import log_token, record_scene
from drive.make.nuscenes.tables import VERSION, Row, Rows, base_rows, merged, save_tables, token
from drive.make.nuscenes.take import SceneJob, Spec
from drive.pool import Failed, outcomes, raise_failed
from drive.progress import SILENT, Progress
from drive.render.weather import choose_weather
from drive.sim.sight import Sight
from drive.sim.warm import compile_ahead
from drive.words import did_you_mean
from drive.world.things import CLASS_RANGE_M
from drive.world.town.populate import EMPTY, town_world
from drive.world.town.town import TOWNS, Town, make_town

VAL_SHARE = 0.2
MARK = "unfinished.txt"  # in the folder that is written until it is whole
MAX_SCENES = 4000


def make_dataset(spec: Spec, scenes: int, workers: int = 1, towns: int | None = None, progress: Progress = SILENT) -> Path:
    """Writes a set of so many scenes to spec.root, which must not be there yet; returns it.

    Everything is written to `<root>.writing`, the tables last, and renamed when it is whole, so that an interrupted run leaves nothing
    that loads; what an earlier one left there is thrown away. towns: how many of them the scenes share (default: one a scene,
    as far as there is room). The same spec gives the same bytes, whatever the number of workers.
    Raises ValueError where spec.root is there or a number is out of range, and JobError where a scene's worker was lost twice.
    """
    root = spec.root
    _check(spec, scenes, towns)
    part = _fresh_folder(root)
    spec = replace(spec, root=part)
    seeds = [spec.seed * 1000 + n for n in range(min(scenes, towns or MAX_TOWNS))]
    compile_ahead(partial(town_world, seeds[0], traffic=EMPTY), Sight("first-drive"), progress)
    progress.begin("laying out towns")
    built = [make_town(seed, TOWNS[spec.distribution]) for seed in seeds]
    places, canvases = place_towns([town.map for town in built])
    jobs = [SceneJob(n, seeds[n % len(seeds)], 100 * (n // len(seeds)), places[n % len(seeds)]) for n in range(scenes)]
    progress.begin("scenes", scenes)
    counts, parts = dict.fromkeys(CLASS_RANGE_M, 0), []
    for job, (rows, found, description) in zip(jobs, _all_scenes(spec, jobs, workers), strict=True):
        progress.done()
        progress(f"{job.name}: {description}; {len(rows['sample'])} key frames, {len(rows['sample_annotation'])} annotations")
        counts = {name: counts[name] + found[name] for name in counts}
        parts.append(rows)
    progress.begin("maps and tables")
    _write_maps(part, canvases, built, places)
    rows = merged([base_rows(spec.rig), _logs(spec, seeds, places, canvases), *parts])
    save_tables(part / "tables", rows, _splits(jobs, len(seeds)))
    (part / "tables").rename(part / VERSION)
    (part / MARK).unlink()
    part.rename(root)
    progress("annotations that the detection benchmark counts: " + ", ".join(f"{name.split('.')[-1]} {n}" for name, n in counts.items()))
    return root


def _check(spec: Spec, scenes: int, towns: int | None) -> None:
    if not 1 <= scenes <= MAX_SCENES:
        raise ValueError(f"--scenes must be 1 to {MAX_SCENES}, got {scenes}")
    if towns is not None and not 1 <= towns <= MAX_TOWNS:
        raise ValueError(f"--towns must be 1 to {MAX_TOWNS}, got {towns}")
    if not 1.0 <= spec.seconds <= 60.0:
        raise ValueError(f"--seconds must be 1 to 60, got {spec.seconds:g}")
    for what, word, known in (("kind of towns", spec.distribution, list(TOWNS)), ("traffic", spec.traffic, list(TRAFFIC))):
        if word not in known:
            raise ValueError(f"no {what} {word!r}; there is {', '.join(known)}{did_you_mean(word, known)}")
    if spec.seed < 0 or not 1 <= spec.quality <= 100 or spec.background < 1:
        raise ValueError("seed must be 0 or more, quality 1 to 100, background 1 or more")
    choose_weather(spec.weather, spec.seed)


def _fresh_folder(root: Path) -> Path:
    """The folder to write to, empty but for the mark that it is unfinished."""
    part = root.with_name(root.name + ".writing")
    if root.exists():
        raise ValueError(f"{root} is there already; take another folder or remove it")
    if part.exists():
        if not (part / MARK).is_file():
            raise ValueError(f"{part} is there and was not left by an interrupted run; remove it")
        shutil.rmtree(part)
    part.mkdir(parents=True)
    (part / MARK).write_text("An unfinished data set: drive make was interrupted, or is still at work.\n")
    return part


def _all_scenes(spec: Spec, jobs: Sequence[SceneJob], workers: int) -> Iterator[tuple[Rows, dict[str, int], str]]:
    """Every scene, in order. Raises what a scene raised, JobError where its worker was lost."""
    for job, made in zip(jobs, outcomes(_record, [(spec, job) for job in jobs], workers), strict=True):
        if isinstance(made, Failed):
            raise_failed(made, job.name)
        yield made


def _record(pair: tuple[Spec, SceneJob]) -> tuple[Rows, dict[str, int], str]:
    return record_scene(*pair)


def _write_maps(root: Path, canvases: Sequence[MapCanvas], towns: Sequence[Town], places: Sequence[Place]) -> None:
    """Mask and map expansion of every canvas."""
    for canvas in canvases:
        here = [(town, place) for town, place in zip(towns, places, strict=True) if place.location == canvas.location]
        draw_mask(root / _mask(canvas.location), canvas, [(town.map, place) for town, place in here])
        expansion = Expansion(canvas)
        for town, place in here:
            add_town(expansion, town, place)
        path = root / "maps" / "expansion" / f"{canvas.location}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(expansion.content, separators=(",", ":")) + "\n")


def _mask(location: str) -> str:
    return f"maps/{location}.png"


def _logs(spec: Spec, seeds: Sequence[int], places: Sequence[Place], canvases: Sequence[MapCanvas]) -> Rows:
    """Rows of log, one a town, and map, one a canvas."""
    logs: list[Row] = []
    for seed, place in zip(seeds, places, strict=True):
        row: Row = {"token": log_token(spec, seed), "logfile": f"{spec.distribution}-{seed}", "vehicle": "rendered"}
        logs.append(row | {"date_captured": "2026-01-01", "location": place.location})
    maps: list[Row] = []
    for canvas in canvases:
        tokens = [row["token"] for row in logs if row["location"] == canvas.location]
        row = {"token": token("map", canvas.location), "category": "semantic_prior", "filename": _mask(canvas.location)}
        maps.append(row | {"log_tokens": tokens})
    return {"log": logs, "map": maps}


def _splits(jobs: Sequence[SceneJob], towns: int) -> dict[str, list[str]]:
    """train and val by towns, so that val's are new; and both under names of our own, as nuScenes-devkit keeps train and val for
    nuScenes' scenes."""
    kept_back = max(1, round(VAL_SHARE * towns)) if towns > 1 else 0
    held = {job.town for job in jobs[towns - kept_back : towns]}
    train, val = ([job.name for job in jobs if (job.town in held) == kept] for kept in (False, True))
    return {"train": train, "val": val, "made_train": train, "made_val": val}
