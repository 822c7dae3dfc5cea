"""`drive serve`: a planner for others' simulators."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress

from drive.cli.common import PLANNER
from drive.cli.parser import number

HELP = "answer others' simulators with a planner, over HTTP"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    verb.add_argument("--planner", required=True, help=PLANNER)
    verb.add_argument("--port", type=number(0, 65535), default=8400, help="default: 8400; 0: any free one")
    verb.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1, this machine alone)")
    verb.add_argument("--pipe", action="store_true", help="instead on standard input and output, for whoever starts this command")


def run(args: argparse.Namespace) -> int:
    """`drive serve`."""
    from drive.planners.remote.drive_client import http_server, serve_pipe, take_pipes

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also then nothing is left behind
    if args.pipe:
        take_pipes()
    args.progress.begin(f"loading {args.planner}")
    from drive.asking import require_plans
    from drive.planners.load import load_planner
    from drive.planners.remote.serving import server_of

    planner = load_planner(args.planner)
    require_plans([planner])
    args.progress.end()
    with server_of(planner) as server, suppress(KeyboardInterrupt):
        if args.pipe:
            serve_pipe(server)
            return 0
        try:
            with http_server(server, args.port, args.host) as serving:
                print(f"{planner.name} at http://{args.host}:{serving.server_address[1]} (Ctrl-C ends it)", file=sys.stderr, flush=True)
                serving.serve_forever()
        except OSError as error:
            raise ValueError(f"cannot listen on {args.host}:{args.port}: {error.strerror}; choose another --port") from error
    return 0
