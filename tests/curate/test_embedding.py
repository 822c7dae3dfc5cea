"""What a network makes of records: kept once, the same by any number of workers, near where pictures are near."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from drive.checkpoint import load_checkpoint
from drive.curate import run as running
from drive.curate.embedding import embedding
from drive.curate.looker import SIZE, Network, seen
from drive.curate.passes.alike import Alike
from drive.curate.recipe import CurationRecipe
from drive.data.dataset import open_dataset
from drive.data.records.dataset import RecordFolder
from drive.records.pack import Settings, pack
from drive.schema import SceneSample, StoredPicture
from drive.shipped import shipped_checkpoint
from tests.curate.made import drive, dropped
from tools import contaminations as faults
from tools.compare_embeddings import alone, main, scored
from tools.contaminate import Mixer, write_records

NETWORK = Network("first-answers")


def _numbers(sample: SceneSample, network: Network = NETWORK) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(embedding(sample.observation.frames[-1].cameras, network)), "<f2").astype(float)


def test_the_same_moment_is_nearer_than_another_place(embedded: Path) -> None:
    samples, rng = list(open_dataset(embedded, maps=False, limit=15)), np.random.default_rng(0)
    own, later, elsewhere = (_numbers(samples[k]) for k in (0, 1, 14))
    again = _numbers(faults.duplicate(samples[0], 0, rng, hard=True))
    dimmed = _numbers(
        faults.with_views(samples[0], [faults.seen_anew(v, 0.8, 0, 95, rng) for v in samples[0].observation.frames[-1].cameras])
    )
    far = np.linalg.norm(own - elsewhere)
    assert own.shape == (SIZE,) and np.linalg.norm(own - dimmed) < 0.2 * far and np.linalg.norm(own - again) < 0.7 * far
    assert 0 < np.linalg.norm(own - later) < far


def test_a_picture_that_does_not_decode_is_left_out(embedded: Path) -> None:
    sample = open_dataset(embedded, maps=False, limit=1)[0]
    views = sample.observation.frames[-1].cameras
    broken = [replace(view, image=StoredPicture("broken.jpg", b"no picture")) for view in views]
    assert embedding(broken, NETWORK) == "" and embedding([*views[1:], broken[0]], NETWORK) == embedding(views[1:], NETWORK) != ""


def test_a_timm_model_by_a_file_of_its_weights(embedded: Path, tmp_path: Path) -> None:
    folder = shipped_checkpoint("first-answers")
    assert folder is not None
    backbone = load_checkpoint(folder)[0].sensors["camera"].backbone  # type: ignore[union-attr]
    file = tmp_path / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in backbone.state_dict().items()}, file)  # type: ignore[operator]
    with pytest.raises(ValueError, match="has no .*: expected the weights of resnet18"):
        _numbers(open_dataset(embedded, maps=False, limit=1)[0], Network("resnet18", str(file)))
    with pytest.raises(ValueError, match="no network 'first-anwers'.*first-answers"):
        Network("first-anwers").digest  # noqa: B018
    assert Network("test_resnet", str(file)).digest != NETWORK.digest


def test_near_duplicates_by_what_a_network_makes_of_them() -> None:
    rng, records = np.random.default_rng(0), drive(64)
    drawn = rng.normal(size=(64, SIZE))
    told = [replace(r, embedding=np.asarray(row, "<f2").tobytes().hex()) for r, row in zip(records, drawn, strict=True)]
    again = replace(told[5], id="again", embedding=np.asarray(drawn[5] + 0.01, "<f2").tobytes().hex())
    found = dropped(Alike(bound=0.98, embedding="first-answers"), [*told, again])
    assert len(found) == 1 and set(found) < {5, 64}
    assert dropped(Alike(bound=0.98, embedding="first-answers"), [*told, replace(again, decision="stop left")]) == {}
    assert not seen(["", "", told[0].embedding]).any() and seen([told[0].embedding] * 8).shape == (8, 1)


def test_embeddings_are_measured_once(embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack(Settings((str(embedded),), shares=(("train", 1.0),), limit=6), tmp_path / "clean")
    clean = RecordFolder(tmp_path / "clean")
    truth = write_records(tmp_path / "mix", Mixer([clean], None, 0).samples(), clean.window, per_shard=5)
    recipe = alone(Alike(bound=0.9, embedding="first-answers"))
    one = running.curate(tmp_path / "mix", recipe, tmp_path / "mix" / "embeddings")
    assert all(record.embedding for record in one.records)
    files = sorted((tmp_path / "mix" / "embeddings" / "facts").glob("*.json"))
    assert len(files) == 4 and sum(NETWORK.digest in file.name for file in files) == 2
    times = [file.stat().st_mtime_ns for file in files]
    running.curate(tmp_path / "mix", replace(recipe, unread=CurationRecipe().unread), tmp_path / "mix" / "embeddings")
    assert times == [file.stat().st_mtime_ns for file in files]
    gone, right, *_ = scored(one, truth)
    assert int(gone) >= int(right) > 0
    main([str(tmp_path / "mix"), "--bounds", "0.99", "--embeddings", "looks"])
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["looks", "0.99"]
