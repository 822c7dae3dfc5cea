"""`drive pack`: samples of any sources -> a folder of records, shard by shard, by several workers, going on where it was cut off."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from drive.data.dataset import Dataset, open_dataset
from drive.data.records.index import (
    INDEX,
    PARTS,
    VERSION,
    IndexRow,
    Manifest,
    arrow,
    digest,
    is_records,
    read_manifest,
    read_rows,
    write_rows,
)
from drive.data.records.members import END, packed
from drive.data.records.sample import named_pictures, to_members
from drive.make.shard_samples import ShardFolder, is_shard_folder
from drive.outputs import writable_folder, write_whole
from drive.pool import results
from drive.progress import SILENT, Progress
from drive.records.blur import Blur, blur_of
from drive.records.drives import Moment, assigned, drives_of
from drive.records.shrink import Shrink
from drive.schema import SceneSample, Window
from drive.tasks.questions.chosen import Chosen, chosen, known_answers
from drive.tasks.writer import Asks, Writer, asks_anything

SHARES = (("train", 0.9), ("val", 0.1))
# Which known questions `ask` asks: those that `drive.tasks.questions.chosen` keeps of each split, those that towns' shares keep, or all.
BALANCES = ("set", "towns", "none")
QUESTIONS = "questions.json"  # split -> question -> answer -> how often it is known, how often kept


@dataclass(frozen=True)
class Settings:
    """What records are packed by. sources: folders that `open_dataset` opens, or of demonstrations in towns. split, limit: of each
    source. tasks: requests whose right answers become `messages`, "" for none. shares: of the splits. per_shard: samples of a shard.
    blur: detectors (`drive.records.blur`), as `module:Class`, of what is blurred in pictures. balance: one of `BALANCES`. size: width and
    height that larger pictures are shrunk to, K with them; None: pictures stay as they are."""

    sources: tuple[str, ...]
    tasks: str = ""
    shares: tuple[tuple[str, float], ...] = SHARES
    seed: int = 0
    per_shard: int = 256
    split: str | None = None
    limit: int | None = None
    window: Window = Window()
    blur: tuple[str, ...] = ()
    balance: str = "set"
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        wrong = [name for name, _ in self.shares if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii()]
        if wrong:
            raise ValueError(f"a split is named by letters, digits, - and _, got {wrong[0]!r}")
        if 0 < sum(share for _, share in self.shares) < 0.999:
            told = ",".join(f"{name}:{share:g}" for name, share in self.shares)
            raise ValueError(f"splits share out all samples, got {told}: let the shares add up to 1, or name a split for the rest")
        if len(set(self.sources)) != len(self.sources):
            raise ValueError(f"a source is named twice: {', '.join(self.sources)}")
        if self.balance not in BALANCES:
            raise ValueError(f"balance is one of {', '.join(BALANCES)}, got {self.balance!r}")


@dataclass(frozen=True)
class ShardJob:
    """A job: the samples of one shard, as (moment, its drive)."""

    folder: str
    settings: Settings
    split: str
    name: str
    moments: tuple[tuple[Moment, str], ...]
    asks: Asks = "towns"


def pack(settings: Settings, out: str | Path, workers: int = 1, progress: Progress = SILENT) -> list[IndexRow]:
    """Writes the records and returns their index. Whole shards of a packing that was cut off are kept.

    Raises ValueError where a source does not open, two samples share a token, there are fewer drives than splits, `out` holds something
    else, a packing of other settings was cut off there, or a detector is none or fails; OutputError where it cannot be written.
    """
    arrow()
    blur_of(settings.blur)
    out = _free(Path(out))
    moments = [moment for number in range(len(settings.sources)) for moment in _moments(settings, number, progress)]
    shards = _shards(out, settings, moments)
    _begin(out, settings, moments)
    shards, balances = _with_questions(shards, settings, workers, progress)
    todo = [shard for shard in shards if not _is_done(out, shard)]
    progress.begin(f"packing {len(moments)} samples into shards", len(shards))
    progress.done(len(shards) - len(todo))
    for _ in results(_write_shard, todo, workers):
        progress.done()
    progress.end()
    return _finished(out, settings, shards, balances)


def window_of(sources: Sequence[str | Path]) -> Window:
    """The window that sources are packed for where none is named: that of the first folder of towns, which have no other."""
    return next((ShardFolder(source).window for source in sources if is_shard_folder(Path(source))), Window())


def _free(out: Path) -> Path:
    """Raises ValueError where something else than a packing that was cut off is there."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / PARTS).is_dir():
        raise ValueError(f"{out} is there already and is not written over: name another folder, or delete it")
    return out


