"""One page of what was dropped and why, with examples to argue about, and distributions before and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drive.curate.run import Curated
from drive.data.images import read_image
from drive.data.records.dataset import RecordFolder
from drive.schema import MissingImage
from drive.viz.page import Beside, Block, Heading, Numbers, Table, Text, encode_picture, write_page

EXAMPLES = 6
WIDTH, HEIGHT = 320, 180
WORDS = ("language", "profanity", "personal", "tone")
NOT_IN_WORDS = (
    "Texts were searched by lists of words, rules and forms. Names of people and where they live are not found, nor what is said in "
    "pictures; profanity is found in the recipe's languages, tone in English alone."
)


def write_curation_page(path: Path, folder: RecordFolder, curated: Curated) -> Path:
    """Writes the page. Raises OutputError where it cannot be written, ValueError where an example's record is damaged."""
    kept = sum(decision.kept for decision in curated.decisions)
    return write_page(path, "Curation", _blocks(folder, curated), f"{folder.name}: {kept} of {len(curated.decisions)} records kept")


def _blocks(folder: RecordFolder, curated: Curated) -> Iterator[Block]:
    kept = [decision for decision in curated.decisions if decision.kept]
    drawn = sum(decision.weight for decision in kept)
    yield Numbers([(str(len(curated.decisions)), "records"), (str(len(kept)), "kept"), (f"{drawn:.0f}", "drawn in an epoch")])
    yield Table(["pass", "drops", "of them alone", "mean weight"], pass_rows(curated), "What each pass did", digits=2)
    for name, found in curated.found.items():
        places = [i for i, one in enumerate(found) if one.reason]
        if places:
            yield from _dropped(folder, curated, name, places)
    yield Heading("Before and after")
    yield Text("Shares of the records, and of those that are drawn in an epoch once weights count.")
    yield Table(["tag", "records", "share", "drawn", "share drawn"], tag_rows(curated), digits=3)
    yield Heading("Not looked for")
    yield Text(pictures_blurred(folder))
    yield Text(pictures_shrunk(folder))
    yield Text(words_not_looked_for(curated) or NOT_IN_WORDS)


def pictures_blurred(folder: RecordFolder) -> str:
    """What was made unreadable in pictures, and what not."""
    told = folder.manifest.blur
    before = [f" {one['name']} came with {one['blur']['regions']} regions blurred." for one in folder.manifest.sources if "blur" in one]
    if not told["detectors"]:
        return "Faces and number plates: no detector was given when these records were packed, and none were blurred." + "".join(before)
    found = f"{told['regions']} regions in pictures of {told['samples']} of all {len(folder.all_tokens)} records"
    by = f"found by {', '.join(told['detectors'])}; what these miss can be read."
    return f"Faces and number plates: {found} were blurred, {by}" + "".join(before)


def pictures_shrunk(folder: RecordFolder) -> str:
    """Whether pictures have the size that their source had."""

    def told(size: list[int]) -> str:
        return f"those larger than {size[0]}x{size[1]} were shrunk to that"

    before = [f" In {one['name']}, {told(one['size'])} before." for one in folder.manifest.sources if "size" in one]
    own = folder.manifest.size
    return f"Size of pictures: {told(own) if own else 'as their source had it'}." + "".join(before)


def words_not_looked_for(curated: Curated) -> str:
    """Which passes of words did not judge, "" where all did."""
    lacking = [name for name in WORDS if name not in curated.found]
    texts = sum(bool(record.texts) for record in curated.records)
    told = f"{texts} records hold texts" if texts else "No record holds texts"
    return f"{told}; texts were not searched for {', '.join(lacking)} (--recipe configs/curate/words.yaml does)." if lacking else ""


def pass_rows(curated: Curated) -> list[list[str | int | float | None]]:
    """Of each pass: how many it drops, how many no other does, and its mean weight of those that are kept."""
    rows: list[list[str | int | float | None]] = []
    kept = [i for i, decision in enumerate(curated.decisions) if decision.kept]
    for name, found in curated.found.items():
        drops = [i for i, one in enumerate(found) if one.reason]
        alone = sum(len(curated.decisions[i].reasons) == 1 for i in drops)
        rows.append([name, len(drops), alone, float(np.mean([found[i].weight for i in kept])) if kept else None])
    return rows


def tag_rows(curated: Curated) -> list[list[str | int | float | None]]:
    """Of each tag: how many records have it and their share, how many are drawn in an epoch, by weight, and their share."""
    tags = sorted({tag for decision in curated.decisions for tag in decision.tags})
    before, after = len(curated.decisions), sum(decision.weight for decision in curated.decisions)
    rows: list[list[str | int | float | None]] = []
    for tag in tags:
        own = [decision for decision in curated.decisions if tag in decision.tags]
        weight = sum(decision.weight for decision in own)
        rows.append([tag, len(own), len(own) / before, f"{weight:.1f}", weight / after if after else None])
    return rows


def _dropped(folder: RecordFolder, curated: Curated, name: str, places: list[int]) -> Iterator[Block]:
    yield Heading(f"{name}: {len(places)} dropped")
    spread = [places[int(k)] for k in np.linspace(0, len(places) - 1, min(EXAMPLES, len(places)))]
    pictures = []
    for place in spread:
        found, record = curated.found[name][place], curated.records[place]
        picture = _picture(folder, place, found.camera)
        told = f"{record.id} of {record.scene}: {found.reason}"
        if picture is None:
            yield Text(told)
        else:
            pictures.append((encode_picture(picture, photo=True), told))
    if pictures:
        yield Beside(pictures)


def _picture(folder: RecordFolder, place: int, camera: str) -> np.ndarray | None:
    """A small picture of a record: of a camera, or of its first; None where it does not decode."""
    views = folder[place].observation.frames[-1].cameras
    view = next((view for view in views if view.camera.name == camera), views[0] if views else None)
    try:
        return None if view is None else read_image(view, WIDTH, HEIGHT)[1]
    except MissingImage:
        return None
