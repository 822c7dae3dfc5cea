"""Run configurations: every shipped file loads, overrides land, mistakes are named."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from drive.cli import main
from drive.config import DatasetConfig, NextTokenConfig, Stage, expand, load_config
from drive.values import to_yaml

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
        ("seed: 1", ["--seed"], "--seed has no value"),
        ("stages: [{steps: 5}]", ["--stages.4.steps", "3"], "no index"),
        ("seed: 5", ["--seed.steps", "3"], "nothing lies below 5"),
        ("seed: 5", ["--" + ".".join("a" * 5000), "3"], "unknown key a"),
        ("stages: [{lerning_rate: 5}]", [], r"unknown key stages\.0\.lerning_rate.*did you mean learning_rate"),
        ("model: {camera: {widht: 3}}", [], "did you mean width"),
        ("test: {rooot: here}", [], "did you mean root"),
        ("modell: {}", [], "did you mean model"),
        ("{1: 2}", [], "run.yaml"),
        ("seed: 1\nseed: 2", [], "line 2: the key 'seed' is there twice"),
        ("a: &a [1]\nb: *a", [], "line 2: aliases"),
        ("a: &a [x, x]\n" + "\n".join(f"{c}: &{c} [*{p}, *{p}]" for p, c in zip("abcdefgh", "bcdefghi", strict=True)), [], "aliases"),
        ("[" * 5000, [], "nested deeper"),
        ("{a: " * 5000, [], "nested deeper"),
        ("seed: 1\n" + "# much\n" * 200_000, [], "larger than"),
        ("seed: " + "9" * 400, [], "RunConfig.seed must be|seed: "),
        ("seed: " + "9" * 9000, [], "seed|not YAML"),
        ("seed: 2026-99-99", [], "not YAML"),
        ("\0", [], "not YAML"),
        ("model: {transformer: {depth: 1000000}}", [], r"model\.transformer: TransformerConfig.depth must be 1 to 512, got 1000000"),
        ("model: {transformer: {depth: 512, width: 65536}}", [], "weights, at most"),
        ("model: {transformer: {kv_heads: 0}}", [], "kv_heads must be 1 to"),
        ("model: {numbers: {metre: {low: -60, high: 120, step: 1.0e-9}}}", [], "at most 2,000,000 are possible"),
        ("model: {numbers: {metre: {low: -60, high: .inf, step: 1}}}", [], "Input should be a finite number"),
        ("model: {numbers: {mile: {low: -60, high: 60, step: 1}}}", [], "numbers.mile is of no request given; theirs are: metre"),
        ("model: {requests: [dream]}", [], "this version has no task 'dream'; it has plan"),
        ("model: {window: {rate_hz: .inf}}", [], "rate_hz"),
        ("model: {window: {future_s: 1.0e+9}}", [], "future_s must be"),
        ("model: {window: {future_s: 0.1}}", [], "no step"),
        ("model: {camera: {stride: 0}}", [], "stride must be"),
        ("model: {requests: [plan:text, plan:poem]}", [], "plan:poem"),
        ("stages: [{learning_rate: .inf}]", [], "learning_rate"),
        ("stages: [{clip_norm: .nan}]", [], "clip_norm"),
        ("stages: [{clip_norm: 0}]", [], "clip_norm must be"),
        ("stages: [{data: {kind: town}}]", [], r"stages\.0\.data\.kind: no 'town'.*did you mean towns"),
        ("stages: [{data: {kind: towns}}]", [], r"stages\.0\.data\.towns: Field required"),
        ("stages: [{data: {kind: towns, towns: [{first: 1, cuont: 2}]}}]", [], "towns.0.cuont.*did you mean count"),
        ("stages: [{data: {kind: mix, parts: [{data: {root: a}, weight: 0}]}}]", [], "MixPart.weight must be"),
        ("stages: [{objective: {kind: next-token, sgima: {}}}]", [], r"stages\.0\.objective\.sgima.*did you mean sigma"),
        ("stages: [{objective: next-token}]", [], r"stages\.0\.objective: Input should be"),
        ("model: {kind: ego-mlp, widht: 3}", [], r"unknown key model\.widht.*did you mean width"),
        ("stages: [{batch_size: 2, accumulate: 3}]", [], "accumulate must be at most batch_size"),
        ("precision: float16", [], "precision: Input should be 'float32' or 'bfloat16'"),
        ("ema: 1", [], "ema must be"),
        ("stages: []", [], "stages is empty"),
        ("stages: [{steps: 0}]", [], "steps must be"),
        ("stages: [{name: a/b}]", [], "name must be a word"),
        ("seed: -1", [], "seed must be 0 to"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, overrides: list[str], message: str) -> None:
    (tmp_path / "run.yaml").write_text(text)
    start = time.process_time()
    with pytest.raises(ValueError, match=message) as caught:
        load_config(tmp_path / "run.yaml", overrides)
    assert time.process_time() - start < 1
    assert str(caught.value).isprintable() and len(str(caught.value)) < 1000


@pytest.mark.parametrize("field", ["learning_rate", "clip_norm", "weight_decay"])
def test_numbers_that_are_none_are_refused_in_python_too(field: str) -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"Stage.{field} must be"):
            replace(Stage(), **{field: value})
    for value in (float("nan"), float("inf"), -1.0, 1e-30):
        with pytest.raises(ValueError, match="NextTokenConfig.sigma.metre .*expected 0, or 1e-12 to 10000"):
            NextTokenConfig(sigma={"metre": value})


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd", b"a: \x80"])
def test_files_that_are_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.yaml is not YAML"):
        load_config(tmp_path / "run.yaml")
    with pytest.raises(ValueError, match="is no file"):
        load_config(tmp_path)


def test_the_command_prints_the_configuration_and_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(CONFIGS[0]), "--out", str(tmp_path / "run"), "--stages.0.steps", "7", "--print-config"]
    assert main(command) == 0
    (tmp_path / "printed.yaml").write_text(capsys.readouterr().out)
    assert load_config(tmp_path / "printed.yaml") == load_config(CONFIGS[0], ["--out", str(tmp_path / "run"), "--stages.0.steps", "7"])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_a_printed_configuration_reads_back_to_the_same(path: Path, tmp_path: Path) -> None:
    sees = "kind" not in yaml.safe_load(path.read_text())["model"]
    cameras = ["--model.inputs.cameras", "[CAM_FRONT]"] if sees else []
    config = load_config(path, ["--init", "'Zürich: #1'", "--stages.0.learning_rate", "3.0e-7", *cameras])
    (tmp_path / "printed.yaml").write_text(to_yaml(config))
    assert load_config(tmp_path / "printed.yaml") == config


def test_text_on_the_command_line_may_look_like_a_number(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("stages: [{data: {root: a}}]\n")
    texts = ["--out", "2024", "--init", "1.50", "--stages.0.name", "yes", "--stages.0.data.split", "007", "--test.root", "1e3"]
    config = load_config(tmp_path / "run.yaml", texts)
    data, test = config.stages[0].data, config.test
    assert isinstance(data, DatasetConfig) and isinstance(test, DatasetConfig)
    assert (config.out, config.init, config.stages[0].name, data.split, test.root) == ("2024", "1.50", "yes", "007", "1e3")
    assert load_config(tmp_path / "run.yaml", ["--init", "null", "--seed", "7"]).init is None
    with pytest.raises(ValueError, match="seed"):
        load_config(tmp_path / "run.yaml", ["--seed", "many"])


def test_data_roots_take_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_DATA", "/here")
    assert expand("${SOME_DATA}/set") == "/here/set"
    monkeypatch.delenv("SOME_DATA")
    assert expand("${SOME_DATA:-there}/set") == "there/set"
    with pytest.raises(ValueError, match="SOME_DATA"):
        expand("${SOME_DATA}/set")