def source_names(sources: Sequence[str | Path]) -> list[str]:
    """The folders' names; where two are named alike, with as many of the folders above them as tell all apart."""
    parts = [Path(source).resolve().parts for source in sources]
    lengths = range(1, max(map(len, parts)) + 1)
    return next((names for k in lengths if len(set(names := ["/".join(own[-k:]) for own in parts])) == len(names)), [*map(str, sources)])


def _begin(out: Path, settings: Settings, moments: Sequence[Moment]) -> None:
    """Notes what is packed and by what settings. Raises ValueError where something else was begun there."""
    samples = hashlib.sha256(repr([(m.source, m.scene, m.token) for m in moments]).encode()).hexdigest()
    own = {"version": VERSION, "samples": samples, "names": source_names(settings.sources)}
    told = json.dumps(asdict(settings) | own, indent=1)
    path = writable_folder(out / PARTS) / "settings.json"
    if path.exists() and path.read_text() != told:
        raise ValueError(f"a packing of other samples or settings was cut off in {out} ({path}): give the same again, or delete the folder")
    write_whole(path, told)


@lru_cache(maxsize=8)
def _opened(settings: Settings, number: int) -> Dataset:
    root = Path(settings.sources[number])
    if is_shard_folder(root):
        return ShardFolder(root, settings.window, settings.limit, settings.split)
    return open_dataset(root, split=settings.split, limit=settings.limit, window=settings.window, lanes=True)


def _moments(settings: Settings, number: int, progress: Progress) -> Iterator[Moment]:
    progress.begin(f"opening {settings.sources[number]}")
    dataset = _opened(settings, number)
    if isinstance(dataset, ShardFolder) and dataset.window != settings.window:
        raise ValueError(f"{dataset.root}: its towns have the window {dataset.window}, {settings.window} is packed")
    progress.begin(f"looking through {dataset.name}", len(dataset))
    for place, sample in enumerate(dataset.without_maps()):
        x, y = sample.world_from_ego[:2, 3]
        yield Moment(number, place, sample.scene, sample.token, sample.timestamp_us, (float(x), float(y)))
        progress.done()


def _shards(out: Path, settings: Settings, moments: Sequence[Moment]) -> list[ShardJob]:
    """What goes where."""
    if not moments:
        raise ValueError(f"{', '.join(settings.sources)}: no samples")
    token, times = Counter(m.token for m in moments).most_common(1)[0]
    if times > 1:
        raise ValueError(f"sample {token} comes {times} times in {', '.join(settings.sources)}: the same data are named twice")
    drive_of = drives_of(moments)
    splits = assigned(Counter(drive_of[m.source, m.scene] for m in moments), dict(settings.shares), settings.seed)
    shards = []
    for split, _ in settings.shares:
        own = [(m, drive_of[m.source, m.scene]) for m in moments if splits[drive_of[m.source, m.scene]] == split]
        parts = (own[first : first + settings.per_shard] for first in range(0, len(own), settings.per_shard))
        shards += [ShardJob(str(out), settings, split, f"{split}-{number:06d}", tuple(part)) for number, part in enumerate(parts)]
    return shards


def _with_questions(
    shards: Sequence[ShardJob], settings: Settings, workers: int, progress: Progress
) -> tuple[list[ShardJob], dict[str, Chosen]]:
    """The shards with what each sample is asked; of each split what was chosen, {} where nothing is."""
    if not settings.tasks or settings.balance != "set" or not asks_anything(settings.tasks):
        return [replace(shard, asks="all" if settings.balance == "none" else "towns") for shard in shards], {}
    progress.begin("looking at all questions", len(shards))
    known: dict[str, list[tuple[str, Sequence[tuple[str, str]]]]] = {split: [] for split, _ in settings.shares}
    for shard, own in zip(shards, results(_known, shards, workers), strict=True):
        known[shard.split] += own
        progress.done()
    found = {split: chosen(own, settings.seed) for split, own in known.items()}
    return [replace(s, asks={m.token: found[s.split].names[m.token] for m, _ in s.moments}) for s in shards], found


def _known(shard: ShardJob) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """A job: what each sample of a shard can be asked."""
    return [(m.token, known_answers(_opened(shard.settings, m.source)[m.place])) for m, _ in shard.moments]


def _is_done(out: Path, shard: ShardJob) -> bool:
    return (out / PARTS / f"{shard.name}.parquet").exists() and (out / f"{shard.name}.tar").exists()


