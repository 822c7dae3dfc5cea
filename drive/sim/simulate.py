"""A whole run: episodes by planners, scored, saved, reported."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from drive.data.scenarionet.scenes import Scenarios, is_scenarionet
from drive.pool import Failed, outcomes
from drive.progress import SILENT, Progress
from drive.sim.episodes import Episode, MakePlanner, drive_all, make_world
from drive.sim.page import save_page
from drive.sim.probe import ProbeReport
from drive.sim.report import SimReport
from drive.sim.rollout import HUMAN, Loop, Rollout
from drive.sim.saved import replay_file, save_rollout
from drive.sim.scores import EpisodeScore, failed_values, score, worst_first
from drive.sim.shown import SHOWN, with_shown
from drive.sim.sight import Sight
from drive.sim.warm import compile_ahead
from drive.words import did_you_mean
from drive.world.recorded.nuscenes import scene_names
from drive.world.town.scenarios import FAMILIES
from drive.world.town.town import TOWNS, distribution_hash


def choose_episodes(sources: Sequence[str], count: int, seed: int, families: Sequence[str], traffic: str | None) -> list[Episode]:
    """The episodes of sources: "town" or a distribution's name gives `count` seeds from `seed` on for every family, a ScenarioNet
    file one, a folder of these or of nuScenes' tables `count` of its scenes, the first being number `seed`.

    Raises ValueError for a source that is neither, and FileNotFoundError for a file that is not there.
    """
    if count < 1 or seed < 0:
        raise ValueError(f"need at least one episode and a seed of 0 or more, got {count} and {seed}")
    unknown = [family for family in families if family not in ("ordinary", *FAMILIES)]
    if unknown:
        near = did_you_mean(unknown[0], ["ordinary", *FAMILIES, "all"])
        raise ValueError(f"no family {unknown[0]!r}; there are ordinary, {', '.join(FAMILIES)}, all{near}")
    episodes: list[Episode] = []
    for source in sources:
        if source in TOWNS:
            for family in families:
                episodes += [Episode("town", seed + i, family, traffic or "reactive", source) for i in range(count)]
        elif Path(source).suffix == ".pkl":
            if not Path(source).is_file():
                raise FileNotFoundError(f"{source}: no such scenario file")
            episodes.append(Episode(source, traffic=traffic or "reactive"))
        elif Path(source).is_dir():
            episodes += _of_folder(source, traffic or "reactive")[seed : seed + count]
        else:
            known = f"a town distribution ({', '.join(TOWNS)}), a ScenarioNet file (.pkl), or a folder of these or of nuScenes' tables"
            raise ValueError(f"source {source!r} is none of these: {known}{did_you_mean(source, TOWNS)}")
    if not episodes:
        raise ValueError(f"no scene number {seed} in {', '.join(sources)}")
    return episodes


def _of_folder(source: str, traffic: str) -> list[Episode]:
    """All scenes of a folder. Raises ValueError where it holds neither ScenarioNet's files nor nuScenes' tables."""
    if is_scenarionet(Path(source)):
        return [Episode(str(path), traffic=traffic) for path in Scenarios(Path(source)).paths]
    return [Episode(source, traffic=traffic, scene=scene) for scene in scene_names(source)]


def run_episodes(
    episodes: Sequence[Episode],
    planners: Sequence[str],
    load: MakePlanner,
    loop: Loop,
    workers: int = 1,
    out: Path | None = None,
    videos: int = 6,
    progress: Progress = SILENT,
    probe: bool = False,
) -> SimReport:
    """Drives everything; with `out`, writes report.json, index.html, drives/*.json + npz (replayable) and videos of the worst.

    probe: every planner drives once with its pictures as they are and once with each of the others of `drive.sim.shown`.
    Recorded scenes get the recorded drive itself (`log`) as a further row. A drive that raises, or whose worker is lost twice, is a
    failed one; the others go on. Raises ValueError, before anything is driven, that names the recorded scenes that cannot be opened.
    Where the run is interrupted, report.json holds what was driven until then.
    """
    planners = list(dict.fromkeys(planners))
    recorded = [episode for episode in episodes if episode.source != "town"]
    finish = functools.partial(_finish, folder=out / "drives" if out else None)
    scores: list[EpisodeScore] = []
    loops = [replace(loop, shown=shown) for shown in SHOWN] if probe else [loop]
    jobs = [(planner, episodes if planner != HUMAN else recorded, one) for planner in planners for one in loops]
    jobs += [(HUMAN, recorded, loop)] if recorded and HUMAN not in planners else []
    make_report: type[SimReport] = ProbeReport if probe else SimReport
    settings = _settings(episodes, loop)
    for one in _of_each_kind(episodes):
        compile_ahead(functools.partial(make_world, one), loop.sight, progress)
    open_all(recorded, progress)
    progress.begin("drives", sum(len(wanted) for _, wanted, _ in jobs))
    try:
        for planner, wanted, how in jobs:
            first = len(scores)
            for episode, _, result in drive_all(wanted, [planner], how, workers, load, finish):
                scores.append(_no_drive(episode, with_shown(planner, how.shown), result) if isinstance(result, Failed) else result)
                progress.done()
                progress(_line(episode, scores[-1]))
            scores[first:] = _under_one_name(scores[first:])
    except BaseException:
        if out is not None and scores:
            make_report(scores, settings | {"interrupted": True}).save(out)
        raise
    report = make_report(scores, settings)
    if out is not None:
        report.save(out)
        shown = _videos(report, out, videos, loop.sight, workers, progress)
        progress.begin("page")
        save_page(report, out, shown)
    return report


def _of_each_kind(episodes: Sequence[Episode]) -> list[Episode]:
    """The first town and the first recorded scene."""
    return list({episode.source == "town": episode for episode in reversed(episodes)}.values())


def open_all(episodes: Sequence[Episode], progress: Progress = SILENT) -> None:
    """Makes every world once. Raises ValueError that names all of those that cannot be made, before anything is driven."""
    broken = []
    progress.begin("recorded scenes opened", len(episodes))
    for episode in episodes:
        try:
            make_world(episode)
        except (ValueError, OSError) as error:
            broken.append(str(error))
        progress.done()
    if broken:
        told = f"{len(broken)} of {len(episodes)} recorded scenes cannot be driven; nothing was driven. Leave them out or mend them:"
        raise ValueError("\n  ".join([told, *broken]) if len(episodes) > 1 else broken[0])


def _no_drive(episode: Episode, planner: str, failed: Failed) -> EpisodeScore:
    facts = {"outcome": f"no drive: {failed.reason}", "contacts": [], "fault": "none", "hash": ""}
    facts |= {"traceback": failed.traceback} if failed.traceback else {}
    return EpisodeScore(episode.name, episode.family, planner, failed_values(), True, facts)


def _under_one_name(scores: list[EpisodeScore]) -> list[EpisodeScore]:
    """Scores of one planner: episodes that were not driven get the name that it has itself, where it drove another."""
    own = next((s.planner for s in scores if s.facts["hash"]), None)
    return [replace(s, planner=own) if own else s for s in scores]


def _finish(episode: Episode, run: Rollout, folder: Path | None) -> EpisodeScore:
    result = score(run)
    if folder is not None:
        save_rollout(run, episode, folder, f"{file_name(result.planner)}-{episode.name}")
    return EpisodeScore(episode.name, result.family, result.planner, result.values, result.failed, result.facts | {"hash": run.hash})


def file_name(text: str) -> str:
    """A name that is safe as a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)


def _line(episode: Episode, result: EpisodeScore) -> str:
    facts = result.facts
    undefined = result.failed or np.isnan(result.values["success"])
    good = "none" if undefined else "ok  " if result.values["success"] else "FAIL"
    took = "" if result.failed else f"{result.values['duration']:6.1f} s"
    return f"{good} {result.planner:<18} {episode.name:<34} {facts['outcome']:<14} {took} {facts['hash'][:12]}"


def _settings(episodes: Sequence[Episode], loop: Loop) -> dict[str, Any]:
    towns = list(dict.fromkeys(e.distribution for e in episodes if e.source == "town"))
    seeds = [e.seed for e in episodes if e.source == "town"]
    settings: dict[str, Any] = {"planning_hz": loop.planning_hz, "latency_s": loop.latency_s, "episodes": len(episodes)}
    for town in towns:
        settings["distribution"], settings["distribution_hash"] = town, distribution_hash(TOWNS[town])
    if seeds:
        settings["seeds"] = f"{min(seeds)}-{max(seeds)}"
    settings["traffic"] = ", ".join(dict.fromkeys(e.traffic for e in episodes))
    if loop.sight:
        settings |= {"rig": loop.sight.rig, "rig_width": loop.sight.width, "weather": loop.sight.weather}
    return settings


def _videos(report: SimReport, out: Path, count: int, sight: Sight | None, workers: int, progress: Progress) -> dict[tuple[str, str], Path]:
    """Videos of the worst drives first, at least one of every planner that has driven."""
    if count < 1:
        return {}
    order = worst_first(s for s in report.scores if s.facts["hash"])
    chosen = order[: max(0, count - len(report.planners))]
    for planner in report.planners:
        own = [s for s in order if s.planner == planner and s not in chosen]
        chosen += own[-1:]
    jobs = [(out, f"{file_name(s.planner)}-{s.name}", sight) for s in chosen]
    progress.begin("videos (`--videos 0` makes none)", len(jobs))
    videos = {}
    for s, made in zip(chosen, outcomes(_video, jobs, workers), strict=True):
        if isinstance(made, Failed):
            progress(f"no video of {s.planner} in {s.name}: {made.reason}")
        else:
            videos[s.planner, s.name] = made
        progress.done()
    return videos


def _video(job: tuple[Path, str, Sight | None]) -> Path:
    out, name, sight = job
    run, _ = replay_file(out / "drives" / f"{name}.json")
    path = out / "videos" / f"{name}.mp4"
    if sight is None:
        from drive.sim.draw import save_video

        return save_video(run, path)
    from drive.sim.draw_sight import save_surround_video

    return save_surround_video(run, sight, path)
