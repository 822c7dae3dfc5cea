"""Which layouts of data sets can be read, and which of them a folder is in: told by names of files and folders, and where these are
alike by the head of the first file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drive.data.motion import MotionSource
from drive.data.pictures.told import ToldBeside
from drive.schema import Window

if TYPE_CHECKING:
    from drive.data.check.report import CheckReport
    from drive.data.dataset import Dataset
    from drive.data.sources import SceneSource

# So many folders below a folder that is no data set are looked at for one.
LOOKED_AT = 200


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a data set; the fields are `drive.data.dataset.open_dataset`'s."""

    version: str | None = None
    split: str | Sequence[str] | None = None
    window: Window = Window()
    limit: int | None = None
    command: bool = True
    motion: MotionSource = "poses"
    maps: bool = True
    lanes: bool = False
    told: ToldBeside | None = None


@dataclass(frozen=True)
class FolderLayout:
    """A layout of data sets.

    title: for people. told_by: what its folders hold, to go on after "no". is_one: whether a folder looks like it. opened, checked: the
    adapter's own `open_dataset` and `check_dataset`.
    """

    title: str
    told_by: str
    is_one: Callable[[Path], bool]
    opened: Callable[[Path, Wanted], Dataset]
    checked: Callable[[Path, str | None], CheckReport]


def layout_of(root: Path) -> FolderLayout | None:
    """The layout that a folder looks like; None where it is none of them."""
    if root.is_file():
        return next((layout for layout in FILES if layout.is_one(root)), None)
    return next((layout for layout in LAYOUTS.values() if root.is_dir() and layout.is_one(root)), None)


def require_layout(root: Path) -> FolderLayout:
    """As `layout_of`. Raises ValueError that says what there is instead, and what each layout is told by."""
    found = layout_of(root)
    if found is None and not root.is_dir():
        raise ValueError(f"no data set at {root}: no such folder")
    if found is None and root.name.startswith("v1.0-"):
        raise ValueError(f"{root} holds the tables of a data set, which is the folder above: name {root.parent}")
    if found is None:
        below = [f"{path.name} looks like {layout.title}" for path in _folders(root) if (layout := layout_of(path))]
        if below:
            raise ValueError(f"{root} is no data set itself; in it {', '.join(below[:8])}: name one of them")
        lacks = ", ".join(f"no {layout.told_by} ({layout.title})" for layout in LAYOUTS.values())
        raise ValueError(f"{root} looks like no data set that can be read: {lacks}")
    return found


def _folders(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.iterdir())[:LOOKED_AT] if path.is_dir())


def _is_nuscenes(root: Path) -> bool:
    return any(path.is_dir() for path in root.glob("v1.0-*"))


def _open_nuscenes(root: Path, choice: Wanted) -> Dataset:
    from drive.data.nuscenes.dataset import open_folder

    c = choice
    return open_folder(root, c.version, c.split, c.window, c.limit, c.command, c.motion, c.maps, c.lanes)


def _check_nuscenes(root: Path, version: str | None) -> CheckReport:
    from drive.data.check import check_tables

    return check_tables(root, version)


def _is_pictures(root: Path) -> bool:
    from drive.data.pictures.find import is_pictures

    return is_pictures(root)


def _open_pictures(root: Path, choice: Wanted) -> Dataset:
    from drive.data.pictures.dataset import open_pictures

    return open_pictures(root, choice)


def _check_pictures(root: Path, version: str | None) -> CheckReport:
    from drive.data.pictures.checked import check_pictures

    return check_pictures(root)


def _is_records(root: Path) -> bool:
    from drive.data.records.index import is_records

    return is_records(root)


def _open_records(root: Path, choice: Wanted) -> Dataset:
    from drive.data.records.dataset import open_records

    return open_records(root, choice)


def _check_records(root: Path, version: str | None) -> CheckReport:
    from drive.data.records.check import check_records

    return check_records(root)


def _is_av2(root: Path) -> bool:
    from drive.data.av2.logs import is_av2

    return is_av2(root)


def _av2(root: Path) -> SceneSource:
    from drive.data.av2.logs import Logs

    return Logs(root)


