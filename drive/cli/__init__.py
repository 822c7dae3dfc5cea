"""The `drive` command: one verb, one file; each has HELP, `arguments(parser)` and `run(args) -> exit status`.

A verb whose report has rows says ROWS = True and gets `--json`. Heavy imports wait until a verb runs.
Exit status: 0 done, 1 done but something failed or is wrong, 2 bad usage or input.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence

from drive.cli import ask, bench, check, completion, convert, curate, make, pack, plan, rig, serve, sim, tokens, train, truth, view
from drive.cli import eval as evaluate
from drive.cli.parser import Parser
from drive.cli.streams import plain_streams
from drive.progress import Progress

VERBS = {
    "check": check,
    "plan": plan,
    "ask": ask,
    "tokens": tokens,
    "eval": evaluate,
    "convert": convert,
    "truth": truth,
    "view": view,
    "rig": rig,
    "sim": sim,
    "serve": serve,
    "make": make,
    "pack": pack,
    "curate": curate,
    "train": train,
    "bench": bench,
    "completion": completion,
}
INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status. Bad input prints one line, not a traceback (`--debug`: both)."""
    with plain_streams():
        parser = make_parser()
        words = sys.argv[1:] if argv is None else argv
        if not words:
            parser.print_help(sys.stderr)
            return 2
        try:
            _no_verbs_option_first(parser, words)
            args, rest = parser.parse_known_args(words)
            if rest and not args.overrides:
                args.parser.error(f"what is {rest[0]!r}? There is one word or option too many")
        except SystemExit as stop:  # argparse's way to say that a help was shown or the usage is wrong
            return int(stop.code or 0)
        args.rest = rest
        return _run(args)


def _no_verbs_option_first(parser: Parser, words: Sequence[str]) -> None:
    """An option of a verb that stands before the verb is told where it belongs."""
    word = next((word for word in words if word not in ("-q", "--quiet", "--debug")), "")
    name = word.partition("=")[0]
    if name.startswith("-") and name not in parser.options and set(name[1:]) != {"q"}:
        verb = next((word for word in words if word in VERBS), "VERB")
        parser.error(f"{name} stands before the verb; options of a verb come after it: drive {verb} ... {name}")


def _run(args: argparse.Namespace) -> int:
    if args.quiet:
        logging.getLogger("drive").setLevel(logging.ERROR)
    with Progress(quiet=args.quiet) as args.progress:
        try:
            status = int(args.run(args) or 0)
            sys.stdout.flush()
            return status
        except KeyboardInterrupt:
            message, status = "interrupted", INTERRUPTED
        except BrokenPipeError:  # whoever read our output, such as `head`, has enough of it
            _leave_stdout()
            return 1
        except (ValueError, OSError) as error:
            message, status = _one_line(error), 2
            if args.debug:
                traceback.print_exc()
    _leave_stdout()
    print(f"drive {args.verb}: {message}", file=sys.stderr)
    return status


def _leave_stdout() -> None:
    """Where standard output takes nothing any more (a full disk, a closed pipe), what is left for it goes nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(error: Exception) -> str:
    from drive.outputs import told

    text = told(error) if isinstance(error, OSError) else str(error)
    return " ".join(line.strip() for line in text.splitlines()) or type(error).__name__


def make_parser() -> Parser:
    """The parser of the whole command."""
    from drive import __version__

    parser = Parser(prog="drive", description="End-to-end driving: cameras in, trajectory tokens out.")
    parser.add_argument("--version", action="version", version=f"drive {__version__}")
    _everywhere(parser, False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        overrides = getattr(verb, "OVERRIDES", False)
        one = verbs.add_parser(name, help=verb.HELP, description=verb.HELP, known_options_only=not overrides)
        verb.arguments(one)
        if getattr(verb, "ROWS", False):
            one.add_argument("--json", action="store_true", help="print the report's rows as JSON instead of tables")
        _everywhere(one, argparse.SUPPRESS)
        one.set_defaults(run=verb.run, parser=one, overrides=overrides)
    return parser


def _everywhere(parser: Parser, default: object) -> None:
    """What may stand before the verb and after it; after it, it is set only where it is given."""
    parser.add_argument("-q", "--quiet", action="store_true", default=default, help="no progress, only results and errors")
    told = "show the traceback of an error, and of planners that failed"
    parser.add_argument("--debug", action="store_true", default=default, help=told)
