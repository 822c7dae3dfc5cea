"""`drive view`: pictures of samples, a video of each scene, and one page that holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drive.asking import Refusal, as_plan, asked
from drive.data.dataset import Samples
from drive.outputs import scene_file_name
from drive.progress import SILENT, Progress
from drive.schema import Plan, SceneSample, VideoPicture
from drive.viz.answers.said import Said, SaidOf
from drive.viz.bev import range_of
from drive.viz.canvas import Picture
from drive.viz.frame import Look, draw_frame
from drive.viz.page import Block, Heading, Image, Numbers, Table, Text, Video, encode_picture, write_page
from drive.viz.ribbon import ground_height
from drive.viz.sequence import draw_attention
from drive.viz.video import write_video

DEFAULT_PICTURES = 8
SEARCHED = 200  # samples with pictures among which those to draw are spread
NO_CLOCK_FPS = 2.0
VIDEOS_ON_PAGE = 4  # each holds some megabytes; the others lie beside the page

_ATTENTION_CAPTION = "The masks the transformer was given, token by token: rows ask, columns answer."

PlanOf = Callable[[SceneSample], Plan]
AttentionOf = Callable[[SceneSample], tuple[NDArray[np.bool_], Sequence[str]]]


@dataclass(frozen=True, eq=False)
class ViewResult:
    """What was made. page: its path. pictures, videos: paths. failures: sample token -> why it has no plan."""

    page: Path
    pictures: tuple[Path, ...]
    videos: tuple[Path, ...]
    failures: dict[str, str]


def choose_samples(dataset: Samples, most: int = DEFAULT_PICTURES) -> list[str]:
    """Tokens of samples spread evenly over those whose camera pictures are on disk, over all where none has them; of a
    large data set over the beginning.

    Raises ValueError where the data set is empty.
    """
    if not len(dataset):
        raise ValueError("no samples to draw")
    found = list(islice((sample.token for sample in dataset if has_pictures(sample)), SEARCHED))
    found = found or [dataset[i].token for i in range(min(SEARCHED, len(dataset)))]
    places = ((np.arange(most) + 0.5) * len(found) / most).astype(int) if len(found) > most else range(len(found))
    return [found[i] for i in places]


def has_pictures(sample: SceneSample) -> bool:
    """Whether every camera picture of t0 is in memory or on disk."""
    return all(not isinstance(c.image, Path | VideoPicture) or c.image.is_file() for c in sample.observation.frames[-1].cameras)


def view(
    samples: Sequence[SceneSample],
    out: str | Path,
    plan_of: PlanOf | None = None,
    plan_name: str = "",
    scenes: Iterable[Sequence[SceneSample]] = (),
    video: str = "mp4",
    title: str = "Drives",
    progress: Progress = SILENT,
    attention_of: AttentionOf | None = None,
    said_of: SaidOf | None = None,
) -> ViewResult:
    """Draws samples as PNG files, each of `scenes` as a video, and a page `index.html` with all of it, into a folder.

    plan_of: gives a sample's plan; where it raises, the picture and the page say why there is none. None draws no plans.
    scenes: the samples of each video, in time order. video: "mp4" or "gif". progress is called with a line as each file is
    done. attention_of: gives the table [N, N] bool of who attends to whom while a sample is planned, and the tokens' names; it
    is drawn for the first sample that has a plan. said_of: tells the answers to further requests and the truth, which are drawn and
    written beside the pictures. Raises ValueError where the folder cannot be made.
    """
    plans, said = _Plans(plan_of), _Said(said_of)
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write into {out}: {error.strerror}; name another folder") from error
    blocks: list[Block] = []
    pictures, videos, drawn = [], [], {sample.token: sample for sample in samples}
    for scene in scenes:
        progress.begin(f"video of {scene[0].scene}: frames", len(scene))
        path = out / f"{scene_file_name(scene[0].scene)}.{video}"
        write_video(path, _counted(_frames(scene, plans, plan_name, said), progress), _fps(scene))
        videos.append(path)
        drawn |= {sample.token: sample for sample in scene}
        progress(f"{path} ({len(scene)} frames)")
        blocks += _video_blocks(path, scene, len(videos) <= VIDEOS_ON_PAGE)
    progress.begin("pictures", len(samples))
    for sample, picture in zip(samples, _frames(samples, plans, plan_name, said), strict=True):
        path = out / f"{scene_file_name(sample.scene)}_{sample.index:03d}.png"
        path.write_bytes(encode_picture(picture))
        pictures.append(path)
        progress.done()
        progress(str(path))
        # Encoded at once: a page of hundreds of pictures does not hold their pixels.
        blocks.append(Image(encode_picture(picture, photo=True), _caption(sample, plans, plan_name)))
        if rows := [one.row() for one in said.get(sample)]:
            blocks.append(Table(["request", plan_name or "answer", "true"], rows))
    planned = next((sample for sample in samples if sample.token in plans.found), None)
    if attention_of is not None and planned is not None:
        path = out / "attention.png"
        picture = draw_attention(*attention_of(planned), "Who attends to whom")
        path.write_bytes(encode_picture(picture))
        pictures.append(path)
        progress(str(path))
        blocks += [Heading("Who attends to whom"), Image(picture, _ATTENTION_CAPTION)]
    progress.begin("page")
    page = write_page(out / "index.html", title, _summary(list(drawn.values()), plans, plan_name) + blocks)
    return ViewResult(page, tuple(pictures), tuple(videos), plans.failures)


@dataclass(eq=False)
class _Plans:
    """Plans as they are asked for, each made once; a sample without one has its reason in `failures`."""

    plan_of: PlanOf | None
    found: dict[str, Plan] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def get(self, sample: SceneSample) -> Plan | None:
        if self.plan_of is not None and sample.token not in self.found and sample.token not in self.failures:
            plan_of = self.plan_of
            plan = asked(lambda: as_plan(plan_of(sample)))
            if isinstance(plan, Refusal):
                self.failures[sample.token] = plan.reason
            else:
                self.found[sample.token] = plan
        return self.found.get(sample.token)


@dataclass(eq=False)
class _Said:
    """What is said of samples, each asked once."""

    said_of: SaidOf | None
    found: dict[str, tuple[Said, ...]] = field(default_factory=dict)

    def get(self, sample: SceneSample) -> tuple[Said, ...]:
        if self.said_of is not None and sample.token not in self.found:
            self.found[sample.token] = self.said_of(sample)
        return self.found.get(sample.token, ())


def _frames(samples: Sequence[SceneSample], plans: _Plans, plan_name: str, said: _Said) -> Iterator[Picture]:
    """Pictures of samples; those of one scene share scale and ground."""
    looks: dict[str, Look] = {}
    for name in dict.fromkeys(sample.scene for sample in samples):
        own = [sample for sample in samples if sample.scene == name]
        looks[name] = Look(range_of(own, [plans.get(sample) for sample in own]), ground_height(own))
    for sample in samples:
        yield draw_frame(sample, plans.get(sample), plan_name, looks[sample.scene], plans.failures.get(sample.token, ""), said.get(sample))


def _counted(pictures: Iterable[Picture], progress: Progress) -> Iterator[Picture]:
    for picture in pictures:
        yield picture
        progress.done()


def _fps(scene: Sequence[SceneSample]) -> float:
    """As many pictures a second as the record has: the video runs in real time. Two where it tells no times."""
    steps = np.diff([sample.timestamp_us for sample in scene]) / 1e6
    return float(np.clip(round(1 / np.median(steps), 2), 1, 30)) if steps.any() else NO_CLOCK_FPS


def _video_blocks(path: Path, scene: Sequence[SceneSample], inline: bool) -> list[Block]:
    pace = "in real time" if any(sample.timestamp_us for sample in scene) else f"{NO_CLOCK_FPS:g} a second, since they tell no times"
    caption = f"{scene[0].scene}, {len(scene)} key frames {pace}"
    if not inline:
        return [Text(f"{caption}: {path.name}, beside this page.")]
    return [Video(path, caption) if path.suffix == ".mp4" else Image(path.read_bytes(), caption)]


def _summary(drawn: Sequence[SceneSample], plans: _Plans, plan_name: str) -> list[Block]:
    items = [(str(len(drawn)), "samples"), (str(len({sample.scene for sample in drawn})), "scenes")]
    if plans.plan_of is None:
        return [Numbers(items)]
    items += [(str(len(plans.found)), f"plans of {plan_name}"), (str(len(plans.failures)), "without a plan")]
    rows = [(s.scene, s.index, s.token, plans.failures[s.token]) for s in drawn if s.token in plans.failures]
    blocks: list[Block] = [Numbers(items)]
    if rows:
        blocks += [Heading("Without a plan"), Table(["scene", "key frame", "sample", "reason"], rows), Heading("Pictures")]
    return blocks


def _caption(sample: SceneSample, plans: _Plans, plan_name: str) -> str:
    text = f"{sample.scene}, key frame {sample.index} (sample {sample.token})"
    plan, future = plans.get(sample), sample.target.future
    if plan is None:
        return text + (f": no plan, {plans.failures[sample.token]}" if sample.token in plans.failures else "")
    if len(future.valid) == len(plan.best) and future.valid[-1]:
        gap = float(np.linalg.norm(plan.best[-1, :2] - future.poses[-1, :2]))
        text += f": {plan_name} ends {gap:.2f} m from the recorded drive after {plan.times_s[-1]:g} s"
    return text
