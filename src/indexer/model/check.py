"""What `doctor` says of each thing that a run needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import Field

from indexer.errors import IndexerError
from indexer.model.content import FileModel
from indexer.model.plan import FORMAT_VERSION

CheckName = Literal[
    "configuration",
    "approvals",
    "secrets",
    "clock",
    "docdb-host",
    "docdb-connection",
    "docdb-settings",
    "docdb-role",
    "docdb-collection",
    "docdb-index",
    "codeocean-host",
    "codeocean-token",
    "s3-endpoint",
    "s3-list",
    "s3-get",
    "s3-versioning",
    "s3-encryption",
    "s3-conditional-writes",
]
CHECK_NAMES: tuple[CheckName, ...] = get_args(CheckName)
CheckStatus = Literal["ok", "warning", "error", "not-tried"]
CHECK_STATUSES: tuple[CheckStatus, ...] = get_args(CheckStatus)


class Check(FileModel):
    """One thing that was looked at."""

    name: CheckName = Field(description="What was looked at; docs/doctor.md has them all.")
    about: str = Field(
        default="", description="Which host, collection or bucket; empty if there is only one."
    )
    status: CheckStatus = Field(
        description="`error`: a run would fail. `not-tried`: it rests on a check that failed, or was not asked for."
    )
    detail: str = Field(default="", description="What was found; for people, its words may change.")
    hint: str = Field(default="", description="What to do; for people. Empty if there is nothing to do.")


class Checkup(FileModel):
    """All checks of one run of `doctor`."""

    format_version: str = Field(default=FORMAT_VERSION, description="The format's version.")
    tool_version: str = Field(description="The version of indexer.")
    exit_code: Literal[0, 1] = Field(description="1 if any check is an error, otherwise 0.")
    counts: dict[CheckStatus, int] = Field(description="How many checks have each status.")
    checks: tuple[Check, ...] = Field(description="In the order in which they were made.")


def checkup(checks: Sequence[Check], tool_version: str) -> Checkup:
    """The checks, counted."""
    found = Counter(check.status for check in checks)
    return Checkup(
        tool_version=tool_version,
        exit_code=1 if found["error"] else 0,
        counts={status: found[status] for status in CHECK_STATUSES},
        checks=tuple(checks),
    )


def failed(name: CheckName, about: str, fault: IndexerError) -> Check:
    """The check that a fault ended: an error, in the fault's own words."""
    return Check(name=name, about=about, status="error", detail=fault.what, hint=fault.hint)


def unknown(name: CheckName, about: str, fault: IndexerError) -> Check:
    """A check that could not be made, of something that no run rests on: a warning."""
    return Check(name=name, about=about, status="warning", detail=f"unknown: {fault.what}", hint=fault.hint)


def not_tried(name: CheckName, about: str, why: str) -> Check:
    """A check that was left out."""
    return Check(name=name, about=about, status="not-tried", detail=why)
