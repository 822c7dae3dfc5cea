"""`drive tokens`: a sequence taken apart, token by token."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import groupby
from typing import TYPE_CHECKING, Any

from drive.cli.common import data_arguments, open_data, show
from drive.words import plain_text

if TYPE_CHECKING:
    from drive.planners.network import NetworkPlanner
    from drive.schema import SceneSample
    from drive.tasks.apart import SequenceRow
    from drive.tasks.requests import Chain

HELP = "take a sequence apart: what each token stands for"
ROWS = True
WIDTH = 100
HEADS = ("at", "pos", "span", "id", "name", "meaning")
MOST = (9, 3, 26, 7, 40)  # letters of the columns before the last
LEAST_NAME = 16  # the meaning says again what of a name is cut


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, out=None)
    verb.add_argument("sample", nargs="?", metavar="SAMPLE", help="a sample's token (default: the first one, or the first --limit)")
    verb.add_argument("--planner", help="a network's shipped name or checkpoint folder: its own prefix, and what it answers")
    verb.add_argument("--tasks", metavar="REQUESTS", help='such as "see>decide>plan,boxes" (default: all that is known, or was trained)')
    verb.add_argument("--truth", action="store_true", help="with --planner: the right answers behind its prefix in place of its own")
    verb.add_argument("--all", action="store_true", help="every token of the prefix, not summed up by camera")


@dataclass(frozen=True)
class Apart:
    """One sample. reasons: links without an answer, "prefix" where nothing could be read. failed: whether a network failed."""

    sample: SceneSample
    rows: list[SequenceRow]
    reasons: dict[str, str] = field(default_factory=dict)
    failed: bool = False

    def values(self) -> Iterator[dict[str, Any]]:
        """For --json, every row with the same keys."""
        from drive.tasks.apart import SequenceRow

        for row in self.rows:
            yield {"sample": self.sample.token, **asdict(row), "reason": None}
        for link, reason in self.reasons.items():
            empty = dict.fromkeys(part.name for part in fields(SequenceRow))
            yield {"sample": self.sample.token, **empty, "of": link, "reason": reason}


def run(args: argparse.Namespace) -> int:
    """`drive tokens DATA SAMPLE`."""
    from drive.planners.load import LOG
    from drive.schema import Window

    planner = None if args.planner in (None, LOG) else _network(args)
    asked = _asked(args.tasks, planner)
    window = Window() if planner is None else planner.network.config.window
    args.limit = args.limit if args.sample else args.limit or 1
    dataset = open_data(args, window, lanes=True)
    samples = [dataset.sample(args.sample)] if args.sample else list(dataset)
    found = [_truth(sample, asked, planner) if planner is None or args.truth else _answered(sample, asked, planner) for sample in samples]
    args.progress.end()
    who = "the truth" if planner is None else f"{planner.name}, the truth" if args.truth else planner.name
    text = "\n\n".join("\n".join(_lines(one, who, args.all)) for one in found)
    show(args, text, (row for one in found for row in one.values()))
    return 1 if any(one.failed for one in found) else 0


def _network(args: argparse.Namespace) -> NetworkPlanner:
    args.progress.begin(f"loading {args.planner}")
    from drive.planners.load import load_planner
    from drive.planners.network import NetworkPlanner

    planner = load_planner(args.planner)
    if not isinstance(planner, NetworkPlanner):
        raise ValueError(f"planner {planner.name} is no network, so it has no tokens; leave out --planner to see those of the truth")
    return planner


def _asked(requests: str | None, planner: NetworkPlanner | None) -> tuple[Chain, ...] | None:
    """What is asked for, None where nobody says."""
    from drive.tasks import TASKS, chains

    if requests is None:
        return None
    asked = chains(requests)
    for link in (link for chain in asked for link in chain):
        if TASKS[link.task].prompted and not link.prompt:
            raise ValueError(f"request {link}: write the question, as in {link}(may I go?)")
        if planner is not None and link.name not in planner.network.config.requests:
            trained = planner.network.config.requests
            raise ValueError(f"{planner.name} was not trained to answer {link.name}; it answers {', '.join(trained)}")
    return asked


def _truth(sample: SceneSample, asked: tuple[Chain, ...] | None, planner: NetworkPlanner | None) -> Apart:
    """The right answers, behind the network's prefix where there is one."""
    from drive.schema import PlanError, Window
    from drive.tasks.apart import rows_of, true_spans, usual_chains, usual_requests, vocabulary_of

    if planner is not None:
        config = planner.network.config
        window, names, vocabulary = config.window, config.requests, config.vocabulary
    else:
        window = Window()
        names = usual_requests(sample, window) if asked is None else tuple({link.name: 0 for chain in asked for link in chain})
        vocabulary = vocabulary_of(names)
    wanted = usual_chains(names, sample, vocabulary, window) if asked is None else asked
    spans, reasons = true_spans(wanted, sample, vocabulary, window)
    try:
        return Apart(sample, rows_of(None if planner is None else planner.prefix(sample.observation), spans), reasons)
    except PlanError as error:
        return Apart(sample, rows_of(None, spans), {"prefix": str(error)} | reasons, failed=True)


