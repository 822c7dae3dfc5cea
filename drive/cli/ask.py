"""`drive ask`: a question in words, answered on every sample."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from drive.cli.common import data_arguments, open_data, show, show_tracebacks
from drive.words import plain_text

if TYPE_CHECKING:
    from drive.tasks.questions.put import Put

HELP = 'ask a planner a question in words, such as "may I go?"'
ROWS = True
PLANNER = "who is asked: a checkpoint folder whose requests hold `ask`, your own module:Class with `answer`, or log (what was recorded)"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, out=None)
    verb.add_argument("question", help='in words, in quotes: "how far is the nearest car?"')
    verb.add_argument("--planner", required=True, help=PLANNER)


def run(args: argparse.Namespace) -> int:
    """`drive ask DATA QUESTION`."""
    from drive.asking import common_window
    from drive.planners.load import LOG, load_planner
    from drive.planners.notes import all_notes
    from drive.schema import Window
    from drive.tasks.questions.put import put, require_answers

    planner = None
    if args.planner != LOG:
        args.progress.begin(f"loading {args.planner}")
        planner = load_planner(args.planner)
        require_answers(planner)
    window = Window() if planner is None else common_window([planner])
    dataset = open_data(args, window, maps=False)
    args.progress.begin(f"asking {args.planner}", len(dataset))
    found = put(planner, dataset, args.question, args.progress)
    args.progress.end()
    name = args.planner if planner is None else planner.name
    lines = [_heading(name, args.question), *(_line(one, beside=planner is not None) for one in found)]
    lines += all_notes()
    show(args, "\n".join(lines), [{"planner": name, "question": args.question, **_row(one)} for one in found])
    show_tracebacks(args, ((one.token, one.traceback) for one in found if one.traceback))
    return 1 if planner is not None and any(one.reply is None for one in found) else 0


def _heading(name: str, text: str) -> str:
    from drive.tasks.questions import question_of

    question = question_of(text)
    meaning = f"a wording of `{question.name}`" if question else "no wording of ours, so no truth stands beside the answers"
    return f"{name} is asked {plain_text(text)!r}, {meaning}"


def _line(one: Put, beside: bool) -> str:
    answer = plain_text(one.reply.text) if one.reply else f"no answer: {one.reason}"
    return f"  {one.token}  {answer}" + (f"   (true: {one.truth.text})" if beside and one.truth else "")


def _row(one: Put) -> dict[str, Any]:
    return {
        "token": one.token,
        "answer": one.reply and one.reply.to_json(),
        "truth": one.truth and one.truth.to_json(),
        "reason": one.reason or None,
    }
