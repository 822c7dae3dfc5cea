"""What a record calls its pictures never leads out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drive.data.dataset import open_dataset
from drive.data.records.sample import NOT_PACKED, from_members, to_members


@pytest.mark.parametrize("name", ["/etc/hostname", "../up.jpg", "a/b.jpg", ""])
def test_a_picture_elsewhere_is_refused(mini: Path, name: str) -> None:
    values, _ = to_members(open_dataset(mini, maps=False)[0], {})
    values["observation"]["frames"][0]["cameras"][0]["file"] = name
    if name:
        with pytest.raises(ValueError, match="is a member of its shard"):
            from_members(json.dumps(values).encode(), {})
    values["observation"]["frames"][0]["cameras"][0] |= {"file": None, "missing": name or "gone.jpg"}
    image = from_members(json.dumps(values).encode(), {}).observation.frames[0].cameras[0].image
    assert isinstance(image, Path) and image.parent == NOT_PACKED and not image.exists()
