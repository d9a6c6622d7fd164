"""Replay a run's journal against the protocol: what it shows, and what it cannot show. Reads no system that is kept in step."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pydantic import ValidationError

from indexer import __version__
from indexer.applier.approved import covered
from indexer.applier.history import (
    ARCHIVE_FOLDER,
    JOURNAL_FILE,
    PLAN_FILE,
    SHARD_PREFIX,
    file_names,
    read_history,
    read_lines,
)
from indexer.applier.replay import JournalFile, LeftBehind, replay_faults
from indexer.config_approvals import ApprovalSettings
from indexer.errors import IndexerError, RefusedError, SystemFaultError
from indexer.model.action import Action
from indexer.model.audit import (
    Audit,
    AuditedApproval,
    AuditedLoss,
    AuditedRun,
    AuditFault,
    ImageState,
)
from indexer.model.limits import takes_away
from indexer.model.outcome import BeforeImage, Result
from indexer.model.place import Everywhere, Place, parse_place
from indexer.model.ports import Archive, RunFolder
from indexer.render.words import target
from indexer.runs.approvals import subject_of
from indexer.runs.audited_approvals import approval_faults, audited_approvals, line_time, run_starts
from indexer.runs.carry_out import archive_place
from indexer.runs.loading import PlanFile, load_plan, load_result
from indexer.runs.run_folder import finished_run, result_file
from indexer.runs.undo import connect_objects
from indexer.systems.archive import open_archive

UNENDED = (
    "Run {} does not say that it ended: it died, or goes on. What it did last may be missing without a trace."
)
UNNUMBERED = (
    "Its journal has lines without numbers, of an older version: one that was taken out may leave no gap."
)
NO_RESULT = "There is no result: the run did not get so far. What its journal tells is all that is known."
NO_APPROVAL = "No approval is recorded: the configuration of whoever applied demanded none."


def audit(result: Place | str, settings: ApprovalSettings | None = None) -> Audit:
    """Whether what a run left behind holds together, and what it tells. `settings`: whose keys signatures are verified by.

    Raises IndexerError where there is nothing that can be read.
    """
    place = result_file(parse_place(result))
    try:
        reviewed, run = load_plan(place.parent / PLAN_FILE), _result(place)
    except SystemFaultError:  # in S3, and unread is no fault of the run
        raise
    except RefusedError as exc:
        about = "plan" if PLAN_FILE in exc.detail else "result"
        fault = AuditFault(about=about, detail=exc.what)
        return Audit(tool_version=__version__, place=str(place.parent), holds=False, faults=(fault,))
    return _audited(place.parent, reviewed, left_behind(finished_run(place.parent), reviewed, run), settings)


def _result(place: Place) -> Result | None:
    folder = finished_run(place.parent)
    return load_result(place) if place.name in file_names(folder) else None


def left_behind(folder: RunFolder, reviewed: PlanFile, run: Result | None) -> LeftBehind:
    """All of a run's folder but the before-images. Raises IndexerError."""
    names = [one for one in file_names(folder) if one == JOURNAL_FILE or one.startswith(SHARD_PREFIX)]
    files = tuple(JournalFile(one, tuple(read_lines(_body(folder, one)))) for one in names)
    nothing = (
        _nothing(reviewed) if run is None else run.model_copy(update={"outcomes": (), "selection": None})
    )
    # Of the journals alone: what the result says is held against it, and must not prove itself.
    history = read_history(folder, reviewed.plan.plan_id, nothing)
    return LeftBehind(reviewed.plan, reviewed.digest, files, run, history)


def _nothing(reviewed: PlanFile) -> Result:
    at = reviewed.plan.created_at
    return Result(
        run_id="",
        plan_id="",
        plan_digest="",
        tool_version="",
        started_at=at,
        ended_at=at,
        summary={},
        outcomes=(),
    )


def _body(folder: RunFolder, name: str) -> bytes:
    try:
        return folder.read(name) or b""
    except OSError as exc:
        hint = "See that you may read it: a run's folder is its owner's only."
        raise IndexerError(
            "The run's journal cannot be read", f"{folder}: {name}: {exc.strerror}", hint
        ) from exc


