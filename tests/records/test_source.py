"""Records as a source of training: the samples of the data set, in any order, resumable at any step; decisions leave out and thin out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.config import DatasetConfig, RecordsConfig
from drive.data.records.decisions import Verdict, drawn, read_decisions, write_decisions
from drive.records.pack import Settings, pack
from drive.train.identity import identity
from drive.train.loop import train
from drive.train.networks import kind_of
from drive.train.sources import RecordSamples, open_source
from drive.train.sources.dataset import DatasetSamples
from tests.records.equal import differences
from tests.records.test_pack import bare
from tests.train.tiny import MODEL, config

NEEDS = kind_of(MODEL).needs(MODEL)


@pytest.fixture(scope="module")
def packed(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("source") / "records"
    pack(Settings((str(mini),), shares=(("train", 1.0),), per_shard=9), out)
    return out


def test_the_same_samples_as_of_the_data_set(mini: Path, packed: Path) -> None:
    own, read = DatasetSamples(DatasetConfig(root=str(mini)), NEEDS), open_source(RecordsConfig(str(packed)), NEEDS)
    assert isinstance(read, RecordSamples) and len(read) == len(own)
    before = {sample.token: sample for sample in own}
    for i in range(len(read)):
        sample = read[i]
        whole, known = before[sample.token], replace(sample, target=replace(sample.target, lanes=None))
        assert differences(bare(whole), bare(known)) == []
        assert differences(bare(read.unread(i)), bare(sample)) == []


def test_a_run_on_records_goes_on_at_any_step_and_with_workers(packed: Path, tmp_path: Path, mini: Path) -> None:
    base = config(tmp_path / "whole", mini, steps=4)
    base = replace(base, stages=(replace(base.stages[0], data=RecordsConfig(str(packed))),))
    whole = train(base)
    two = replace(base, out=str(tmp_path / "two"), stages=(replace(base.stages[0], steps=2),), workers=1)
    train(two)
    again = train(replace(base, out=str(tmp_path / "two")))
    assert whole.after is not None and again.after is not None
    assert np.array_equal(whole.after.planned, again.after.planned)
    other = replace(base, stages=(replace(base.stages[0], data=RecordsConfig(str(packed), decisions="x.parquet")),))
    assert identity(other) != identity(base)


def test_decisions_leave_out_and_weigh(packed: Path, tmp_path: Path) -> None:
    ids = [open_source(RecordsConfig(str(packed)), NEEDS)[i].token for i in range(12)]
    rest = open_source(RecordsConfig(str(packed)), NEEDS)
    every = [rest[i].token for i in range(len(rest))]
    decisions = [Verdict(name, name not in ids, 2.0 if name == every[-1] else 1.0, (), ("situation:stop",), {"a.b": 1.5}) for name in every]
    write_decisions(tmp_path / "curation.parquet", decisions)
    assert read_decisions(tmp_path / "curation.parquet") == {d.id: d for d in decisions}
    read = open_source(RecordsConfig(str(packed), decisions=str(tmp_path / "curation.parquet")), NEEDS)
    shown = [read[i].token for i in range(len(read))]
    assert not set(shown) & set(ids) and len(shown) == len(every) - 12 + 1
    assert shown.count(every[-1]) == 2
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match="holds no decisions"):
        read_decisions(tmp_path / "no.parquet")


def test_tags_choose(packed: Path, tmp_path: Path) -> None:
    rest = open_source(RecordsConfig(str(packed)), NEEDS)
    every = [rest[i].token for i in range(len(rest))]
    tags = [("light:night",) if k % 3 == 0 else ("light:day", "around:lead") if k % 3 == 1 else ("light:day",) for k in range(len(every))]
    path = tmp_path / "curation.parquet"
    write_decisions(path, [Verdict(name, True, 1.0, (), own) for name, own in zip(every, tags, strict=True)])
    for wanted, left in ((("light:night",), 0), (("light:day", "not around:lead"), 2)):
        read = open_source(RecordsConfig(str(packed), decisions=str(path), tags=wanted), NEEDS)
        assert [read[i].token for i in range(len(read))] == every[left::3]
    with pytest.raises(ValueError, match="no record has the tag 'light:nite'; there are around:lead, light:day, light:night"):
        open_source(RecordsConfig(str(packed), decisions=str(path), tags=("light:nite",)), NEEDS)
    with pytest.raises(ValueError, match="has no sample .* that is light:night, light:day"):
        open_source(RecordsConfig(str(packed), decisions=str(path), tags=("light:night", "light:day")), NEEDS)
    with pytest.raises(ValueError, match="tags stand in decisions"):
        RecordsConfig(str(packed), tags=("light:night",))


def test_weights_are_kept_on_the_whole() -> None:
    names = [f"r{i}" for i in range(1000)]
    decisions = {name: Verdict(name, i % 10 != 0, 0.25 if i % 2 else 1.0) for i, name in enumerate(names)}
    places = drawn(decisions, names, range(1000))
    odd = sum(place % 2 for place in places)
    assert abs(odd - 125) <= 1 and abs(len(places) - odd - 400) <= 1 and not any(place % 10 == 0 for place in places)
    with pytest.raises(ValueError, match="nothing is decided of 1 records, such as new"):
        drawn(decisions, ["new"], [0])


def test_what_was_packed_for_other_times_is_refused(packed: Path) -> None:
    with pytest.raises(ValueError, match="was packed for"):
        open_source(RecordsConfig(str(packed)), replace(NEEDS, window=replace(NEEDS.window, future_s=2.5)))