def _answered(sample: SceneSample, asked: tuple[Chain, ...] | None, planner: NetworkPlanner) -> Apart:
    """The network's own answers behind its prefix. A question in words that nobody asked is the sample's first one, if it knows any."""
    from drive.schema import PlanError
    from drive.tasks import TASKS
    from drive.tasks.apart import rows_of, usual_chains

    config = planner.network.config
    wanted = asked or usual_chains(config.requests, sample, config.vocabulary, config.window)
    silent = [chain for chain in wanted if any(TASKS[link.task].prompted and not link.prompt for link in chain)]
    reasons = {str(link): "no question to it is known here" for chain in silent for link in chain}
    try:
        spans = planner.spans(sample.observation, tuple(chain for chain in wanted if chain not in silent))
        return Apart(sample, rows_of(planner.prefix(sample.observation), spans), reasons)
    except PlanError as error:
        return Apart(sample, [], {"prefix": str(error)} | reasons, failed=True)


def _lines(one: Apart, who: str, whole: bool) -> Iterator[str]:
    prefix = sum(row.span == 0 for row in one.rows)
    spans = max((row.span for row in one.rows), default=0)
    before = f"{prefix} tokens of the prefix" if prefix else "no prefix without a network"
    counts = f"{before}, {len(one.rows) - prefix} in {spans} span{'s' * (spans != 1)}"
    yield f"{one.sample.token} of {plain_text(one.sample.scene)}, {who}: {counts}"
    if one.rows:
        yield from _table([HEADS, *_cells(one.rows, whole)])
    for link, reason in one.reasons.items():
        yield f"  no {_cut(link, 40)}: {_cut(reason, WIDTH - 46)}"


def _cells(rows: Sequence[SequenceRow], whole: bool) -> Iterator[tuple[str, ...]]:
    """Rows as text; those of the prefix that belong to one camera as one, unless the whole is asked for."""
    for (span, of), group in groupby(rows, key=lambda row: (row.span, row.of)):
        run = list(group)
        if span == 0 and not whole and len(run) > 1:
            said = " to ".join(dict.fromkeys(text for text in (run[0].meaning, run[-1].meaning) if text))
            yield f"{run[0].at}-{run[-1].at}", str(run[0].position), of, "", f"{len(run)} tokens", said
            continue
        for row in run:
            label = of if span == 0 else f"{span} {of}"
            yield str(row.at), str(row.position), label, "" if row.id is None else str(row.id), row.name, row.meaning


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as what stands in them, lines of WIDTH letters at most: names are cut before meanings are."""
    cells = [[_cut(cell, most) for cell, most in zip(row, (*MOST, WIDTH), strict=True)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    widths[4] = max(LEAST_NAME, min(widths[4], WIDTH - 2 * len(HEADS) - sum(widths) + widths[4]))
    for at, position, span, number, name, meaning in cells:
        padded = at.rjust(widths[0]), position.rjust(widths[1]), span.ljust(widths[2]), number.rjust(widths[3])
        yield _cut("  " + "  ".join([*padded, _cut(name, widths[4]).ljust(widths[4]), meaning]), WIDTH).rstrip()


def _cut(text: str, most: int) -> str:
    """On one line, at most so long, and nothing in it that steers a terminal."""
    plain = plain_text(text).replace("\n", "\\n").replace("\t", "\\t")
    return plain if len(plain) <= most else plain[: most - 3] + "..."
