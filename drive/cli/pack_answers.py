"""`drive pack --form jsonl|llava|drivelm`: a data set's right answers as JSON, or such records in another form."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drive.cli.common import show

if TYPE_CHECKING:
    from drive.tasks.messages import Record

SCHEMA = "schema.json"


def pack_answers(args: argparse.Namespace, data: Path, form: str) -> int:
    """The verb, of one data set or folder of JSONL."""
    from drive.eval.aligned import aligned
    from drive.outputs import whole_folder

    made = not _holds_jsonl(args, data, form)
    out = _folder(args, data, made)
    counts: Counter[tuple[str, str]] = Counter()
    records = _counted(_made(args, data) if made else _read(args, data), counts)
    with whole_folder(out) as draft:
        files = _write(records, draft, form)
        if made:
            files.append(_schema(args.tasks, draft))
    args.progress.end()
    names = sorted({name for name, _ in counts if name})
    rows = [{"request": name, "answers": counts[name, "answers"], "unknown": counts[name, "unknown"]} for name in names]
    table = aligned([["request", "answers", "unknown"], *([str(value) for value in row.values()] for row in rows)])
    named = out / files[0].name if len(files) == 1 else f"{out} ({len(files)} files)"
    show(args, f"{counts['', 'records']} samples\n{table}", rows, str(named))
    return 0


def _holds_jsonl(args: argparse.Namespace, data: Path, form: str) -> bool:
    """Whether it is a folder of JSONL. Raises ValueError for options that do not go with what it is."""
    found = any(data.glob("*.jsonl"))
    if found and (args.tasks or args.split or form == "jsonl"):
        raise ValueError(f"{data} holds records, answers and all: give --form llava or drivelm and --out, not --tasks or --split")
    if not found and not args.tasks:
        raise ValueError('--tasks is missing: say which answers to write, such as --tasks "see>decide>plan,boxes,roads,ask"')
    return found


def _folder(args: argparse.Namespace, data: Path, made: bool) -> Path:
    """Where to write. Raises ValueError where something is there already."""
    if args.out is None and not made:
        raise ValueError(f"{data} holds records: name an --out folder for their other form")
    out: Path = args.out or data / "messages"
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already and is not written over: name another --out, or delete it")
    return out


def _made(args: argparse.Namespace, data: Path) -> Iterator[Record]:
    """A record for each sample of a data set."""
    from drive.data.dataset import open_dataset
    from drive.make.shard_samples import is_shard_folder
    from drive.schema import Window
    from drive.tasks.writer import Writer

    if is_shard_folder(data):
        raise ValueError(f"{data} holds demonstrations, whose pictures are no files of their own: drive make OUT --tasks writes both")
    window = Window()
    writer = Writer(args.tasks, window, data)
    args.progress.begin(f"opening {data}")
    dataset = open_dataset(data, split=args.split, limit=args.limit, window=window, lanes=True)
    args.progress.begin("packing", len(dataset))
    return _told(map(writer.record, dataset), args)


def _read(args: argparse.Namespace, data: Path) -> Iterator[Record]:
    """The records of a folder, file after file."""
    from itertools import chain, islice

    from drive.tasks.messages import read_records

    files = sorted(data.glob("*.jsonl"))
    args.progress.begin(f"reading {len(files)} files")
    return _told(islice(chain.from_iterable(map(read_records, files)), args.limit), args)


def _told(records: Iterable[Record], args: argparse.Namespace) -> Iterator[Record]:
    """The records as they come, each told to the progress."""
    for record in records:
        args.progress.done()
        yield record


def _counted(records: Iterable[Record], counts: Counter[tuple[str, str]]) -> Iterator[Record]:
    """The records as they come, their answers and what is not known counted by request."""
    for record in records:
        counts["", "records"] += 1
        counts.update((request, "answers") for request, _, _ in record.answers())
        counts.update((request, "unknown") for request in record.unknown)
        yield record


def _write(records: Iterable[Record], out: Path, form: str) -> list[Path]:
    """The files written."""
    from drive.outputs import scene_file_name, write_whole
    from drive.tasks.exports import to_drivelm, to_llava
    from drive.tasks.messages import write_records

    if form == "llava":
        return [write_whole(out / "llava.json", _listed(map(to_llava, records)))]
    if form == "drivelm":
        return [write_whole(out / "drivelm.json", json.dumps(to_drivelm(records), allow_nan=False))]
    files = []
    for scene, of_scene in groupby(records, key=lambda record: record.scene):
        files.append(out / f"{scene_file_name(scene)}.jsonl")
        write_records(files[-1], of_scene)
    return files


def _listed(values: Iterable[Any]) -> Iterator[bytes]:
    """A JSON list, a value a line, without all of it in memory."""
    for number, value in enumerate(values):
        yield ("," if number else "[").encode() + b"\n" + json.dumps(value, allow_nan=False).encode()
    yield b"\n]\n"


def _schema(requests: str, out: Path) -> Path:
    from drive.outputs import write_whole
    from drive.schema import Window
    from drive.tasks.writer import schema

    return write_whole(out / SCHEMA, json.dumps(schema(requests, Window()), indent=1))
