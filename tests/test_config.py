"""Run configurations: every shipped file loads, overrides land, mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from drive.config import load_config
from drive.train.samples import expand

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_shipped_configurations_load(path: Path) -> None:
    assert load_config(path).stages


def test_overrides(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("stages: [{steps: 5}, {steps: 6}]\n")
    config = load_config(tmp_path / "run.yaml", ["--model.camera.width", "448", "--stages.1.steps", "7", "--out", "x"])
    assert config.model.camera.width == 448 and [s.steps for s in config.stages] == [5, 7] and config.out == "x"


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("seeed: 3", [], "seeed"),
        ("model: {camera: {widht: 3}}", [], "widht"),
        ("seed: many", [], "seed"),
        ("[1, 2]", [], "mapping"),
        ("a: [", [], "not YAML"),
        ("x: !!python/object/apply:os.system [ls]", [], "not YAML"),
        ("seed: 1", ["--seed"], "pairs"),
        ("stages: [{steps: 5}]", ["--stages.4.steps", "3"], "no index"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, overrides: list[str], message: str) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / "run.yaml", overrides)


def test_data_roots_take_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_DATA", "/here")
    assert expand("${SOME_DATA}/set") == "/here/set"
    monkeypatch.delenv("SOME_DATA")
    assert expand("${SOME_DATA:-there}/set") == "there/set"
    with pytest.raises(ValueError, match="SOME_DATA"):
        expand("${SOME_DATA}/set")
