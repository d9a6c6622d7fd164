"""One asset's files: from the desired record to the object actions, in the order of their writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from indexer.model.action import CopyObject, DeleteObject, ObjectAction, PutObject
from indexer.model.content import (
    Absent,
    Change,
    Content,
    FieldOfRecord,
    HasEtag,
    ObjectSource,
    ObjectTarget,
    RecordFieldSource,
    RecordSource,
    RestsOn,
)
from indexer.model.generation import (
    DATE_PLACEHOLDER,
    METADATA_FILE,
    Generation,
    core_file,
    original_name,
)
from indexer.model.plan import Finding
from indexer.model.reasons import Reason
from indexer.model.snapshot import Asset, Folder, MustReadError
from indexer.model.values import (
    NotJsonError,
    UnserialisableError,
    from_bytes,
    sha256,
    to_bytes,
)
from indexer.model.whole import KNOWN_AFTER_APPLY
from indexer.planner.desired import FieldBlocked, FieldDesire, holds
from indexer.planner.diff import changes, spelling_changes
from indexer.planner.losses import file_loses
from indexer.planner.rules import Rules


@dataclass(slots=True)
class FileSteps:
    """Object actions by the step in which they are written; each step only when the ones before succeeded."""

    copies: list[ObjectAction] = field(default_factory=list)
    """Root files that are there, to the originals."""
    roots: list[tuple[ObjectAction, ...]] = field(default_factory=list)
    """A root file each; one that is new with its copy to the originals, which rests on it and on no other file."""
    metadata: list[ObjectAction] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FilePlanner:
    """Plans the files of one asset whose desired fields are known."""

    asset: Asset
    generation: Generation
    rules: Rules

    @property
    def folder(self) -> Folder:
        """What S3 holds; it was read before files are planned."""
        return self.asset.folder or Folder(exists=False)

    def steps(
        self, desires: tuple[FieldDesire, ...], metadata: bytes | None, unknown: tuple[str, ...]
    ) -> FileSteps:
        """All object actions.

        `metadata`: the desired bytes of the metadata file, None where it cannot be written; `unknown`: the record's
        fields that only the write will tell (null in those bytes). Raises MustReadError, where the metadata
        file must be seen.
        """
        steps = FileSteps()
        for desire in desires:
            self._field(desire, steps)
        match self.rules.metadata_file:
            case "sync" if metadata is not None:
                steps.metadata.extend(self._metadata(metadata, unknown))
            case "remove" if METADATA_FILE in self.folder.files and (steps.roots or not self.folder.lone):
                steps.metadata.append(self._retire_metadata())
        return steps

    def _retire_metadata(self) -> DeleteObject:
        """It may hold what no file of ours would: the record has it, and nothing of it is to be written.

        Never the last key of a folder: the next plan would take the asset for gone, and delete its record.
        """
        loses, values, omitted = file_loses(self.asset, METADATA_FILE)
        return DeleteObject(
            location=str(self.asset.location),
            reason="metadata-file-retired",
            target=self._target(METADATA_FILE),
            precondition=HasEtag(etag=self._etag(METADATA_FILE)),
            rests_on=RestsOn(folder="kept"),
            changes=values,
            changes_omitted=omitted,
            loses=loses,
        )

    def _field(self, desire: FieldDesire, steps: FileSteps) -> None:
        name, decision = core_file(desire.field), desire.decision
        if decision.copy_root:
            steps.copies.append(self._copy_root(desire, name))
        if decision.root_gone:
            steps.roots.append((self._delete_root(desire, name),))
        # In step, yet there may have been a copy to plan above: a file without an original is copied all the same.
        if desire.content is None or desire.in_step:
            return
        reason, differences, omitted = self._difference(name, desire.content)
        put = PutObject(
            location=str(self.asset.location),
            reason=reason,
            target=self._target(name),
            precondition=self._precondition(name),
            content=Content(
                source=RecordFieldSource(generation=self.generation.name, field=desire.field),
                sha256=sha256(desire.content),
                size=len(desire.content),
            ),
            changes=differences,
            changes_omitted=omitted,
        )
        if decision.copy_new:
            steps.roots.append((put, self._copy_new(desire.field, name, desire.content)))
        else:
            steps.roots.append((put,))

    def _delete_root(self, desire: FieldDesire, name: str) -> DeleteObject:
        """Only while the record lacks the field, and the original is there: it would be the last copy else."""
        if desire.original is not None:
            original = self.asset.location.key(desire.original)
        else:
            original = self._original_of_root(desire.field, name)
        loses, values, omitted = file_loses(self.asset, name)
        return DeleteObject(
            location=str(self.asset.location),
            reason="core-file-corrupt" if desire.corrupt else "core-file-unrecorded",
            target=self._target(name),
            precondition=HasEtag(etag=self._etag(name)),
            rests_on=RestsOn(
                lacks=FieldOfRecord(generation=self.generation.name, field=desire.field), original=original
            ),
            changes=values,
            changes_omitted=omitted,
            loses=loses,
        )

    def _original_of_root(self, field_name: str, name: str) -> str:
        """The key of the copy of a root file that is there."""
        read = self.asset.bodies.get(name) or self.folder.files[name]
        dated = original_name(field_name, read.modified_at.strftime("%Y%m%d"))
        return self.asset.location.key(f"{self.rules.originals_folder}/{dated}")

    def _copy_root(self, desire: FieldDesire, name: str) -> CopyObject:
        read = self.asset.bodies.get(name)
        # Not read means proved equal to the desired bytes by its ETag.
        body = read.body if read else desire.content or b""
        return CopyObject(
            location=str(self.asset.location),
            reason="original-missing",
            target=ObjectTarget(
                bucket=self.asset.location.bucket, key=self._original_of_root(desire.field, name)
            ),
            content=Content(
                source=ObjectSource(
                    bucket=self.asset.location.bucket,
                    key=self.asset.location.key(name),
                    etag=self._etag(name),
                ),
                sha256=sha256(body),
                size=len(body),
            ),
        )

    def _copy_new(self, field_name: str, name: str, content: bytes) -> CopyObject:
        dated = original_name(field_name, DATE_PLACEHOLDER)
        return CopyObject(
            location=str(self.asset.location),
            reason="original-missing",
            target=self._target(f"{self.rules.originals_folder}/{dated}"),
            content=Content(
                source=ObjectSource(bucket=self.asset.location.bucket, key=self.asset.location.key(name)),
                sha256=sha256(content),
                size=len(content),
                known_after_apply=("target.key",),
            ),
        )

    def _metadata(self, content: bytes, unknown: tuple[str, ...]) -> list[ObjectAction]:
        # With unknown fields the bytes are not final, and a new stamp always changes the file.
        if not unknown and holds(METADATA_FILE, content, self.folder, self.asset.bodies):
            return []
        if METADATA_FILE in self.folder.files and METADATA_FILE not in self.asset.bodies:
            raise MustReadError(METADATA_FILE)
        reason, differences, omitted = self._metadata_difference(content, unknown)
        return [
            PutObject(
                location=str(self.asset.location),
                reason=reason,
                target=self._target(METADATA_FILE),
                precondition=self._precondition(METADATA_FILE),
                content=Content(
                    source=RecordSource(generation=self.generation.name),
                    sha256=sha256(content),
                    size=None if unknown else len(content),
                    known_after_apply=unknown,
                ),
                changes=differences,
                changes_omitted=omitted,
            )
        ]

    def _difference(self, name: str, content: bytes) -> tuple[Reason, tuple[Change, ...], int]:
        """Why a core file is written, and what changes in it."""
        read = self.asset.bodies.get(name)
        if read is None:
            return "core-file-missing", (), 0
        try:
            value = from_bytes(read.body)
            # Compared in our bytes, not as Python values: to Python 1 equals 1.0 and True.
            if to_bytes(value) == content:
                return "core-file-format", spelling_changes(read.body), 0
            return "core-file-stale", *changes(value, from_bytes(content))
        except NotJsonError:
            return "core-file-corrupt", (), 0
        except UnserialisableError:
            return "core-file-stale", (), 0

    def _metadata_difference(
        self, content: bytes, unknown: tuple[str, ...]
    ) -> tuple[Reason, tuple[Change, ...], int]:
        """Why the metadata file is written, and what changes in it."""
        later = tuple(Change(path=name, after=KNOWN_AFTER_APPLY) for name in unknown)
        read = self.asset.bodies.get(METADATA_FILE)
        if read is None:
            return "metadata-file-missing", later, 0
        try:
            value = from_bytes(read.body)
            if not unknown and to_bytes(value) == content:
                return "metadata-file-format", spelling_changes(read.body), 0
            hidden = set(unknown)
            old = _without(value, hidden) if isinstance(value, dict) else value
            found, omitted = changes(old, _without(from_bytes(content), hidden))
            return "metadata-file-stale", later + found, omitted
        except (NotJsonError, UnserialisableError):
            return "metadata-file-stale", later, 0

    def _target(self, name: str) -> ObjectTarget:
        location = self.asset.location
        return ObjectTarget(bucket=location.bucket, key=location.key(name))

    def _etag(self, name: str) -> str:
        """As it was when its bytes were seen."""
        read = self.asset.bodies.get(name)
        # The file may have changed between the listing and its read: what was compared is what the write rests on.
        return read.etag if read else self.folder.files[name].etag

    def _precondition(self, name: str) -> Absent | HasEtag:
        return HasEtag(etag=self._etag(name)) if name in self.folder.files else Absent()


def _without(value: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in keys}


def file_findings(
    asset: Asset, desires: tuple[FieldDesire, ...], blocked: tuple[FieldBlocked, ...]
) -> list[Finding]:
    """What a person must look at in the files: values that cannot cross over, root files that are not JSON."""
    findings = [
        Finding(
            kind=block.kind,
            location=str(asset.location),
            detail=f"{'record field' if block.in_record else 'root file of'} {block.field}: {block.why}",
        )
        for block in blocked
    ]
    findings += [
        Finding(
            kind="core-file-corrupt",
            location=str(asset.location),
            detail=f"{core_file(desire.field)} is not JSON: {desire.corrupt}",
        )
        for desire in desires
        if desire.corrupt
    ]
    return findings
