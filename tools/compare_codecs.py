"""How well networks plan that were trained with each trajectory codec: the same pictures, samples and steps, several seeds.

    python -m tools.compare_codecs configs/first-answers.yaml runs/codecs --steps 250
    python -m tools.compare_codecs configs/first-answers.yaml runs/codecs --steps 250 --codecs bins --summary 4 16 64

Each run is the configuration's last stage with one plan request and nothing else; a run that is finished is not trained again, so the
command goes on where it was stopped. The table: L2 on the configuration's test towns, its mean over seeds and the largest
distance of a seed from it, intervals of the distance to the first codec from resampled towns, tokens of a plan, seconds of CPU (set-up and
the run's own scores included; of runs that were not stopped on the way).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from drive.config import NextTokenConfig, RunConfig
from drive.config.load import load_config
from drive.eval.aligned import aligned
from drive.model.config import ModelConfig
from drive.tasks import make_task
from drive.tokens.codecs import CODECS
from tools.comparison import TITLES, Errors, asking, errors, rows

NAMES = tuple(name for name in CODECS if name != "action-reverse")


def one_run(base: RunConfig, out: Path, codec: str, summary: int, steps: int, seed: int, bare: bool) -> RunConfig:
    """The configuration with one request, its plan by a codec. bare: without bells and noise, which only some codecs' ranges have."""
    assert isinstance(base.model, ModelConfig) and isinstance(base.stages[-1].objective, NextTokenConfig)
    base = replace(base, model=replace(base.model, camera=replace(base.model.camera, summary=summary)))
    old = base.stages[-1].objective
    assert isinstance(old, NextTokenConfig)
    objective = NextTokenConfig() if bare else NextTokenConfig(sigma=old.sigma, noise=old.noise)
    return asking(base, out, [f"plan:{codec}"], objective, steps, seed)


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("out", type=Path)
    parser.add_argument("--codecs", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--summary", nargs="+", type=int, default=[16], help="tokens a picture is summed up in")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--bare", action="store_true", help="without bells around right numbers and noise on those fed")
    args = parser.parse_args(given)
    base = load_config(args.config)
    found: dict[tuple[str, ...], list[Errors]] = {}
    for seed in range(args.seeds):
        for summary in args.summary:
            for codec in args.codecs:
                out = args.out / f"{codec}-{summary}-{args.steps}-{seed}{'-bare' if args.bare else ''}"
                run = one_run(base, out, codec, summary, args.steps, seed, args.bare)
                assert isinstance(run.model, ModelConfig)
                tokens = make_task(f"plan:{codec}", run.model.vocabulary, run.model.window).grammar.max_length
                told = errors(run, base.test)
                found.setdefault((codec, str(summary), str(tokens)), []).append(told)
                print(json.dumps({"run": run.out, "l2_m": float(told.l2.mean())}), flush=True)
    print(aligned([["codec", "tokens a picture", "of a plan", *TITLES], *rows(found)]))


if __name__ == "__main__":
    main()
