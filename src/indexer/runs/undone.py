"""The run that an undo takes back: its before-images are the only ones that the undo may write.

A plan can be made by anybody, and an image is asked for by its digest: a forged undo could copy what another run has kept, of a
private bucket, into a public one. So the journal of the run that the plan names must tell of each image: that it was kept
there, of that very file or record.

| the run's folder                    | images are read from                                        |
|-------------------------------------|-------------------------------------------------------------|
| named by who applies (`--undoes`)   | wherever that run's journal says that it put them           |
| named by the plan alone             | `archive` in that folder, which is no other user's          |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from indexer.applier.history import ARCHIVE_FOLDER, RESULT_FILE, History, file_names, read_history
from indexer.disk import DiskFolder
from indexer.errors import RefusedError
from indexer.model.action import Action, DataAssetAction, InsertRecord, PutObject, RecordAction, UpdateRecord
from indexer.model.content import ArchivedRecordContent, ArchiveSource
from indexer.model.outcome import AfterImage, Result
from indexer.model.place import Place, parse_place
from indexer.model.plan import Plan
from indexer.runs.at_rest import at_rest
from indexer.runs.carry_out import archive_place
from indexer.runs.loading import load_result
from indexer.runs.reviewed import plan_beside
from indexer.runs.run_folder import finished_run

SUMMARY = "The undo takes what is not its run's"
HINT = "Plan it again with `indexer undo RESULT`, and name the run with --undoes RESULT."
Image = tuple[str, str, str, str]
"""An asset's location, what was replaced, and the archive and the digest of what was there."""


def check_images(plan: Plan, undoes: Place | None = None) -> None:
    """Raise RefusedError where an undo takes an image that its run has not kept of the very same thing.

    `undoes`: the folder of the run, by the word of who applies. Raises IndexerError where the run cannot be read.
    """
    wanted = {action.id: tuple(_wanted(action)) for action in plan.actions}
    # An undo that only deletes takes nothing from anywhere: it may be applied after its run's folder is gone.
    if not any(wanted.values()):
        return
    if undoes is None and plan.undoes_in is None:
        raise RefusedError(SUMMARY, "it does not say where that run is", HINT)
    place = undoes or parse_place(str(plan.undoes_in))
    kept = set(_kept(plan, place))
    own = archive_place(place, ARCHIVE_FOLDER)
    for action in plan.actions:
        for image in wanted[action.id]:
            if image not in kept or (undoes is None and image[2] != own):
                where = f"{image[3][:12]}… of {image[2]}"
                detail = f"{action.kind} {action.id} of {action.location}: {where} is not what the run in {place} kept of it"
                raise RefusedError(SUMMARY, detail[:500], HINT)
    if undoes is None and isinstance(place, Path):
        _check_ours(place)


def kept_at_rest(plan: Plan, undoes: Place | None) -> AbstractContextManager[object]:
    """While an undo is carried out, the run that it takes back is not carried out again. Raises IndexerError."""
    if undoes is None and plan.undoes_in is not None:
        undoes = parse_place(plan.undoes_in)
    return nullcontext() if undoes is None else at_rest(finished_run(undoes))


def all_beside(plan: Plan) -> bool:
    """Do all images lie in the run's own folder, so that nobody need name it?"""
    own = archive_place(parse_place(str(plan.undoes_in)), ARCHIVE_FOLDER)
    return all(image[2] == own for action in plan.actions for image in _wanted(action))


def _check_ours(place: Path) -> None:
    try:
        DiskFolder(place).check_ours()
    except OSError as exc:
        raise RefusedError(SUMMARY, f"{place}: {exc.strerror}", HINT) from exc


def _wanted(action: Action) -> Iterator[Image]:
    """The images that an action takes."""
    sources: Sequence[object] = ()
    match action:
        case PutObject(content=content):
            sources = (content.source,)
        case InsertRecord(content=ArchivedRecordContent(source=archived)):
            sources = (archived,)
        case UpdateRecord(content=changed):
            sources = tuple(one.source for one in changed.fields)
    for source in sources:
        if isinstance(source, ArchiveSource):
            yield action.location, _thing(action), source.archive, source.sha256


def _thing(action: Action, left: AfterImage | None = None) -> str:
    """What an action writes: a file by its key, which may have been known only after apply, or a record's collection."""
    if isinstance(action, RecordAction):
        return f"{action.target.database}.{action.target.collection}"
    if isinstance(action, DataAssetAction):
        return action.target.data_asset_id or ""
    return (left and left.key) or action.target.key


def _kept(plan: Plan, place: Place) -> Iterator[Image]:
    """The images that the run, and earlier ones of its plan, told of."""
    folder = finished_run(place)
    run = load_result(place / RESULT_FILE) if RESULT_FILE in file_names(folder) else None
    taken_back = plan_beside(place / RESULT_FILE)
    history = read_history(folder, taken_back.plan_id, run)
    if plan.undoes not in _ids(taken_back, run, history):
        raise RefusedError(SUMMARY, f"{place} is not the folder of run {str(plan.undoes)[:40]}", HINT)
    default = ARCHIVE_FOLDER if run is None else run.archive
    for action in taken_back.actions:
        for write in history.writes.get(action.id, ()):
            if write.before.archive is not None:
                named = archive_place(place, write.before.place or default)
                yield action.location, _thing(action, write.after), named, write.before.archive


def _ids(plan: Plan, run: Result | None, history: History) -> set[str]:
    """Of all runs that the folder tells of; of the plan where a journal names none."""
    return {*history.runs, *([] if run is None else [run.run_id])} or {plan.plan_id}
