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
import io
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from drive.config import DataConfig, NextTokenConfig, RunConfig, TownsConfig
from drive.config.load import load_config
from drive.eval.aligned import aligned
from drive.eval.intervals import scene_interval
from drive.frames import Array
from drive.model.config import ModelConfig
from drive.outputs import write_whole
from drive.planners.load import checkpoint_planner
from drive.tasks import declared, make_task
from drive.tokens.codecs import CODECS
from drive.train.loop import train
from drive.train.mix import open_mix
from drive.train.networks import kind_of
from drive.train.score import score

NAMES = tuple(name for name in CODECS if name != "action-reverse")

# Towns that are trained on, and tested on, at most.
TOWNS = 100


def one_run(base: RunConfig, out: Path, codec: str, summary: int, steps: int, seed: int) -> RunConfig:
    """The configuration with one request, its plan by a codec."""
    assert isinstance(base.model, ModelConfig) and isinstance(base.stages[-1].objective, NextTokenConfig)
    model, request = base.model, f"plan:{codec}"
    numbers = {part.name: part.grid for part in declared([request], {}) if part.grid}
    numbers |= {name: grid for name, grid in model.numbers.items() if name in numbers}
    camera = replace(model.camera, summary=summary)
    model = ModelConfig((request,), model.window, model.inputs, camera, model.transformer, numbers)
    old = base.stages[-1].objective
    objective = NextTokenConfig(leave_out=True, sigma=_known(old.sigma, model), noise=_known(old.noise, model))
    stage = replace(base.stages[-1], steps=steps, objective=objective, data=first_towns(base.stages[-1].data, TOWNS))
    # The run's own scores are of one town: all are scored once, at the end.
    return replace(base, out=str(out), seed=seed, model=model, stages=(stage,), test=first_towns(base.test, 1))


def first_towns(data: DataConfig | None, most: int) -> TownsConfig:
    """The first towns of a configuration. Raises ValueError where it has none."""
    if not isinstance(data, TownsConfig):
        raise ValueError("codecs are compared in towns: give a configuration whose stage and test have data of kind: towns")
    return replace(data, towns=(replace(data.towns[0], count=min(most, data.towns[0].count)),))


def _known(values: dict[str, float], model: ModelConfig) -> dict[str, float]:
    return {name: value for name, value in values.items() if name in model.vocabulary.ranges}


def errors(run: RunConfig, test: DataConfig | None) -> tuple[Array, Array, list[str]]:
    """Trains a run that is not finished. -> L2 [N, T] of the test samples, seconds of CPU [1], and their towns."""
    kept = Path(run.out) / "errors.npz"
    if not kept.exists():
        # Of a run that was stopped, the time of its beginning is not known.
        begun = float("nan") if (Path(run.out) / "resume").exists() else time.process_time()
        train(run)
        spent = time.process_time() - begun
        assert isinstance(run.model, ModelConfig)
        mix = open_mix(first_towns(test, TOWNS), kind_of(run.model).needs(run.model))
        fit = score(checkpoint_planner(Path(run.out) / "checkpoint"), mix, run.model.window.future_times_s)
        written = io.BytesIO()
        np.savez(written, l2=fit.l2, spent=np.array([spent]), towns=np.array([mix.bare(i).scene for i in range(len(mix))]))
        write_whole(kept, written.getvalue())
    with np.load(kept) as arrays:
        return arrays["l2"], arrays["spent"], arrays["towns"].tolist()


def rows(found: dict[tuple[str, int], list[tuple[Array, Array, list[str]]]], tokens: dict[str, int]) -> Iterator[list[str]]:
    """A row for each codec and number of summary tokens."""
    first = np.mean([l2.mean(-1) for l2, *_ in next(iter(found.values()))], 0)
    for (codec, summary), runs in found.items():
        means = np.array([l2.mean() for l2, *_ in runs])
        last = np.mean([l2[:, -1].mean() for l2, *_ in runs])
        away = np.mean([l2.mean(-1) for l2, *_ in runs], 0) - first
        low, high = scene_interval(away, np.ones(len(away), bool), runs[0][2])
        spread = f"{means.mean():.3f} +- {np.abs(means - means.mean()).max():.3f}"
        between = "" if not away.any() else f"{away.mean():+.3f} ({low:+.3f} to {high:+.3f})"
        timed = [float(spent[0]) for _, spent, _ in runs if np.isfinite(spent[0])]
        seconds = f"{np.mean(timed):.0f}" if timed else "-"
        yield [codec, str(summary), str(tokens[codec]), str(len(runs)), spread, f"{last:.3f}", between, seconds]


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("out", type=Path)
    parser.add_argument("--codecs", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--summary", nargs="+", type=int, default=[16], help="tokens a picture is summed up in")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=250)
    args = parser.parse_args(given)
    base = load_config(args.config)
    found: dict[tuple[str, int], list[tuple[Array, Array, list[str]]]] = {}
    tokens: dict[str, int] = {}
    for seed in range(args.seeds):
        for summary in args.summary:
            for codec in args.codecs:
                run = one_run(base, args.out / f"{codec}-{summary}-{args.steps}-{seed}", codec, summary, args.steps, seed)
                assert isinstance(run.model, ModelConfig)
                tokens[codec] = make_task(f"plan:{codec}", run.model.vocabulary, run.model.window).grammar.max_length
                found.setdefault((codec, summary), []).append(errors(run, base.test))
                print(json.dumps({"run": run.out, "l2_m": float(found[codec, summary][-1][0].mean())}), flush=True)
    titles = ["codec", "tokens a picture", "of a plan", "seeds", "L2 m", "after 3 s", "against the first", "CPU s"]
    print(aligned([titles, *rows(found, tokens)]))


if __name__ == "__main__":
    main()
