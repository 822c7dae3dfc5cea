"""Makes the tables of the codecs `codebook` and `dct` (drive/tokens/codecs/*.json) from drives in our towns.

    python tools/fit_codecs.py

Half of the motions are those of cars in traffic, half are random actions of a bicycle, so that also what traffic seldom does is near one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.fft import dct

import drive.tokens.codecs
from drive.frames import Array, wrap_angle
from drive.schema import Window
from drive.tokens.codecs.action import ActionCodec
from drive.tokens.codecs.codebook import CODE_S, _compose
from drive.tokens.codecs.dct import LARGEST, SCALE
from drive.tokens.vocab import Vocabulary
from drive.world.advance import advance
from drive.world.observe import relative_pose
from drive.world.state import BY_LANE, DT_S
from drive.world.town.populate import town_world

TOWNS = range(20_000, 20_080)
CODES, MERGES = 1024, 512
POOL = 20_000
FASTEST_MPS = 30.0
CORNERS = np.array([[3.528, 0.925], [3.528, -0.925], [-0.556, 0.925], [-0.556, -0.925]])  # of the default body about its rear axle


def drives() -> Iterator[Array]:
    """Rear-axle poses [N, 3], 0.1 s apart, of each town's drive by lane."""
    for seed in TOWNS:
        world = town_world(seed)
        states = [world.start]
        for _ in range(round(60 / DT_S)):
            states.append(advance(world.static, states[-1], 0.0, 0.0, BY_LANE, False))
        yield np.stack([state.ego[:3] for state in states])


def motions(rows: Array) -> Array:
    """Half-second motions of a drive, one from each pose."""
    step = round(CODE_S / DT_S)
    return np.stack([relative_pose(a, b[None])[0] for a, b in zip(rows[:-step], rows[step:], strict=True)])


def random_motions(count: int, rng: np.random.Generator) -> Array:
    """Motions of random actions at random speeds, gentle ones more often."""
    codec = ActionCodec(Vocabulary(), Window())
    gain = np.clip(rng.normal(0.0, 1.5, count), -codec.envelope.brake, codec.envelope.gas)
    share = np.clip(rng.normal(0.0, 0.35, count), -1, 1)
    state = np.zeros((count, 4))
    state[:, 3] = rng.uniform(0.0, FASTEST_MPS, count)
    return codec.drive(state, gain, share)[:, -1, :3]


def disks(pool: Array, rng: np.random.Generator) -> Array:
    """k-disks: [CODES, 3] motions, each the mean of those within a tolerance (mean corner distance) of a random centre."""
    placed = _compose(pool[:, None], np.concatenate([CORNERS, np.zeros((len(CORNERS), 1))], 1))[..., :2]
    seed, low, high = int(rng.integers(2**31)), 0.01, 1.0
    found = _disks(pool, placed, high, np.random.default_rng(seed))
    for _ in range(14):
        tolerance = 0.5 * (low + high)
        tried = _disks(pool, placed, tolerance, np.random.default_rng(seed))
        low, high, found = (tolerance, high, found) if tried is None else (low, tolerance, tried)
    assert found is not None
    print(f"tolerance {high:.3f} m, {len(found)} motions")
    return found


def _disks(pool: Array, placed: Array, tolerance: float, rng: np.random.Generator) -> Array | None:
    """None where CODES disks do not hold the whole pool."""
    left, chosen = np.arange(len(pool)), [np.zeros(3)]
    stand = placed - CORNERS
    left = left[np.hypot(*np.moveaxis(stand, -1, 0)).mean(-1) > tolerance]
    while len(left):
        if len(chosen) == CODES:
            return None
        centre = rng.choice(left)
        near = np.hypot(*np.moveaxis(placed[left] - placed[centre], -1, 0)).mean(-1) <= tolerance
        chosen.append(pool[left[near]].mean(0))
        left = left[~near]
    return np.array(chosen)


def coefficients(rows: Array, window: Window, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Integers of the futures along a drive."""
    step, count = round(1 / window.rate_hz / DT_S), len(window.future_times_s)
    for k in range(5, len(rows) - step * count, 3):
        xy = relative_pose(rows[k], rows[k + step : k + step * count + 1 : step])[:, :2] + rng.normal(0.0, 0.02, (count, 2))
        speed = np.hypot(*(rows[k, :2] - rows[k - 5, :2])) / (5 * DT_S)
        ways = np.diff(xy, axis=0, prepend=np.zeros((1, 2)))
        ways[:, 0] -= speed / window.rate_hz
        found = np.round(dct(ways, axis=0, norm="ortho") * SCALE).astype(int)
        if np.abs(found).max() <= LARGEST:
            yield tuple(found.ravel().tolist())


def byte_pairs(rows: list[tuple[int, ...]]) -> list[list[list[int]]]:
    """The most frequent pairs of runs, joined one after another."""
    words: list[list[tuple[int, ...]]] = [[(value,) for value in row] for row in rows]
    merges: list[list[list[int]]] = []
    while len(merges) < MERGES:
        pairs = Counter(pair for word in words for pair in zip(word, word[1:], strict=False))
        (left, right), count = max(pairs.items(), key=lambda item: (item[1], item[0]))
        if count < 2:
            break
        merges.append([list(left), list(right)])
        for word in words:
            k = 0
            while k < len(word) - 1:
                if word[k] == left and word[k + 1] == right:
                    word[k : k + 2] = [left + right]
                k += 1
    return merges


def main() -> None:
    rng, folder = np.random.default_rng(0), Path(drive.tokens.codecs.__file__).parent
    driven = list(drives())
    pool = np.concatenate([motions(rows) for rows in driven])
    pool = np.concatenate([pool[rng.choice(len(pool), POOL // 2, replace=False)], random_motions(POOL // 2, rng)])
    pool[:, 2] = wrap_angle(pool[:, 2])
    code = disks(pool, rng)
    (folder / "codebook.json").write_text(json.dumps({"motions": np.round(code, 4).tolist()}) + "\n")
    rows = [row for rows in driven for row in coefficients(rows, Window(), rng)]
    merges = byte_pairs(rows)
    print(f"{len(rows)} futures, {len(merges)} merges")
    (folder / "dct.json").write_text(json.dumps({"merges": merges}) + "\n")


if __name__ == "__main__":
    main()
