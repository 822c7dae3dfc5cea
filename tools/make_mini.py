"""Makes the embedded synthetic data set: `python tools/make_mini.py data/mini`.

Eight short drives in nuScenes format, six cameras each, drawn with OpenCV. Roads are arcs and speeds change linearly, so
that every pose, speed and track has a closed form (`mini/scenes.py` holds the numbers). The same seed gives the same bytes
(of pictures: with the same version of OpenCV).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # `mini` lies beside this file, wherever it is started from

from mini.expansion import write_maps  # noqa: E402
from mini.record import write_scene  # noqa: E402
from mini.rows import Writer  # noqa: E402
from mini.scenes import DRIVES, make_scenes  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """Writes the data set; returns 0."""
    parser = argparse.ArgumentParser(description="Make the synthetic data set.")
    parser.add_argument("out", type=Path, help="folder to write, e.g. data/mini")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", nargs="+", choices=[drive[0] for drive in DRIVES], help="only these drives (default: all)")
    args = parser.parse_args(argv)
    scenes = [(i, s) for i, s in enumerate(make_scenes(args.seed)) if not args.scenes or s.name in args.scenes]
    writer = Writer(args.out, args.seed)
    for index, scene in scenes:
        print(f"{scene.name}: {scene.description}")
        write_scene(writer, index, scene)
    write_maps(writer, [scene for _, scene in scenes])
    splits: dict[str, list[str]] = {}
    for _, scene in scenes:
        splits.setdefault(scene.split, []).append(scene.name)
    writer.save(splits)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
