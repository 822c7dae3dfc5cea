"""Contaminates records with known faults, and scores what `drive curate` found of them.

    python -m tools.contaminate mix CLEAN... MIX --dull MORE    # 30 % duplicates; frozen cameras, shifted labels, wrong commands, ...
    drive curate MIX
    python -m tools.contaminate score MIX

CLEAN and MORE are folders of records; of MORE only what is dull is taken, of scenes that are not in the mix. MIX/truth.json tells of every
record what is wrong with it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from drive.curate.recipe import load_recipe
from drive.data.records.dataset import RecordFolder
from drive.data.records.decisions import Verdict, read_decisions
from drive.data.records.index import INDEX, VERSION, IndexRow, Manifest, digest, write_rows
from drive.data.records.members import END
from drive.eval.aligned import aligned
from drive.outputs import write_whole
from drive.records.pack import packed_sample
from drive.schema import SceneSample
from tools import contaminations as faults

DUPLICATES, SHARE, DULL, BAD_DRIVES = 0.3, 0.05, 0.1, 2
FOUND_BY: dict[str, Callable[[str], bool]] = {  # by kind: the reasons that say so
    "duplicate": lambda reason: reason.startswith("copies:"),
    "frozen": lambda reason: reason.startswith("frozen:"),
    "shifted": lambda reason: reason.startswith("road:") or (reason.startswith("contradictions:") and "its future" in reason),
    "command": lambda reason: reason.startswith("contradictions:") and "its command" in reason,
    "calibration": lambda reason: reason.startswith(("rig:", "box_fit:")),
    "dull": lambda reason: reason.startswith("cruising:"),
}
Told = tuple[SceneSample, str, str]  # a sample, its source, what is wrong with it


class Mixer:
    """Makes the mix of clean folders, in the order of records; at most one fault each."""

    def __init__(
        self, folders: Sequence[RecordFolder], dull: RecordFolder | None, seed: int, hard: bool = False, dull_share: float = DULL
    ) -> None:
        self.folders, self.dull, self.rng, self.hard, self.dull_share = folders, dull, np.random.default_rng(seed), hard, dull_share
        self.places = [(f, i) for f, folder in enumerate(folders) for i in range(len(folder))]
        scenes = sorted({self._scene(place) for place in self.places})
        bad = self.rng.choice(len(scenes), min(BAD_DRIVES, len(scenes) // 8), replace=False)
        self.bad = {scenes[int(k)]: faults.drawn_calibration(self.rng) for k in bad}
        self.kinds = self._drawn()

    def _scene(self, place: tuple[int, int]) -> tuple[str, str]:
        return _drive(self.folders[place[0]].rows[place[1]])

    def _drawn(self) -> dict[tuple[int, int], str]:
        """Which records get which fault; frozen cameras where a record follows another and the car moved."""
        count, kinds = round(SHARE * len(self.places)), dict[tuple[int, int], str]()
        sound = [place for place in self.places if self._scene(place) not in self.bad]
        moving = [place for place in sound if self._moved(*place)]
        few = min(count, len(moving) // 6)  # a camera that froze shows in neighbours too
        for f, i in (moving[int(k)] for k in self.rng.permutation(len(moving))):
            if len(kinds) < few and not {(f, i - 1), (f, i + 1)} & kinds.keys():
                kinds[f, i] = "frozen"
        for kind in ("shifted", "command", "calibration"):
            free = [place for place in sound if place not in kinds]
            kinds |= {free[int(k)]: kind for k in self.rng.choice(len(free), min(count, len(free)), replace=False)}
        return kinds

    def _moved(self, f: int, i: int) -> bool:
        rows = self.folders[f].rows
        if i == 0 or _drive(rows[i]) != _drive(rows[i - 1]) or not rows[i].timestamp_us or not rows[i - 1].timestamp_us:
            return False
        now, before = (self.folders[f].unread(k).world_from_ego[:2, 3] for k in (i, i - 1))
        return bool(np.hypot(*(now - before)) >= faults.MOVED_M)

    def samples(self) -> Iterable[Told]:
        """The clean and faulty records, then copies of clean ones, then dull ones."""
        for place in self.places:
            yield self._faulty(place)
        clean = [place for place in self.places if place not in self.kinds and self._scene(place) not in self.bad]
        total = len(self.places) * (1 + self.dull_share)
        for number in range(round(total * DUPLICATES / (1 - DUPLICATES))):
            f, i = clean[int(self.rng.integers(len(clean)))]
            yield faults.duplicate(self.folders[f][i], number, self.rng, self.hard), self.folders[f].rows[i].source, "duplicate"
        wanted = round(self.dull_share * len(self.places))
        known = {self._scene(place) for place in self.places}
        for i in range(len(self.dull or ())):
            assert self.dull is not None
            if wanted and _drive(self.dull.rows[i]) not in known and faults.is_dull(self.dull.unread(i)):
                wanted -= 1
                yield self.dull[i], self.dull.rows[i].source, "dull"

    def _faulty(self, place: tuple[int, int]) -> Told:
        f, i = place
        folder, kind, rng = self.folders[f], self.kinds.get(place, ""), self.rng
        sample, source = folder[i], folder.rows[i].source
        if self._scene(place) in self.bad:
            return faults.miscalibrated(sample, self.bad[self._scene(place)]), source, "calibration"
        if kind == "frozen":
            return faults.frozen(sample, folder[i - 1], rng), source, kind
        if kind == "shifted":
            same = [k for k, row in enumerate(folder.rows) if _drive(row) == self._scene(place) and k != i]
            near = [k for k in same if not sample.timestamp_us or 1 < abs(k - i) < 7]
            other = faults.shifted(sample, folder.unread(near[int(rng.integers(len(near)))])) if near else None
            return (other, source, kind) if other is not None else (sample, source, "")
        if kind == "command" and sample.observation.command is not None:
            return faults.commanded(sample, rng), source, kind
        if kind == "calibration":
            return faults.miscalibrated(sample, faults.drawn_calibration(rng)), source, kind
        return sample, source, "dull" if faults.is_dull(sample) else ""


def _drive(row: IndexRow) -> tuple[str, str]:
    """Data sets may name different drives alike."""
    return row.source, row.scene


def write_records(out: Path, told: Iterable[Told], window: object, per_shard: int = 256) -> dict[str, str]:
    """Records of samples, and what is wrong with each, by id, as truth.json too."""
    rows: list[IndexRow] = []
    truth: dict[str, str] = {}
    pieces: list[bytes] = []

    def close() -> None:
        write_whole(out / rows[-1].shard, iter([*pieces, END]))
        pieces.clear()

    if out.exists():
        raise ValueError(f"{out} is there already: name another folder, or delete it")
    out.mkdir(parents=True)
    for number, (sample, source, wrong) in enumerate(told):
        shard, key = f"train-{number // per_shard:06d}", f"train-{number // per_shard:06d}-{number % per_shard:04d}"
        if pieces and number % per_shard == 0:
            close()
        piece, found = packed_sample(sample, key, {"drive": sample.scene, "source": source})
        sha256 = hashlib.sha256(piece).hexdigest()
        offset = sum(map(len, pieces))
        own = {"split": "train", "shard": f"{shard}.tar", "offset": offset, "bytes": len(piece), "sha256": sha256, "source": source}
        rows.append(IndexRow(**own, drive=sample.scene, key=key, **found))  # type: ignore[arg-type]
        pieces.append(piece)
        truth[sample.token] = wrong
    close()
    write_rows(out / INDEX, rows)
    files = {path.name: {"bytes": path.stat().st_size, "sha256": digest(path)} for path in [*sorted(out.glob("*.tar")), out / INDEX]}
    splits = {"train": {"samples": len(rows), "drives": len({row.drive for row in rows})}}
    sources = [{"name": name, "samples": sum(row.source == name for row in rows)} for name in sorted({row.source for row in rows})]
    Manifest(VERSION, asdict(window), "", 0, sources, splits, files).write(out)  # type: ignore[call-overload]
    write_whole(out / "truth.json", json.dumps(truth))
    return truth


def table(truth: dict[str, str], found: dict[str, Verdict], may_be_dull: float = 0.0) -> str:
    """Precision and recall by kind: of the records that the kind's own passes drop, how many are of the kind; of the kind's records, how
    many are dropped by them, and by any. Of a moment and its copies all but one are to be dropped, of dull ones those beyond the share
    may_be_dull of all records, whichever stay."""
    groups = copies_of(truth)
    rows = [["kind", "injected", "dropped", "right", "precision", "recall", "by_any"]]
    for kind, says in FOUND_BY.items():
        dropped = [name for name, one in found.items() if any(map(says, one.reasons))]
        wrong = {name for name, told in truth.items() if told == kind}
        if kind == "duplicate":
            right = sum(min(sum(m in set(dropped) for m in members), len(members) - 1) for members in groups)
            any_ = sum(min(sum(not found[m].kept for m in members), len(members) - 1) for members in groups)
        else:
            right, any_ = len(wrong & set(dropped)), sum(not found[name].kept for name in wrong)
        due = len(wrong) - (min(int(may_be_dull * len(truth)), len(wrong)) if kind == "dull" else 0)
        shares = [_share(right, len(dropped)), _share(min(right, due), due), _share(min(any_, due), due)]
        rows.append([kind, str(len(wrong)), str(len(dropped)), str(right), *shares])
    copied = {name for members in groups for name in members}
    gone = [name for name, one in found.items() if not one.kept]
    right = sum(bool(truth[name]) or name in copied for name in gone)
    clean = sum(not told for told in truth.values())
    kept = sum(found[name].kept for name, told in truth.items() if not told)
    rows.append(["any", str(len(truth) - clean), str(len(gone)), str(right), _share(right, len(gone)), "", ""])
    return f"{aligned(rows)}\nof {clean} clean records {kept} are kept"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def copies_of(truth: dict[str, str]) -> list[list[str]]:
    """A record and its copies, by their names."""
    groups: dict[str, list[str]] = {}
    for name, told in truth.items():
        if told == "duplicate":
            origin = name.partition("-")[2]
            groups.setdefault(origin, [origin]).append(name)
    return list(groups.values())


def _some(folder: RecordFolder, scenes: str) -> RecordFolder:
    first, last = (int(part) if part else None for part in scenes.split(":"))
    own = set(folder.scenes[first:last] or folder.scenes)
    return folder.chosen([i for i, row in enumerate(folder.rows) if row.scene in own])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    mix, score = verbs.add_parser("mix"), verbs.add_parser("score")
    mix.add_argument("folders", type=Path, nargs="+", help="clean records, then the folder to write")
    mix.add_argument("--dull", type=Path, help="records of which the dull ones are added")
    mix.add_argument(
        "--scenes", default=":", help="of each clean folder, as FIRST:LAST of a slice (default: all; all too where it has no such ones)"
    )
    mix.add_argument("--dull-share", type=float, default=DULL, help="how many of them are added, of the clean ones (default: %(default)s)")
    mix.add_argument("--hard", action="store_true", help="duplicates are cut, blurred and much brighter or darker")
    mix.add_argument("--seed", type=int, default=0)
    score.add_argument("mix", type=Path)
    score.add_argument("--decisions", type=Path, help="default: MIX/curation/curation.parquet")
    args = parser.parse_args()
    if args.verb == "score":
        decisions = read_decisions(args.decisions or args.mix / "curation" / "curation.parquet")
        dull = load_recipe(None).cruising
        print(table(json.loads((args.mix / "truth.json").read_text()), decisions, dull.most_share if dull else 0.0))
        return
    clean = [_some(RecordFolder(folder), args.scenes) for folder in args.folders[:-1]]
    mixer = Mixer(clean, RecordFolder(args.dull) if args.dull else None, args.seed, args.hard, args.dull_share)
    truth = write_records(args.folders[-1], mixer.samples(), clean[0].window)
    counts = {kind or "clean": sum(told == kind for told in truth.values()) for kind in ("", *FOUND_BY)}
    print(f"{len(truth)} records in {args.folders[-1]}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"contaminate: {error}")