def _is_pandaset(root: Path) -> bool:
    from drive.data.pandaset.sequences import is_pandaset

    return is_pandaset(root)


def _pandaset(root: Path) -> SceneSource:
    from drive.data.pandaset.sequences import Sequences

    return Sequences(root)


def _is_waymo(root: Path) -> bool:
    from drive.data.waymo import is_waymo

    return is_waymo(root)


def _waymo(root: Path) -> SceneSource:
    from drive.data.waymo.segments import Segments

    return Segments(root)


def _is_scenarionet(root: Path) -> bool:
    from drive.data.scenarionet.scenes import is_scenarionet

    return is_scenarionet(root)


def _scenarionet(root: Path) -> SceneSource:
    from drive.data.scenarionet.scenes import Scenarios

    return Scenarios(root)


def _is_wod_e2e(root: Path) -> bool:
    from drive.data.wod_e2e.shards import is_wod_e2e

    return is_wod_e2e(root)


def _open_wod_e2e(root: Path, choice: Wanted) -> Dataset:
    from drive.data.wod_e2e.dataset import WodE2EDataset

    return WodE2EDataset(root, choice)


def _check_wod_e2e(root: Path, version: str | None) -> CheckReport:
    from drive.data.wod_e2e.checked import check_wod_e2e

    return check_wod_e2e(root)


def _is_openscene(root: Path) -> bool:
    from drive.data.openscene.find import is_openscene

    return is_openscene(root)


def _openscene(root: Path) -> SceneSource:
    from drive.data.openscene.logs import OpenSceneLogs

    return OpenSceneLogs(root)


def _of_scenes(title: str, told_by: str, is_one: Callable[[Path], bool], source: Callable[[Path], SceneSource]) -> FolderLayout:
    """A layout whose adapter is a `SceneSource`."""

    def opened(root: Path, choice: Wanted) -> Dataset:
        from drive.data.sources import SceneDataset

        return SceneDataset(root, source(root), choice)

    def checked(root: Path, version: str | None) -> CheckReport:
        from drive.data.check.scenes import check_source

        return check_source(root, title, source(root))

    return FolderLayout(title, told_by, is_one, opened, checked)


def _is_truth(path: Path) -> bool:
    from drive.data.truth import is_truth

    return is_truth(path)


def _truth(path: Path) -> SceneSource:
    from drive.data.truth.scenes import TruthScenes

    return TruthScenes(path)


TRUTH = _of_scenes("truth file", ".npz of drive truth", _is_truth, _truth)
SCENARIONET = _of_scenes("ScenarioNet scenes", "sd_*.pkl", _is_scenarionet, _scenarionet)
# Those that are files; ScenarioNet's may lie in a folder too.
FILES = (TRUTH, SCENARIONET)
# Folders are asked in this order; own pictures, which may lie anyhow, come last.
LAYOUTS = {
    "records": FolderLayout("records", "records.json", _is_records, _open_records, _check_records),
    "nuscenes": FolderLayout("nuScenes", "v1.0-* folder of tables", _is_nuscenes, _open_nuscenes, _check_nuscenes),
    "av2": _of_scenes("Argoverse 2 sensor logs", "log folders with city_SE3_egovehicle.feather", _is_av2, _av2),
    "pandaset": _of_scenes("PandaSet", "sequences with lidar/poses.json", _is_pandaset, _pandaset),
    "wod-e2e": FolderLayout("Waymo WOD-E2E", "*.tfrecord-00000-of-* shards of its frames", _is_wod_e2e, _open_wod_e2e, _check_wod_e2e),
    "waymo": _of_scenes("Waymo perception", "*.tfrecord files", _is_waymo, _waymo),
    "openscene": _of_scenes("OpenScene/NAVSIM logs", "logs *.pkl, in navsim_logs/SPLIT or elsewhere", _is_openscene, _openscene),
    "scenarionet": SCENARIONET,
    "pictures": FolderLayout("own pictures", "rig.yaml, pictures or videos", _is_pictures, _open_pictures, _check_pictures),
}
