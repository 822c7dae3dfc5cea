"""What data sets of scenes do alike: their samples in order, by token, and the scene of each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from drive.schema import SceneSample
from drive.words import did_you_mean


class SamplesByToken(Sequence[SceneSample]):
    """The part of a `drive.data.dataset.Dataset` that follows from where its samples are.

    tokens: the samples' tokens. scenes: the names of the scenes they come from. name: the data set's.
    """

    name: str
    tokens: tuple[str, ...]
    scenes: tuple[str, ...]

    def place(self, places: list[tuple[str, int]], tokens: Sequence[str]) -> None:
        """Sets where each sample is (scene, key frame), and its token."""
        self._places, self.tokens = places, tuple(tokens)
        self.scenes = tuple(dict.fromkeys(name for name, _ in places))
        self._index = {token: i for i, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[SceneSample]:
        return (self[i] for i in range(len(self)))

    @abstractmethod
    def __getitem__(self, i: int) -> SceneSample:  # type: ignore[override]
        """Sample i; negative i count from the end. Raises IndexError outside, ValueError where its record is impossible."""

    def sample(self, token: str) -> SceneSample:
        """The sample of a token. Raises ValueError where it is not among `tokens`."""
        if token not in self._index:
            near = did_you_mean(token, self._index)
            raise ValueError(f"sample {token!r} is not among the {len(self)} samples of {self.name}; it may be another split's{near}")
        return self[self._index[token]]

    def scene_of(self, token: str) -> str:
        """The name of a sample's scene."""
        return self._places[self._index[token]][0]
