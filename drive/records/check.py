"""Part of `drive check`: are the answers of records right? Every one is recomputed from the target (`drive.tasks.recomputed`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from drive.data.check.report import CheckReport
from drive.data.dataset import Dataset
from drive.data.records.dataset import RecordFolder
from drive.data.records.index import INDEX
from drive.progress import SILENT, Progress
from drive.records.answer_files import entries
from drive.schema import SceneSample
from drive.tasks.messages import Record, read_record
from drive.tasks.recomputed import Recomputer

ANSWERS = "answers recomputed"


def check_packed(root: Path, report: CheckReport, progress: Progress = SILENT) -> None:
    """Adds to the report of records what is wrong with their answers; `check_records` has named what cannot be read."""
    if any(finding.table == INDEX for finding in report.errors):
        return
    folder = RecordFolder(root)
    recomputer = Recomputer(folder.window, wanted=folder.manifest.tasks)
    damaged = {finding.token for finding in report.errors} | {finding.table for finding in report.errors}
    places = [i for i, row in enumerate(folder.rows) if row.id not in damaged and (row.shard not in damaged or folder.is_whole(i))]
    report.counts[ANSWERS] = 0
    progress.begin("recomputing answers", len(places))
    for i in places:
        row = folder.rows[i]
        _check(report, recomputer, row.shard, row.id, partial(_packed_record, folder, i), partial(_packed_sample, folder, i))
        progress.done()


def check_answers(path: Path, source: Dataset, progress: Progress = SILENT) -> CheckReport:
    """Holds files of answers in any form against the data set that they were packed from."""
    report = CheckReport(path, "answers")
    report.counts |= {"records": 0, ANSWERS: 0}
    recomputer, seen = Recomputer(source.window, source.root), set[str]()
    progress.begin("recomputing answers")
    for entry in entries(path):
        name = _check(report, recomputer, entry.where, "", entry.read, source.sample)
        if name in seen:
            report.error("record comes twice", entry.where, name, "", "every sample has one record")
        seen |= {name} - {""}
        report.counts["records"] += 1
        progress.done()
    return report


def _check(
    report: CheckReport,
    recomputer: Recomputer,
    where: str,
    token: str,
    read: Callable[[], Record],
    sample_of: Callable[[str], SceneSample],
) -> str:
    """Notes what is wrong with one record -> its id, "" where it is no record."""
    try:
        record = read()
    except ValueError as error:
        report.error("no record", where, token, "", str(error).removeprefix(f"{where}: "))
        return ""
    if not (record.messages or record.unknown or recomputer.wanted):
        return record.id
    try:
        sample = sample_of(record.id)
    except ValueError as error:
        report.error("record without a sample", where, record.id, "", str(error))
        return record.id
    report.counts[ANSWERS] += sum(1 for _ in record.answers())
    for fault in recomputer.faults(record, sample):
        report.error(fault.kind, where, record.id, fault.place, fault.message)
    return record.id


def _packed_record(folder: RecordFolder, i: int) -> Record:
    """The record in a shard. Raises ValueError where its messages are none."""
    values = folder.told(i)
    told = {"messages": [], "unknown": []} | {name: values[name] for name in Record.model_fields if name in values}
    return read_record(json.dumps(told), folder.rows[i].key)


def _packed_sample(folder: RecordFolder, i: int, token: str) -> SceneSample:
    """The sample beside it, whatever the record calls itself."""
    return folder.unread(i)
