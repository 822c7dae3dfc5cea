"""Part of `drive check`: prev and next agree, chains are whole, time runs forward along them."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from drive.data.check.report import CheckReport
from drive.data.check.tables import Row, Tables

# A scene's key frames are regular: a step this many times its usual one is worth a word.
GAP_FACTOR = 1.7


def check_chains(report: CheckReport, tables: Tables) -> None:
    """Every prev and next of samples, sample_data and annotations."""
    samples = tables["sample"]

    def sample_time(row: Row) -> int | None:
        sample = samples.get(row["sample_token"])
        return sample["timestamp"] if sample else None

    def sensor_and_scene(row: Row) -> Hashable:
        calibration = tables["calibrated_sensor"].get(row["calibrated_sensor_token"])
        sample = samples.get(row["sample_token"])
        return (calibration["sensor_token"], sample["scene_token"]) if calibration and sample else None

    _check_links(report, "sample", samples, lambda row: row["timestamp"], lambda row: row["scene_token"], "scene")
    _check_links(report, "sample_data", tables["sample_data"], lambda row: row["timestamp"], sensor_and_scene, "sensor or scene")
    _check_links(report, "sample_annotation", tables["sample_annotation"], sample_time, lambda row: row["instance_token"], "instance")


def check_scenes(report: CheckReport, tables: Tables) -> None:
    """Scenes and instances reach all that is theirs from their first entry to their last."""
    ends = ("first_sample_token", "last_sample_token", "nbr_samples")
    _check_ends(report, "scene", tables["scene"], "sample", tables["sample"], "scene_token", ends)
    ends = ("first_annotation_token", "last_annotation_token", "nbr_annotations")
    _check_ends(report, "instance", tables["instance"], "sample_annotation", tables["sample_annotation"], "instance_token", ends)
    _check_spacing(report, tables)


def _check_links(
    report: CheckReport,
    table: str,
    rows: dict[str, Row],
    time_of: Callable[[Row], int | None],
    owner_of: Callable[[Row], Hashable],
    owner: str,
) -> None:
    """next's prev comes back (and prev's next), to a row of the same owner; time increases along next."""
    for token, row in rows.items():
        for there, back in (("next", "prev"), ("prev", "next")):
            other = rows.get(row[there])
            if other is None:
                continue
            if other[back] != token:
                report.error("broken chain", table, token, there, f"leads to {row[there]}, whose {back} is {other[back]!r}")
            elif there == "next":
                if None not in (owner_of(other), owner_of(row)) and owner_of(other) != owner_of(row):
                    report.error("broken chain", table, token, there, f"leads to {row[there]} of another {owner}")
                now, then = time_of(row), time_of(other)
                if now is not None and then is not None and then <= now:
                    message = f"time runs backwards: {row[there]} comes {(now - then) / 1e6:.6f} s before it"
                    report.error("time backwards", table, token, there, message)


def _check_ends(
    report: CheckReport,
    table: str,
    owners: dict[str, Row],
    member: str,
    members: dict[str, Row],
    owner_field: str,
    fields: tuple[str, str, str],
) -> None:
    """From an owner's first member next leads to its last, through all that are its, as many as it says."""
    first, last, number = fields
    owned: dict[str, int] = {}
    for row in members.values():
        owned[row[owner_field]] = owned.get(row[owner_field], 0) + 1
    for token, owner in owners.items():
        if token not in owned and table == "instance":
            report.warn("instance without annotations", table, token, first, "no annotation is of this instance")
            continue
        steps, at = [], owner[first]
        seen: set[str] = set()
        while at in members and at not in seen:
            steps.append(at)
            seen.add(at)
            at = members[at]["next"]
        if not steps:
            report.error("dangling token", table, token, first, f"{owner[first]!r} is not in table {member}")
        elif at in members:
            report.error("broken chain", table, token, first, f"following next from {owner[first]} runs in a circle at {at}")
        elif at:
            continue  # next leads nowhere, or to a row with an impossible value: reported already
        elif steps[-1] != owner[last]:
            report.error("broken chain", table, token, last, f"is {owner[last]!r}, but next from {owner[first]} ends at {steps[-1]}")
        elif members[steps[0]]["prev"]:
            report.error("broken chain", table, token, first, f"{steps[0]} is not the first: its prev is {members[steps[0]]['prev']!r}")
        elif owned.get(token, 0) != len(steps):
            report.error("broken chain", table, token, first, f"next reaches {len(steps)} of its {owned.get(token, 0)} rows of {member}")
        elif owner[number] != len(steps):
            report.error("broken chain", table, token, number, f"says {owner[number]}, but there are {len(steps)}")


def _check_spacing(report: CheckReport, tables: Tables) -> None:
    """Gaps between a scene's key frames."""
    stamps: dict[str, list[tuple[int, str]]] = {}
    for token, row in tables["sample"].items():
        stamps.setdefault(row["scene_token"], []).append((row["timestamp"], token))
    for found in stamps.values():
        found.sort()
        steps = [b[0] - a[0] for a, b in zip(found, found[1:], strict=False)]
        usual = sorted(steps)[len(steps) // 2] if steps else 0
        for (_, token), step in zip(found, steps, strict=False):
            if step > GAP_FACTOR * usual:
                message = f"{step / 1e6:.2f} s to the next key frame, usually {usual / 1e6:.2f} s; windows across it are masked"
                report.warn("gap between key frames", "sample", token, "timestamp", message)
