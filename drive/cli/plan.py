"""`drive plan`: plans of every sample, as a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.cli.common import PLANNER, data_arguments, planner_source, samples_argument, show, show_tracebacks

HELP = "plan on a data set, write plans.json"
ROWS = True
SHOWN = 3


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, out="file to write (default: plans.json)")
    verb.add_argument("--planner", required=True, help=PLANNER)
    samples_argument(verb, "trajectories for each sample, the most central one first")


def run(args: argparse.Namespace) -> int:
    """`drive plan DATA`."""
    from drive.asking import plan_all
    from drive.data.dataset import open_dataset
    from drive.eval.plans import save_plans
    from drive.outputs import writable_file

    out = writable_file(args.out or Path("plans.json"))
    plan_of, name, window, _ = planner_source(args)
    args.progress.begin(f"opening {args.data}")
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=False)
    tracebacks: dict[str, str] = {}
    args.progress.begin(f"planning with {name}", len(dataset))
    plans, errors = plan_all(plan_of, dataset, args.progress, tracebacks)
    args.progress.end()
    save_plans(out, name, plans, window.future_times_s, errors)
    lines = [f"{name}: {len(plans)} of {len(dataset)} samples planned, written: {out}"]
    lines += [f"  failed {token}: {reason}" for token, reason in list(errors.items())[:SHOWN]]
    lines += [f"  and {len(errors) - SHOWN} more, all with their reasons in {out}"] if len(errors) > SHOWN else []
    rows = [{"planner": name, "token": token, "planned": token in plans, "reason": errors.get(token)} for token in [*plans, *errors]]
    show(args, "\n".join(lines), rows)
    show_tracebacks(args, tracebacks.items())
    return 1 if errors else 0
