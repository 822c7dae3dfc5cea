"""`drive pack --form jsonl|llava|drivelm`: a data set's right answers as JSON, or such records in another form."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drive.cli.common import show

if TYPE_CHECKING:
    from drive.data.dataset import Dataset
    from drive.tasks.messages import Record
    from drive.tasks.questions.chosen import Chosen
    from drive.tasks.writer import Asks

SCHEMA, QUESTIONS = "schema.json", "questions.json"
Thing = TypeVar("Thing")


def pack_answers(args: argparse.Namespace, data: Path, form: str) -> int:
    """The verb, of one data set, or of answers in another form."""
    from drive.outputs import whole_folder

    made = not _holds_answers(args, data, form)
    out = _folder(args, data, made)
    counts: Counter[tuple[str, str]] = Counter()
    found, choice = _made(args, data) if made else (_read(args, data), None)
    with whole_folder(out) as draft:
        files = _write(_counted(found, counts), draft, form)
        names = list(dict.fromkeys(name for name, _ in counts if name))
        if made or form == "jsonl":
            files += _schema(args.tasks or names, draft)
        if choice is not None:
            files.append(_questions(choice, draft))
    args.progress.end()
    _show(args, counts, choice, str(out / files[0].name) if len(files) == 1 else f"{out} ({len(files)} files)")
    return 0


def balance_table(rows: list[dict[str, Any]]) -> str:
    """What was kept of the questions, as people read it."""
    from drive.eval.aligned import aligned

    return "questions of `ask`, and what a guess by the question alone gets right\n" + aligned(
        [list(rows[0]), *(["-" if value is None else str(value) for value in row.values()] for row in rows)]
    )


def _show(args: argparse.Namespace, counts: Mapping[tuple[str, str], int], choice: Chosen | None, written: str) -> None:
    from drive.eval.aligned import aligned
    from drive.tasks.questions.chosen import balance_rows

    names = sorted({name for name, _ in counts if name})
    rows: list[dict[str, Any]] = [
        {"request": name, "answers": counts[name, "answers"], "unknown": counts[name, "unknown"]} for name in names
    ]
    table = aligned([["request", "answers", "unknown"], *([str(value) for value in row.values()] for row in rows)])
    kept = balance_rows(choice.counts) if choice else []
    told = f"{counts['', 'records']} samples\n{table}" + (f"\n\n{balance_table(kept)}" if kept else "")
    show(args, told, rows + kept, written)


def _holds_answers(args: argparse.Namespace, data: Path, form: str) -> bool:
    """Whether it holds answers already. Raises ValueError for options that do not go with what it is."""
    from drive.records.answer_files import form_of

    found = form_of(data)
    if found and (args.tasks or args.split or form == found):
        raise ValueError(f"{data} holds records, answers and all ({found}): give another --form and --out, not --tasks or --split")
    if not found and not args.tasks:
        raise ValueError('--tasks is missing: say which answers to write, such as --tasks "see>decide>plan,boxes,roads,ask"')
    return found is not None


def _folder(args: argparse.Namespace, data: Path, made: bool) -> Path:
    """Where to write. Raises ValueError where something is there already."""
    if args.out is None and not made:
        raise ValueError(f"{data} holds records: name an --out folder for their other form")
    out: Path = args.out or data / "messages"
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already and is not written over: name another --out, or delete it")
    return out


def _made(args: argparse.Namespace, data: Path) -> tuple[Iterator[Record], Chosen | None]:
    """A record for each sample of a data set, and which questions were chosen."""
    from drive.data.dataset import open_dataset
    from drive.make.shard_samples import is_shard_folder
    from drive.schema import Window
    from drive.tasks.writer import Writer

    if is_shard_folder(data):
        raise ValueError(f"{data} holds demonstrations, whose pictures are no files of their own: drive make OUT --tasks writes both")
    window = Window()
    Writer(args.tasks, window)  # refuses requests that no task answers before anything is opened
    args.progress.begin(f"opening {data}")
    dataset = open_dataset(data, split=args.split, limit=args.limit, window=window, lanes=True)
    choice = _chosen(args, dataset)
    asks: Asks = "all" if args.balance == "none" else "towns"
    writer = Writer(args.tasks, window, data, choice.names if choice else asks)
    args.progress.begin("packing", len(dataset))
    return _told(map(writer.record, dataset), args), choice


def _chosen(args: argparse.Namespace, dataset: Dataset) -> Chosen | None:
    """Which questions are kept; None where nothing is chosen."""
    from drive.tasks.questions.chosen import chosen, known_answers
    from drive.tasks.writer import asks_anything

    if args.balance != "set" or not asks_anything(args.tasks):
        return None
    args.progress.begin("looking at all questions", len(dataset))
    return chosen(_told(((sample.token, known_answers(sample)) for sample in dataset), args), args.seed)


def _read(args: argparse.Namespace, data: Path) -> Iterator[Record]:
    """The records of a file or folder, one after another."""
    from itertools import islice

    from drive.records.answer_files import entries

    args.progress.begin(f"reading {data}")
    return _told((entry.read() for entry in islice(entries(data), args.limit)), args)


def _told(things: Iterable[Thing], args: argparse.Namespace) -> Iterator[Thing]:
    """The things as they come, each told to the progress."""
    for thing in things:
        args.progress.done()
        yield thing


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


def _schema(requests: str | Sequence[str], out: Path) -> list[Path]:
    """Beside the records, where they ask anything."""
    from drive.outputs import write_whole
    from drive.schema import Window
    from drive.tasks.writer import schema

    return [write_whole(out / SCHEMA, json.dumps(schema(requests, Window()), indent=1))] if requests else []


def _questions(choice: Chosen, out: Path) -> Path:
    from drive.outputs import write_whole

    return write_whole(out / QUESTIONS, json.dumps(choice.counts, indent=1))