def _audited(place: Place, reviewed: PlanFile, left: LeftBehind, settings: ApprovalSettings | None) -> Audit:
    images = _Images(place, left.result)
    held = {key: images.state(*key) for key in images.named(left)}
    missing = [key for key, state in held.items() if state == "missing"]
    approvals = tuple(audited_approvals(left, settings))
    faults = (
        *replay_faults(left),
        *(
            AuditFault(about="image", detail=f"{name} is not in {where}, or was changed")
            for where, name in missing
        ),
        *approval_faults(subject_of(reviewed), left, approvals),
    )
    return Audit(
        tool_version=__version__,
        place=str(place),
        plan_id=left.plan.plan_id,
        plan_digest=left.digest,
        holds=not faults,
        faults=faults,
        notes=tuple(_notes(left, approvals)),
        runs=tuple(_runs(left)),
        approvals=approvals,
        written=len(left.history.writes),
        images=len(held) - len(missing),
        losses=tuple(_losses(left, images, approvals)),
        undo=f"indexer undo {shlex.quote(str(place))} --out undo.json" if left.history.writes else None,
    )


class _Images:
    """The bodies that a run kept."""

    def __init__(self, place: Place, result: Result | None) -> None:
        self._place, self._result = place, result
        self._opened: dict[str, Archive] = {}
        self._states: dict[tuple[str, str], ImageState] = {}

    def named(self, left: LeftBehind) -> list[tuple[str, str]]:
        """Archive and name of each, once."""
        told = [line.get("before") for line in left.ours]
        images = [one for held in told if (one := _image(held)) is not None]
        images += [
            one.before for one in (self._result.told if self._result else ()) if one.before is not None
        ]
        return list(dict.fromkeys(key for one in images if (key := self.key(one)) is not None))

    def key(self, image: BeforeImage) -> tuple[str, str] | None:
        """Where it is; None where nothing was there."""
        default = ARCHIVE_FOLDER if self._result is None else self._result.archive
        return (
            None
            if image.archive is None
            else (archive_place(self._place, image.place or default), image.archive)
        )

    def state(self, place: str, name: str) -> ImageState:
        """Is it there, and does it hash to its name?"""
        key = (place, name)
        if key not in self._states:
            if place not in self._opened:
                self._opened[place] = open_archive(place, connect_objects, Everywhere())
            self._states[key] = "missing" if self._opened[place].read(name) is None else "kept"
        return self._states[key]

    def of(self, image: BeforeImage) -> ImageState:
        """The same of an image."""
        key = self.key(image)
        return "nothing" if key is None else self.state(*key)


def _image(told: object) -> BeforeImage | None:
    try:
        return None if told is None else BeforeImage.model_validate(told)
    except ValidationError:
        return None  # the protocol says so


def _runs(left: LeftBehind) -> Iterator[AuditedRun]:
    ends = {
        line.get("run_id"): line_time(line.get("at")) for line in left.ours if line.get("event") == "finished"
    }
    for line in run_starts(left):
        run_id = str(line.get("run_id"))
        yield AuditedRun(
            run_id=run_id,
            started_at=line_time(line.get("at")),
            ended_at=ends.get(run_id),
            applied_by=_text(line.get("applied_by")),
            waived=_text(line.get("approvals_waived")),
        )


def _text(told: object) -> str | None:
    return told[:500] if isinstance(told, str) else None


def _notes(left: LeftBehind, approvals: tuple[AuditedApproval, ...]) -> Iterator[str]:
    if left.result is None:
        yield NO_RESULT
    yield from (UNENDED.format(run[:8]) for run in left.history.unended)
    if any("n" not in line for line in left.lines):
        yield UNNUMBERED
    unknown = sorted({one.approval.person for one in approvals if one.signature == "unknown"})
    if unknown:
        yield f"The configuration here has no key to verify these signatures by: {', '.join(unknown)}."
    if not approvals and left.history.writes:
        yield NO_APPROVAL


def _losses(
    left: LeftBehind, images: _Images, approvals: tuple[AuditedApproval, ...]
) -> Iterator[AuditedLoss]:
    by = {
        str(line["action_id"]): str(line.get("run_id")) for line in left.ours if line.get("event") == "intent"
    }
    statuses = {one.action_id: one.status for one in (left.result.told if left.result else ())}
    for action in left.plan.actions:
        writes = left.history.writes.get(action.id)
        if not writes or not takes_away(action):
            continue
        yield AuditedLoss(
            action_id=action.id,
            action=action.kind,
            reason=action.reason,
            location=action.location,
            target=target(action),
            sure=writes[-1].sure,
            at=writes[-1].at,
            status=statuses.get(action.id),
            image=images.of(writes[-1].before),
            archive=writes[-1].before.archive,
            allowed_by=_allowed_by(action, by.get(action.id), approvals),
        )


def _allowed_by(
    action: Action, run_id: str | None, approvals: tuple[AuditedApproval, ...]
) -> tuple[str, ...]:
    people = {
        one.approval.person
        for one in approvals
        if one.run_id == run_id and covered(one.approval, action.reason, loses=takes_away(action))
    }
    return tuple(sorted(people))
