"""`drive plan`: plans, or answers to any requests, of every sample, as a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from drive.cli.common import (
    PLANNER,
    data_arguments,
    horizon_arguments,
    open_data,
    planner_source,
    samples_argument,
    show,
    show_tracebacks,
)

HELP = "plan on a data set, or answer other requests, write plans.json or answers.json"
ROWS = True
SHOWN = 3


def arguments(verb: argparse.ArgumentParser) -> None:
    """The verb's options."""
    data_arguments(verb, out="file to write (default: plans.json; of --tasks: answers.json)")
    verb.add_argument("--planner", required=True, help=PLANNER)
    verb.add_argument("--tasks", help='what to answer, such as "see>decide>plan,boxes" (`>`: sees what stands before it)')
    samples_argument(verb, "trajectories for each sample, the most central one first")
    horizon_arguments(verb)


def run(args: argparse.Namespace) -> int:
    """`drive plan DATA`."""
    if args.tasks:
        return _answer(args)
    from drive.asking import plan_all
    from drive.eval.plans import save_plans
    from drive.outputs import writable_file
    from drive.planners.notes import all_notes

    out = writable_file(args.out or Path("plans.json"))
    plan_of, name, window, _ = planner_source(args, args.horizon, args.rate)
    dataset = open_data(args, window, maps=False)
    tracebacks: dict[str, str] = {}
    args.progress.begin(f"planning with {name}", len(dataset))
    plans, errors = plan_all(plan_of, dataset, args.progress, tracebacks)
    args.progress.end()
    save_plans(out, name, plans, window.future_times_s, errors)
    lines = [f"{name}: {len(plans)} of {len(dataset)} samples planned, written: {out}"]
    lines += [f"  failed {token}: {reason}" for token, reason in list(errors.items())[:SHOWN]]
    lines += [f"  and {len(errors) - SHOWN} more, all with their reasons in {out}"] if len(errors) > SHOWN else []
    fallen = sum(plan.degraded is not None and plan.degraded.fallback != "none" for plan in plans.values())
    lines += [f"  {fallen} of these fell back: what they were made from could not be trusted (`degraded` in {out})"] if fallen else []
    lines += all_notes()
    rows = [{"planner": name, "token": token, "planned": token in plans, "reason": errors.get(token)} for token in [*plans, *errors]]
    show(args, "\n".join(lines), rows)
    show_tracebacks(args, tracebacks.items())
    return 1 if errors else 0


def _answer(args: argparse.Namespace) -> int:
    """`drive plan DATA --tasks REQUESTS`."""
    from drive.asking import window_of
    from drive.outputs import writable_file
    from drive.planners.answers import answer_all
    from drive.planners.load import LOG, load_planner
    from drive.planners.notes import all_notes

    if args.planner == LOG:
        raise ValueError("--tasks asks a planner that answers; log has recorded plans alone: leave out --tasks")
    out = writable_file(args.out or Path("answers.json"))
    args.progress.begin(f"loading {args.planner}")
    planner = load_planner(args.planner)
    dataset = open_data(args, window_of(planner, args.horizon, args.rate), maps=False)
    args.progress.begin(f"asking {planner.name}", len(dataset))
    found = answer_all(planner, dataset, args.tasks, args.progress)
    args.progress.end()
    found.save(out)
    lines = [f"{planner.name}: {len(dataset)} samples asked {','.join(found.requests)}, written: {out}"]
    for link, failed in found.failed.items():
        reason = next((told[link] for told in found.errors.values() if link in told), "")
        lines.append(f"  {link}: {len(dataset) - failed} answered, {failed} failed" + (f", the first: {reason}" if failed else ""))
    lines += all_notes()
    rows = [{"planner": planner.name, "request": link, "answered": len(dataset) - n, "failed": n} for link, n in found.failed.items()]
    show(args, "\n".join(lines), rows)
    show_tracebacks(args, found.tracebacks.items())
    return 1 if found.errors else 0
