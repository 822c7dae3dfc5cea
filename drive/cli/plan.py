"""`drive plan`: plans of every sample, as a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.cli.common import data_arguments, planner_source

HELP = "plan on a data set, write plans.json"


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb)
    verb.add_argument("--planner", required=True, help="checkpoint folder, planner name or module:Class")
    verb.add_argument("--samples", type=int, default=1, help="trajectories for each sample, the most central one first (default: 1)")


def run(args: argparse.Namespace) -> int:
    """`drive plan DATA`."""
    from drive.data.dataset import open_dataset
    from drive.eval.plans import save_plans
    from drive.planner import plan_all

    plan_of, name, window, _ = planner_source(args.planner, args.samples)
    dataset = open_dataset(args.data, split=args.split, limit=args.limit, window=window, maps=False)
    plans, errors = plan_all(plan_of, dataset)
    out = args.out or Path("plans.json")
    save_plans(out, name, plans, window.future_times_s, errors)
    print(f"{name}: {len(plans)} of {len(dataset)} samples planned, written: {out}")
    for token, reason in list(errors.items())[:3]:
        print(f"  failed {token}: {reason}")
    if len(errors) > 3:
        print(f"  and {len(errors) - 3} more, all with their reasons in {out}")
    return 1 if errors else 0