def _write_shard(shard: ShardJob) -> None:
    """The shard, then its part of the index, by which it counts as done."""
    rows: list[IndexRow] = []
    writer = Writer(shard.settings.tasks, shard.settings.window, asks=shard.asks) if shard.settings.tasks else None
    out = Path(shard.folder)
    write_whole(out / f"{shard.name}.tar", _pieces(shard, writer, rows))
    write_rows(out / PARTS / f"{shard.name}.parquet", rows)


def _pieces(shard: ShardJob, writer: Writer | None, rows: list[IndexRow]) -> Iterator[bytes]:
    offset = 0
    names = source_names(shard.settings.sources)
    for number, (moment, drive) in enumerate(shard.moments):
        dataset, source = _opened(shard.settings, moment.source), names[moment.source]
        sample, key = dataset[moment.place], f"{shard.name}-{number:04d}"
        more = {"drive": drive, "source": source}
        shrink = Shrink(*shard.settings.size) if shard.settings.size else None
        piece, found = packed_sample(sample, key, more, writer, blur_of(shard.settings.blur), shrink)
        yield piece
        rows.append(
            IndexRow(
                split=shard.split,
                shard=f"{shard.name}.tar",
                offset=offset,
                bytes=len(piece),
                sha256=hashlib.sha256(piece).hexdigest(),
                source=source,
                drive=drive,
                key=key,
                **found,
            )
        )
        offset += len(piece)
    yield END


def packed_sample(
    sample: SceneSample,
    key: str,
    more: dict[str, Any],
    writer: Writer | None = None,
    blur: Blur | None = None,
    shrink: Shrink | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """A sample's members, and what the index tells of it."""
    values, pictures = to_members(sample, more, blur, shrink)
    if writer is not None:
        record = writer.record(named_pictures(sample, values)).model_dump(mode="json")
        values |= {"messages": record["messages"], "unknown": record["unknown"]}
    text = json.dumps(values, separators=(",", ":"), allow_nan=False).encode()
    cameras = [one for frame in values["observation"]["frames"] for one in frame["cameras"]]
    found = {
        "id": sample.token,
        "json_bytes": len(text),
        "scene": sample.scene,
        "frame": sample.index,
        "timestamp_us": sample.timestamp_us,
        "pictures": len(pictures),
        "missing": len(cameras) - len(pictures),
        "whole": bool(sample.target.future.valid.all()),
        "speed_mps": sample.observation.speed_mps,
        "command": sample.observation.command,
        "blurred": None if blur is None else sum(one["blurred"] for one in cameras),
    }
    return packed([(f"{key}.json", text), *((f"{key}.{name}", data) for name, data in pictures.items())]), found


def _finished(out: Path, settings: Settings, shards: Sequence[ShardJob], balances: Mapping[str, Chosen]) -> list[IndexRow]:
    """The whole index, what the folder holds, and then no parts any more."""
    rows = [row for shard in shards for row in read_rows(out / PARTS / f"{shard.name}.parquet")]
    write_rows(out / INDEX, rows)
    names = [*(f"{shard.name}.tar" for shard in shards), INDEX]
    if balances:
        write_whole(out / QUESTIONS, json.dumps({split: found.counts for split, found in balances.items()}, indent=1))
        names.append(QUESTIONS)
    files = {name: {"bytes": (out / name).stat().st_size, "sha256": digest(out / name)} for name in names}
    counts = Counter(moment.source for shard in shards for moment, _ in shard.moments)
    sources = [
        {"name": name, "samples": counts[number]} | _changed_before(Path(root))
        for number, (name, root) in enumerate(zip(source_names(settings.sources), settings.sources, strict=True))
    ]
    splits = {
        split: {"samples": sum(r.split == split for r in rows), "drives": len({r.drive for r in rows if r.split == split})}
        for split, _ in settings.shares
    }
    regions = [row.blurred or 0 for row in rows]
    blur = {"detectors": list(settings.blur), "regions": sum(regions), "samples": sum(map(bool, regions))}
    size = list(settings.size) if settings.size else None
    Manifest(VERSION, asdict(settings.window), settings.tasks, settings.seed, sources, splits, files, blur, size).write(out)
    shutil.rmtree(out / PARTS)
    return rows


def _changed_before(root: Path) -> dict[str, Any]:
    """Of a source that is records whose pictures were changed: what was blurred, and the size that they were shrunk to."""
    if not is_records(root):
        return {}
    told, _ = read_manifest(root)
    blur = {"blur": told.blur} if told.blur.get("detectors") else {}
    return blur | ({"size": told.size} if told.size else {})
