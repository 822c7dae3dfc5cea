"""Pictures of one rig as another would have taken them: a known scene, a slow reference, and rigs that do not see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive.cameras import Camera, in_picture, patch_centres, resized, unproject
from drive.data.resample import in_rig, needed, resample
from drive.data.rig_files import mount
from drive.data.sampling import NOWHERE, camera_key, end_points, sampling
from drive.schema import CameraImage, Frame, MissingImage, Observation, PlanError, Trajectory
from tests.data.slow_resample import slow_resample

BROWN, KANNALA = (-0.2, 0.05, 0.001, -0.002), (0.03, -0.012, 0.0025, -0.0003)


def camera(name: str, yaw: float = 0.0, fov: float = 90.0, size: tuple[int, int] = (96, 64), **changes: object) -> Camera:
    """Level, 1.5 m above the ground, 1.6 m ahead of the rear axle, unless changes say otherwise."""
    at, pitch, roll = changes.pop("at", (1.6, 0.0, 1.5)), changes.pop("pitch", 0.0), changes.pop("roll", 0.0)
    fisheye = changes.get("model") == "fisheye"
    half = np.radians(fov) / 2
    focal = size[0] / 2 / (half if fisheye else np.tan(half))
    K = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    return Camera(name, *size, K, mount(at, yaw, pitch, roll), **changes)  # type: ignore[arg-type]


def taken(by: Camera) -> CameraImage:
    """A camera's picture of a smooth world: waves on the ground, others in the sky. Black where its lens has no ray."""
    rays, origin = rays_of(by), by.ego_from_camera[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        points = origin - rays * (origin[2] / rays[..., 2])[..., None]  # where they meet z = 0
    sky = 150 + 80 * np.sin(rays @ np.array([[5.0, 2.0, 1.0], [3.0, 6.0, 2.0], [4.0, 1.0, 5.0]]).T)
    # Waves that grow longer with the distance, so that no camera sees them finer than it has pixels.
    far = np.hypot(points[..., 0], points[..., 1])
    ground = 110 + 60 * np.sin(np.stack([3 * np.log(far), 4 * np.arctan2(points[..., 1], points[..., 0]), 2 * np.log(far) + 1], -1))
    waves = np.where((rays[..., 2] < 0)[..., None], ground, sky)
    return CameraImage(by, 0.0, np.nan_to_num(np.round(waves)).astype(np.uint8))


def rays_of(by: Camera) -> np.ndarray:
    """Unit directions of its pixels [H, W, 3] in the ego frame."""
    return unproject(by, patch_centres(by.width, by.height, by.width, by.height)) @ by.ego_from_camera[:3, :3].T


def observed(*views: CameraImage) -> Observation:
    past = Trajectory(np.zeros((1, 3)), np.zeros(1), np.ones(1, bool))
    return Observation("token", (Frame(0.0, views),), past, np.array([0.5]))


def sources(cameras: list[Camera], wanted: Camera) -> np.ndarray:
    """Which camera each pixel is seen by."""
    told = sampling(tuple(map(camera_key, cameras)), camera_key(wanted))
    return np.where(told.seen, told.source, NOWHERE)


WANTED = (camera("CAM_WIDE", fov=100), camera("CAM_FAR", fov=40, at=(1.6, 0.0, 1.6)))
RIGS = {
    "turned": [camera("A", 35, size=(192, 160)), camera("B", -35, size=(192, 160))],
    "higher, askew": [
        camera("A", 40, at=(1.2, 0.4, 2.1), pitch=-8, roll=3, size=(200, 180)),
        camera("B", -40, at=(1.2, -0.4, 2.1), size=(200, 180)),
    ],
    "fisheyes": [
        camera("A", 0, 190, (320, 300), at=(3.5, 0.0, 0.7), pitch=-20, model="fisheye", distortion=KANNALA),
        camera("B", 90, 190, (320, 300), at=(2.0, 1.0, 0.9), model="fisheye", distortion=KANNALA),
    ],
    "bent": [camera("A", 30, 80, (192, 160), distortion=BROWN), camera("B", -30, 80, (192, 160), distortion=BROWN)],
    "one": [camera("A", 5, 70, (128, 96))],
}


@pytest.mark.parametrize("rig", RIGS)
def test_views_of_a_smooth_world_are_those_that_the_wanted_cameras_take(rig: str) -> None:
    """Sky exactly at any turn, ground from any place: to a few grey levels where a pixel or its neighbour is interpolated."""
    made = resample([taken(one) for one in RIGS[rig]], WANTED)
    for one, wanted in zip(made, WANTED, strict=True):
        assert one.image.camera is wanted and one.image.mount is None
        seen = sources(RIGS[rig], wanted) != NOWHERE
        assert seen.mean() > 0.3 and one.unseen == pytest.approx(1 - seen.mean())
        # The horizon and what is straight below it are edges of this world; pictures are interpolated across them.
        smooth = seen & (np.abs(rays_of(wanted)[..., 2]) > 0.06)
        off = np.abs(one.image.image[smooth].astype(int) - taken(wanted).image[smooth])
        assert off.max() <= 8 and off.mean() < 1.0, (off.max(), off.mean())


@pytest.mark.parametrize("rig", RIGS)
def test_the_slow_way_gives_the_same_pictures(rig: str) -> None:
    rng = np.random.default_rng(3)
    wanted = resized(WANTED[0], 24, 16)
    views = [CameraImage(one, 0.0, rng.integers(0, 256, (one.height, one.width, 3), dtype=np.uint8)) for one in RIGS[rig]]
    (fast,) = resample(views, [wanted])
    slow, source = slow_resample(RIGS[rig], [view.image for view in views], wanted)  # type: ignore[misc]
    assert np.array_equal(sources(RIGS[rig], wanted), source)
    off = np.abs(fast.image.image.astype(int) - slow)[source != NOWHERE]
    assert off.max() <= 5 and off.mean() < 0.6


def test_what_no_camera_sees_repeats_what_is_next_to_it_and_its_share_is_known() -> None:
    narrow, wanted = camera("A", fov=60, size=(96, 40)), WANTED[0]
    view = CameraImage(narrow, -0.1, np.random.default_rng(0).integers(100, 256, (40, 96, 3), dtype=np.uint8))
    (made,) = resample([view], [wanted])
    seen, picture = in_picture(narrow, end_points(wanted)), made.image.image
    assert made.unseen == pytest.approx(1 - seen.mean()) and 0.5 < made.unseen < 0.9
    assert made.sources == ("A",) and made.image.time_s == -0.1 and (picture >= 100).all()
    rows, columns = np.nonzero(seen)
    for row, column in ((0, 50), (63, 40), (32, 2), (30, 94), (0, 0)):
        assert not seen[row, column]
        away = np.hypot(rows - row, columns - column)
        near = away <= away.min() + 1
        assert (picture[rows[near], columns[near]] == picture[row, column]).all(-1).any()
    aside, foreign = in_rig(observed(view), (wanted, camera("BACK", 180)))
    assert not np.any(aside.frames[0].cameras[1].image) and [one.unseen for one in foreign] == [made.unseen, 1.0]


def test_the_finer_camera_is_read_else_one_away_from_its_border_else_the_nearer() -> None:
    wanted = WANTED[1]
    wide, fine = camera("WIDE", fov=110), camera("FINE", fov=50, at=(1.6, 0.0, 1.6), size=(192, 160))
    assert resample([taken(wide), taken(fine)], [wanted])[0].sources == ("FINE",)
    source = sources([camera("L", 30, 100, (192, 160)), camera("R", -30, 100, (192, 160))], WANTED[0])
    assert (source[20:44, :47] == 0).all() and (source[20:44, 49:] == 1).all()
    beside = [camera("AWAY", fov=120, at=(1.6, 0.6, 1.5)), camera("NEAR", fov=80)]
    source = sources(beside, WANTED[0])
    assert (source[30:34, 20:76] == 1).all() and (source[30:34, :12] == 0).all(), "but where the nearer one does not see"


def test_a_rigs_own_views_pass_untouched_at_any_size_and_in_any_company() -> None:
    own = [taken(one) for one in WANTED]
    other = taken(camera("CAM_LEFT", 90))
    seen = observed(*own)
    assert in_rig(seen, WANTED) == (seen, ()) and in_rig(seen, WANTED)[0] is seen
    made, foreign = in_rig(observed(other, *reversed(own)), WANTED)
    assert made.frames[0].cameras == tuple(own) and not foreign
    small = CameraImage(resized(WANTED[0], 48, 16), 0.0, np.zeros((16, 48, 3), np.uint8))
    assert resample([small], WANTED[:1])[0].image is small
    moving = replace(own[0], camera=replace(WANTED[0], ego_from_camera=mount((1.9, 0.0, 1.5))), mount=WANTED[0].ego_from_camera)
    assert resample([moving], WANTED[:1])[0].image is moving
    for changed in (camera("CAM_WIDE", 0.1, 100), camera("CAM_WIDE", fov=101), camera("CAM_WIDE", fov=100, at=(1.6, 0.0, 1.51))):
        assert resample([taken(changed)], WANTED[:1])[0].sources == ("CAM_WIDE",)


def test_a_camera_that_is_lacking_is_made_of_the_others() -> None:
    wide = taken(WANTED[0])
    made, foreign = in_rig(observed(wide), WANTED)
    assert made.frames[0].cameras[0] is wide and [one.sources for one in foreign] == [("CAM_WIDE",)] and foreign[0].unseen == 0.0


def test_rigs_that_do_not_look_there_are_refused_by_name() -> None:
    back = taken(camera("CAM_BACK", 180, 70))
    with pytest.raises(PlanError, match="no camera looks where CAM_WIDE and CAM_FAR of its rig would: CAM_BACK see nothing"):
        in_rig(observed(back), WANTED)
    assert in_rig(observed(), WANTED)[1] == ()  # nothing was resampled
    assert in_rig(observed(), WANTED)[0].frames[0].cameras == ()  # as if there were no rig: whoever reads pictures says so
    buried = taken(camera("A", at=(1.6, 0.0, -0.5)))  # a mount that is wrong gives views, not an error
    assert resample([buried], [camera("LOW", at=(1.6, 0.0, -0.4))])[0].unseen == 0.0


def test_only_pictures_that_are_needed_are_read(tmp_path: Path) -> None:
    front, back = taken(camera("CAM_FRONT", 3, 110)), camera("CAM_BACK", 180, 70)
    lost = CameraImage(back, 0.0, tmp_path / "lost.jpg")
    assert resample([lost, front], WANTED)[0].sources == ("CAM_FRONT",)
    with pytest.raises(MissingImage, match=r"lost\.jpg"):
        resample([replace(lost, camera=camera("CAM_FRONT", 3, 110))], WANTED)


def test_the_cameras_that_are_needed_give_the_same_views_alone() -> None:
    rig = [camera("A", 4, 60), camera("BACK", 180, 60), camera("B", -40, 60), camera("C", 50, 40)]
    few = needed(rig, WANTED)
    assert [one.name for one in few] == ["A", "B", "C"]
    for all_of_them, alone in zip(resample([taken(c) for c in rig], WANTED), resample([taken(c) for c in few], WANTED), strict=True):
        assert np.array_equal(all_of_them.image.image, alone.image.image) and all_of_them.unseen == alone.unseen
