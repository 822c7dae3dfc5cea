"""Plans files -> submissions to NAVSIM and WOD-E2E, without their packages."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from drive import protobuf
from drive.eval.convert import wod_e2e
from drive.eval.plans import PlanFile
from drive.frames import Array
from drive.pickles.results import SAMPLING, TRAJECTORY
from drive.pickles.standins import Instance
from drive.pickles.write import pickle_bytes
from drive.schema import PlanError
from drive.words import did_you_mean

NAVSIM_STEPS, NAVSIM_SPACING_S = 8, 0.5
E2ED_SUBMISSION = 1
# What the challenge's server takes a shard's name to be; other names were refused (waymo-open-dataset#936).
SHARD = "mysubmission.binproto-00000-of-00001"
About = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class SubmissionForm:
    """A benchmark's form of submission. times_s [T]: of its plans. required, optional: what is to be told of the team and the method.
    pack(plans, about, second) -> the file's bytes; plans: token -> poses [T, 3]; second: tokens of a second stage."""

    told: str
    times_s: Array
    required: tuple[str, ...]
    optional: tuple[str, ...]
    pack: Callable[[Mapping[str, Array], About, Collection[str]], bytes]


def submission_bytes(
    name: str, file: PlanFile, about: About, wanted: Collection[str] | None = None, second: Collection[str] = ()
) -> tuple[bytes, dict[str, str]]:
    """A plans file as a submission, and the samples that have no plan in it with the reasons: benchmarks want one for every frame.

    about: of the team and the method, as `read_about`. wanted: the samples that the benchmark asks for (default: those of the file).
    second: those of NAVSIM's second stage. Raises ValueError where the file's plans are in a frame that the benchmark does not have, and
    where not one can be used.
    """
    form = SUBMISSIONS[name]
    if file.frame == "lidar":
        raise ValueError(f"{file.path} is in nuScenes' LiDAR frame; {form.told} takes plans in the ego frame")
    file.require_usable(form.times_s)
    plans: dict[str, Array] = {}
    errors: dict[str, str] = {}
    for token in file.tokens if wanted is None else wanted:
        try:
            plans[token] = file.plan_at(token, form.times_s).best
        except PlanError as error:
            errors[token] = str(error)
    return form.pack(plans, about, second), errors


def read_about(path: Path, name: str) -> dict[str, Any]:
    """What a YAML file tells of the team and the method. Raises ValueError where something that is required is missing, or unknown."""
    form = SUBMISSIONS[name]
    try:
        about = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    if not isinstance(about, dict):
        raise ValueError(f"{path} is no mapping of names to values; {form.told} needs {', '.join(form.required)}")
    missing = [key for key in form.required if about.get(key) in (None, "")]
    unknown = [str(key) for key in about if key not in (*form.required, *form.optional)]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"says {unknown[0]!r}, which {form.told} does not have"
        near = did_you_mean(unknown[0], [*form.required, *form.optional]) if unknown else ""
        raise ValueError(f"{path} {what}; needed: {', '.join(form.required)}; possible: {', '.join(form.optional) or 'nothing else'}{near}")
    return about


def pack_navsim(plans: Mapping[str, Array], about: About, second: Collection[str] = ()) -> bytes:
    """submission.pkl as NAVSIM's scripts write it: v1's where there is no second stage, else v2's. Poses become float32."""
    sampling = Instance(
        SAMPLING,
        {"num_poses": NAVSIM_STEPS, "time_horizon": NAVSIM_STEPS * NAVSIM_SPACING_S, "interval_length": NAVSIM_SPACING_S},
    )

    def stage(tokens: list[str]) -> list[dict[str, Instance]]:
        states = {token: {"poses": plans[token].astype(np.float32), "trajectory_sampling": sampling} for token in tokens}
        return [{token: Instance(TRAJECTORY, state) for token, state in states.items()}]

    names = {"country": "country / region"}
    head = {names.get(key, key): about[key] for key in SUBMISSIONS["navsim"].required}
    later = set(second)
    if not later:
        return pickle_bytes({**head, "predictions": stage(list(plans))})
    one, two = [token for token in plans if token not in later], [token for token in plans if token in later]
    return pickle_bytes({**head, "first_stage_predictions": stage(one), "second_stage_predictions": stage(two)})


def pack_wod_e2e(plans: Mapping[str, Array], about: About, second: Collection[str] = ()) -> bytes:
    """A .tar.gz with one shard, `E2EDChallengeSubmission` of end_to_end_driving_submission.proto. The same plans, the same bytes."""
    parts = []
    for token, poses in plans.items():
        path = protobuf.packed(wod_e2e.POS_X, poses[:, 0]) + protobuf.packed(wod_e2e.POS_Y, poses[:, 1])
        frame = protobuf.message(wod_e2e.FRAME_NAME, token) + protobuf.message(wod_e2e.TRAJECTORY, path)
        parts.append(protobuf.message(wod_e2e.PREDICTIONS, frame))
    parts.append(protobuf.integer(2, E2ED_SUBMISSION))
    for number, key in WOD_FIELDS.items():
        values = about.get(key, [])
        for value in values if isinstance(values, list) else [values]:
            parts.append(protobuf.integer(number, value) if isinstance(value, bool) else protobuf.message(number, str(value)))
    return _archive(SHARD, b"".join(parts))


WOD_FIELDS = {
    3: "account_name", 4: "unique_method_name", 5: "authors", 6: "affiliation", 7: "description", 8: "method_link",
    11: "uses_public_model_pretraining", 12: "num_model_parameters", 13: "public_model_names",
}  # fmt: skip


def _archive(name: str, data: bytes) -> bytes:
    whole = io.BytesIO()
    with gzip.GzipFile(fileobj=whole, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        about = tarfile.TarInfo(name)
        about.size = len(data)
        tar.addfile(about, io.BytesIO(data))
    return whole.getvalue()


SUBMISSIONS = {
    "navsim": SubmissionForm(
        "NAVSIM",
        NAVSIM_SPACING_S * np.arange(1, NAVSIM_STEPS + 1),
        ("team_name", "authors", "email", "institution", "country"),
        (),
        pack_navsim,
    ),
    "wod-e2e": SubmissionForm(
        "WOD-E2E",
        np.array(wod_e2e.TIMES_S),
        ("account_name", "unique_method_name", "authors", "uses_public_model_pretraining", "num_model_parameters"),
        ("affiliation", "description", "method_link", "public_model_names"),
        pack_wod_e2e,
    ),
}
