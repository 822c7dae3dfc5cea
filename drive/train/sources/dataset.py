"""The samples of a data set that have a whole future."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from drive.config import DatasetConfig, expand
from drive.data.dataset import open_dataset
from drive.data.images import blackened
from drive.data.yaw import yawed
from drive.frames import Array
from drive.schema import Observation, SceneSample
from drive.train.sources.base import Needs
from drive.train.sources.views import in_views, views_of


class DatasetSamples(Sequence[SceneSample]):
    """Once for each angle of `yaw_degrees`. Raises ValueError where there are none."""

    def __init__(self, data: DatasetConfig, needs: Needs) -> None:
        self.data = data
        dataset = open_dataset(expand(data.root), version=data.version, split=data.split, window=needs.window, maps=False)
        whole = [sample for sample in dataset if sample.target.future.valid.all()]
        if not whole:
            raise ValueError(f"{dataset.root} has no sample with a whole future of {needs.window.future_s:g} s in split {data.split!r}")
        self._turns: tuple[float | None, ...] = data.yaw_degrees or (None,)
        self._samples, self._rig = whole, views_of(data.views)

    def __len__(self) -> int:
        return len(self._samples) * len(self._turns)

    def __iter__(self) -> Iterator[SceneSample]:
        return (self[i] for i in range(len(self)))

    def turn_degrees(self, index: int) -> float:
        """By how much sample `index` is turned."""
        return self._turns[index % len(self._turns)] or 0.0

    def __getitem__(self, index: int) -> SceneSample:  # type: ignore[override]
        sample = in_views(self._turned(self._samples[index // len(self._turns)], index), self._rig)
        return replace(sample, observation=blackened(sample.observation)) if self.data.black else sample

    def unread(self, index: int) -> SceneSample:
        """Sample `index` with its cameras, turned or those of its views; no file is read."""
        return in_views(self._turned(self._samples[index // len(self._turns)], index, read=False), self._rig, read=False)

    def observation(self, index: int) -> Observation:
        """What the planner may see of sample `index`."""
        return self[index].observation

    def future(self, index: int) -> Array:
        """The recorded future of sample `index`, [T, 3]."""
        return self[index].target.future.poses

    def _turned(self, sample: SceneSample, index: int, read: bool = True) -> SceneSample:
        turn = self._turns[index % len(self._turns)]
        return sample if turn is None else yawed(sample, turn, self.data.yaw_margin_degrees, read)
