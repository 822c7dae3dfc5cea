"""Records (`drive pack`) as training samples: read from their shards when they are drawn; from the second epoch on those for which there is
room stay in memory, without their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from drive.config import RecordsConfig, expand
from drive.data.images import blackened
from drive.data.records.dataset import RecordFolder
from drive.data.records.decisions import drawn, read_decisions, tagged
from drive.schema import SceneSample
from drive.train.sources.base import Needs
from drive.train.sources.views import in_views, views_of


class RecordSamples(Sequence[SceneSample]):
    """Those that have a whole future, and that decisions keep; one of weight 2 stands there twice, of weight 0.5 every second one of its
    like. Any of them is read at once, so that a run goes on at any step, with any number of ranks and workers.

    Raises ValueError where there are none, or the records were packed for another window.
    """

    def __init__(self, data: RecordsConfig, needs: Needs) -> None:
        self.data, root = data, Path(expand(data.root))
        folder = RecordFolder(root, data.split, needs.window).without_maps()
        places = [i for i, row in enumerate(folder.rows) if row.whole]
        if data.decisions:
            decisions = read_decisions(Path(expand(data.decisions)))
            chosen = tagged(decisions, data.tags)
            places = [i for i in places if folder.tokens[i] in chosen or folder.tokens[i] not in decisions]
            places = drawn(decisions, [folder.tokens[i] for i in places], places)
        if not places:
            told = f" that {data.decisions} keeps" + f" and that is {', '.join(data.tags)}" * bool(data.tags) if data.decisions else ""
            raise ValueError(f"{root} has no sample with a whole future of {needs.window.future_s:g} s in split {data.split!r}{told}")
        self._folder, self._rig = folder.chosen(places), views_of(data.views)

    def __len__(self) -> int:
        return len(self._folder)

    def turn_degrees(self, index: int) -> float:
        """Records are shown as they are."""
        return 0.0

    def __getitem__(self, index: int) -> SceneSample:  # type: ignore[override]
        sample = in_views(self._folder[index], self._rig)
        return replace(sample, observation=blackened(sample.observation)) if self.data.black else sample

    def unread(self, index: int) -> SceneSample:
        """Sample `index` without its pictures' bytes."""
        return in_views(self._folder.unread(index), self._rig, read=False)
