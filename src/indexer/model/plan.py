"""The plan: the reviewed list of writes, and everything a reviewer must know to trust it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import AwareDatetime, Field

from indexer.model.action import Action
from indexer.model.content import FileModel, Said
from indexer.model.findings import FindingKind
from indexer.model.pieces import canonical_pieces, sha256_of
from indexer.model.settings import PolicyMode
from indexer.model.snapshot import SystemName, Via

FORMAT_VERSION = "1.0"


class Finding(FileModel):
    """Something that a person must look at; nothing is written for it."""

    kind: FindingKind = Field(description="What is wrong.")
    location: str | None = Field(default=None, description="The asset, where it has a usable location.")
    detail: Said = Field(default="", description="Which record, file or value, and what is wrong with it.")


class Withheld(FileModel):
    """An action that policy held back; `apply` does not carry it out."""

    action: Action = Field(description="As it would stand in `actions`.")
    policy: str = Field(description="`max_deletes`, `max_delete_percent`, `upsert-only` or `create-only`.")
    detail: str = Field(description="The figure and the limit.")


class CoverageRow(FileModel):
    """How far one read got. What rests on an incomplete one is not planned."""

    system: SystemName = Field(description="`s3`, `docdb` or `codeocean`.")
    scope: str = Field(description="What was read.")
    complete: bool = Field(description="It got to its end.")
    count: int = Field(description="Rows that were read.")
    why: Said = Field(default="", description="Why it is incomplete.")
    hint: str = Field(default="", description="What to do about it.")
    via: Via | None = Field(
        default=None,
        description="`gateway`: over DocDB's HTTP gateway, whose JSON hides types; `unsigned`: without credentials. Absent: by the "
        "system's own protocol, as `apply` reads it.",
    )


class Scope(FileModel):
    """What was asked for."""

    buckets: tuple[str, ...] = Field(description="Sorted by name.")
    lookback_days: int | None = Field(default=None, description="Absent: records of any age.")
    assets: tuple[str, ...] = Field(
        default=(),
        description="Globs that an asset's prefix, or its whole location, must match; empty: every asset.",
    )
    exclude: tuple[str, ...] = Field(
        default=(),
        description="Globs of the same form: an asset that matches one is not looked at, even where `assets` names it.",
    )
    policy: PolicyMode = Field(default="sync", description="What the plan may do.")
    max_deletes: int = Field(
        description="Beyond this, deletions are withheld, and so are updates that remove links."
    )
    max_delete_percent: float = Field(
        description="The same, in per cent of what each bucket has (`by_bucket` in the summary); 100: no limit."
    )
    allow_empty: tuple[SystemName, ...] = Field(
        default=(), description="The systems whose empty answers were to be believed."
    )
    config_sha256: str = Field(description="Digest of the configuration without its secrets.")
    kept_in_step: tuple[str, ...] = Field(
        default=(),
        description="Every configured bucket, planned or not: no file of ours is ever written there.",
    )

    @property
    def globs(self) -> tuple[str, ...]:
        """Those that choose assets, and those that leave some out, each once."""
        return tuple(dict.fromkeys((*self.assets, *self.exclude)))

    def apart(self) -> frozenset[str]:
        """The buckets that no file of ours is written to, as far as the plan knows."""
        return frozenset({*self.buckets, *self.kept_in_step})

    def arguments(self, configured: Iterable[str] = ()) -> list[str]:
        """What to type after `indexer plan` to look at the same assets; `configured`: all that --all means."""
        named = [word for bucket in self.buckets for word in ("--bucket", bucket)]
        globs = [word for glob in self.assets for word in ("--asset", glob)]
        globs += [word for glob in self.exclude for word in ("--exclude", glob)]
        days = [] if self.lookback_days is None else ["--lookback-days", str(self.lookback_days)]
        return [*(["--all"] if set(configured) == set(self.buckets) else named), *globs, *days]


class Measures(FileModel):
    """How much a bucket has of what a plan may take away: percentages are of this."""

    records: int = Field(description="Records in scope: those that are deleted are among them.")
    assets: int = Field(
        description="Assets in scope that have a record, or get one by this plan: those that lose root files are "
        "among them."
    )
    linked_records: int = Field(
        description="Records of any age that hold links, in scope or not, where the globs match: those that lose "
        "links are among them."
    )


class Summary(FileModel):
    """Counts, for a glance and for gates."""

    assets: int = Field(description="Locations that were looked at.")
    records: int = Field(description="Records in scope.")
    by_bucket: dict[str, Measures] = Field(
        default_factory=dict, description="What limits in per cent are measured against, for each bucket."
    )
    actions: dict[str, int] = Field(default_factory=dict, description="By kind.")
    reasons: dict[str, int] = Field(default_factory=dict, description="Actions by reason.")
    findings: dict[str, int] = Field(
        default_factory=dict, description="By kind, with those that are counted and not listed."
    )
    withheld: int = Field(default=0, description="Actions that policy held back.")
    complete: bool = Field(description="Every read got to its end.")
    unmatched: tuple[str, ...] | None = Field(
        default=None,
        description="The globs, of `assets` and of `exclude`, that match no folder and no record of any age; absent: each "
        "matches some.",
    )


class Plan(FileModel):
    """Desired minus actual, typed and pinned; `apply` executes exactly this."""

    format_version: str = Field(default=FORMAT_VERSION, description="The format's version.")
    plan_id: str = Field(
        pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$",
        description="A new id for each run of `plan`; the run's folder is named by it.",
    )
    created_at: AwareDatetime = Field(description="The beginning of that run, UTC.")
    tool_version: str = Field(description="The version of indexer that made it.")
    undoes: str | None = Field(default=None, description="In a plan that takes a run back: the run's id.")
    undoes_in: str | None = Field(
        default=None,
        description="In such a plan: the folder of that run, whose journal must list each before-image that is written.",
    )
    scope: Scope = Field(description="What was asked for.")
    coverage: tuple[CoverageRow, ...] = Field(
        description="One row for each read: how far it got. What rests on an incomplete one is not planned."
    )
    summary: Summary = Field(description="Counts, for a glance and for gates.")
    actions: tuple[Action, ...] = Field(
        description="Sorted by asset; within an asset in the order of execution."
    )
    withheld: tuple[Withheld, ...] = Field(
        default=(), description="What policy held back; `apply` does not carry it out."
    )
    findings: tuple[Finding, ...] = Field(
        default=(), description="What a person must look at; nothing is written for it."
    )

    @property
    def via(self) -> dict[SystemName, Via]:
        """How a system was read, where that is not by its own protocol and with credentials."""
        return {row.system: row.via for row in self.coverage if row.via is not None}

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The globs that it was asked for in vain: all, where no asset is in scope. Of their drift it says nothing."""
        return (self.summary.unmatched or ()) if self.summary.assets else self.scope.globs


def plan_digest(document: dict[str, Any]) -> str:
    """The digest of a plan as it stands in a file: sha256 over the canonical rest."""
    # In pieces: the text of a plan of 100,000 actions, in one, would double what `apply` needs of memory.
    return sha256_of(canonical_pieces({key: value for key, value in document.items() if key != "digest"}))
