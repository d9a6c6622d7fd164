"""The plan: the reviewed list of writes, and everything a reviewer must know to trust it."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import AwareDatetime, Field

from indexer.model.action import Action
from indexer.model.content import FileModel
from indexer.model.snapshot import SystemName
from indexer.model.values import canonical, sha256

FORMAT_VERSION = "1.0"

FindingKind = Literal[
    "location-invalid",
    "location-duplicate",
    "name-mismatch",
    "raw-unregistered",
    "data-level-unknown",
    "data-description-missing",
    "data-description-corrupt",
    "core-file-corrupt",
    "value-unserialisable",
    "links-invalid",
    "result-not-ready",
    "result-without-computation",
    "read-incomplete",
    "read-suspiciously-empty",
]
FINDING_KINDS: tuple[str, ...] = get_args(FindingKind)
PolicyMode = Literal["sync", "upsert-only", "create-only"]


class Finding(FileModel):
    """Something that a person must look at; nothing is written for it."""

    kind: FindingKind
    location: str | None = Field(default=None, description="The asset, where it has a usable location.")
    detail: str = Field(default="", description="Which record, file or value, and what is wrong with it.")


class Withheld(FileModel):
    """An action that policy held back; `apply` does not carry it out."""

    action: Action
    policy: str = Field(description="`max_deletes`, `max_delete_percent`, `upsert-only` or `create-only`.")
    detail: str = Field(description="The figure and the limit.")


class CoverageRow(FileModel):
    """How far one read got. What rests on an incomplete one is not planned."""

    system: SystemName
    scope: str
    complete: bool
    count: int = Field(description="Rows that were read.")
    why: str = Field(default="", description="Why it is incomplete.")


class Scope(FileModel):
    """What was asked for."""

    buckets: tuple[str, ...]
    lookback_days: int | None = Field(default=None, description="None: records of any age.")
    assets: tuple[str, ...] = Field(default=(), description="Globs that an asset's prefix must match.")
    policy: PolicyMode = "sync"
    max_deletes: int
    max_delete_percent: float
    allow_empty: tuple[SystemName, ...] = ()
    config_sha256: str = Field(description="Digest of the configuration without its secrets.")


class Summary(FileModel):
    """Counts, for a glance and for gates."""

    assets: int = Field(description="Locations that were looked at.")
    records: int = Field(description="Records in scope; deletions are measured against them.")
    actions: dict[str, int] = Field(default_factory=dict, description="By kind.")
    reasons: dict[str, int] = Field(default_factory=dict, description="Actions by reason.")
    findings: dict[str, int] = Field(
        default_factory=dict, description="By kind, with those that are counted and not listed."
    )
    withheld: int = 0
    complete: bool = Field(description="Every read got to its end.")


class Plan(FileModel):
    """Desired minus actual, typed and pinned; `apply` executes exactly this."""

    format_version: str = FORMAT_VERSION
    plan_id: str = Field(
        pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$", description="The run's folder is named by it."
    )
    created_at: AwareDatetime
    tool_version: str
    undoes: str | None = Field(default=None, description="The run that this plan takes back.")
    scope: Scope
    coverage: tuple[CoverageRow, ...]
    summary: Summary
    actions: tuple[Action, ...] = Field(description="Sorted by asset; within one in the order of execution.")
    withheld: tuple[Withheld, ...] = ()
    findings: tuple[Finding, ...] = ()


def plan_digest(document: dict[str, Any]) -> str:
    """The digest of a plan as it stands in a file: sha256 over the canonical rest."""
    return sha256(canonical({key: value for key, value in document.items() if key != "digest"}))
