"""The arms that trainings are compared in, and the tables of their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from drive.config.load import load_config
from drive.model.config import ModelConfig
from drive.train.objectives import make_objective
from tools.compare_codecs import NAMES
from tools.compare_codecs import one_run as codec_run
from tools.compare_tasks import MODULES, arms, one_run
from tools.comparison import Errors, rows

CONFIG = "configs/first-answers.yaml"


def test_every_arm_is_a_run_that_can_be_trained(tmp_path: Path) -> None:
    base = load_config(CONFIG)
    assert isinstance(base.model, ModelConfig)
    known = arms(base.model.requests)
    assert list(known)[:4] == ["plan", "plan + rest", "see>plan", "see>decide>plan"] and len(known) == 10 and MODULES not in known
    assert known["plan"] == ["plan:bins"] and not any(name.startswith("see") for name in known["no see"])
    assert set(known["no ask"]) == set(known["plan + rest"]) - {"ask"}
    for name, trained in known.items():
        run = one_run(base, tmp_path / name, trained, 7, 3)
        assert isinstance(run.model, ModelConfig) and run.stages[0].steps == 7 and run.seed == 3
        make_objective(run.stages[0].objective, run.model, torch.device("cpu"))
        assert run.model.plan_request == trained[0] and set(run.model.requests) <= set(base.model.requests)


@pytest.mark.parametrize("codec", NAMES)
def test_codecs_differ_in_the_plan_alone(codec: str, tmp_path: Path) -> None:
    base = load_config(CONFIG)
    runs = [codec_run(base, tmp_path, codec, 4, 7, 0, bare) for bare in (False, True)]
    for run in runs:
        assert isinstance(run.model, ModelConfig) and run.model.requests == (f"plan:{codec}",) and run.model.camera.summary == 4
    assert not runs[1].stages[0].objective.sigma  # type: ignore[union-attr]


def test_tables_tell_how_far_seeds_and_arms_are_apart() -> None:
    rng = np.random.default_rng(0)
    towns = [f"town{i // 20}" for i in range(200)]
    first = [Errors(rng.uniform(0.9, 1.1, (200, 6)), 10.0, towns) for _ in range(2)]
    worse = [Errors(one.l2 + 0.5, float("nan"), towns) for one in first]
    table = list(rows({("a",): first, ("b",): worse}))
    assert table[0][4] == "" and table[1][4].startswith("+0.500 (+0.500 to +0.500)")
    assert table[0][1] == "2" and table[0][5] == "10" and table[1][5] == "-"
