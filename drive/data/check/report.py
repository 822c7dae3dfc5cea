"""What `drive check` found: findings by kind, and the summary that is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from drive.data.conventions import Finding
from drive.data.paths import inside

# What makes other findings follow is printed first.
FIRST = ("missing table", "unreadable table")
# Lines printed per kind of error; the number of all is always given.
LINES_PER_KIND = 5


@dataclass
class CheckReport:
    """What was found, and how much was looked at (`counts`: rows per table, pictures decoded, ...). Prints as a summary."""

    root: Path
    version: str
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def error(self, kind: str, table: str, token: str, field: str, message: str) -> None:
        """Notes an error."""
        self.errors.append(Finding(kind, table, token, field, message))

    def warn(self, kind: str, table: str, token: str, field: str, message: str) -> None:
        """Notes a warning."""
        self.warnings.append(Finding(kind, table, token, field, message))

    def path(self, table: str, token: str, name: str) -> Path | None:
        """The path of a file below the root; None, and an error, where its name leads out."""
        try:
            return inside(self.root, name)
        except ValueError as error:
            self.error("path leaves the root", table, token, "filename" if token else "", str(error))
            return None

    def __str__(self) -> str:
        seen = ", ".join(f"{number} {what}" for what, number in self.counts.items())
        lines = [f"{self.root} {self.version}: {seen}"]
        for kind, found in _by_kind(self.errors).items():
            lines.append(f"error   {kind}: {len(found)}")
            lines.extend(f"          {finding}" for finding in found[:LINES_PER_KIND])
            if len(found) > LINES_PER_KIND:
                lines.append(f"          ... and {len(found) - LINES_PER_KIND} more")
        for kind, found in _by_kind(self.warnings).items():
            lines.append(f"warning {kind}: {len(found)} (first: {found[0]})")
        lines.append(f"{len(self.errors)} errors, {len(self.warnings)} warnings")
        return "\n".join(lines)


def _by_kind(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.kind, []).append(finding)
    return dict(sorted(groups.items(), key=lambda item: (item[0] not in FIRST, -len(item[1]))))
