"""Plan and result files, on disk or in S3: written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from indexer.durable import open_own, replace_file
from indexer.errors import IndexerError
from indexer.model.pieces import Items, text_pieces
from indexer.model.place import KeptInStep, Place, S3Place, check_apart, parse_place
from indexer.model.plan import Plan, plan_digest
from indexer.render.safe import safe_json
from indexer.runs.own_places import check_file_of_ours, check_no_run_file
from indexer.systems.s3_files import S3Files, s3_files


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as it stands in a file, with its digest."""
    document = document_of(plan, "actions", "withheld", "findings")
    return {**document, "digest": plan_digest(document)}


def document_of(model: BaseModel, *lists: str) -> dict[str, Any]:
    """A plan or a result as it stands in a file. `lists`: fields whose items become dictionaries only one at a time."""
    shell = model.model_copy(update=dict.fromkeys(lists, ()))
    return _dumped(shell) | {name: Items(partial(map, _dumped, getattr(model, name))) for name in lists}


def _dumped(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_none=True)


def plan_text(plan: Plan) -> str:
    """The plan file's text."""
    return document_text(plan_document(plan))


def save_plan(plan: Plan, path: Place | str, *, kept_in_step: Iterable[str] = ()) -> None:
    """Write the plan's file, whole or not at all; in S3 too, but to no bucket that is kept in step.

    `kept_in_step`: such buckets beside those that the plan itself names. Raises IndexerError, UsageError.
    """
    write_whole(parse_place(path), document_bytes(plan_document(plan)), {*plan.scope.apart(), *kept_in_step})


def document_pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """A document as we write all of them: also on a terminal, and in a job's log."""
    yield from map(safe_json, text_pieces(document))
    yield "\n"


def document_text(document: Mapping[str, Any]) -> str:
    """The same in one."""
    return "".join(document_pieces(document))


def document_bytes(document: Mapping[str, Any]) -> Iterator[bytes]:
    """A document's file, in pieces; a lone surrogate of somebody's JSON stays the escape that it was there."""
    return (piece.encode("utf-8", "backslashreplace") for piece in document_pieces(document))


def check_writable(path: Place, kept_in_step: KeptInStep) -> None:
    """Raise IndexerError where `write_whole` would not write: asked before long work, not after it."""
    check_apart(path, kept_in_step, "--out")
    if isinstance(path, S3Place):
        with s3_files(kept_in_step) as files:
            check_no_run_file(path, _in_s3(files))
            files.check_writable(path)
        return
    check_file_of_ours(path)
    problem = ""
    if path.is_dir():
        problem = "it is a directory"
    elif path.exists() and not path.is_file():
        problem = "it is not a regular file"
    elif not path.parent.is_dir():
        problem = f"there is no directory {path.parent}"
    else:
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as exc:
            problem = exc.strerror or str(exc)
    if problem:
        hint = "Nothing was read yet. Name another place with --out; - is stdout."
        raise IndexerError("The file cannot be written", f"{path}: {problem}", hint)


def write_whole(path: Place, body: Iterable[bytes], kept_in_step: KeptInStep) -> None:
    """Replace a file in one step: an old one stays whole, even if this fails. Raises IndexerError.

    `kept_in_step`: buckets that it must not lie in. UsageError there, and for what a run left behind.
    """
    if isinstance(path, S3Place):
        with s3_files(kept_in_step) as files:
            check_no_run_file(path, _in_s3(files))
            files.replace(path, b"".join(body))
        return
    check_file_of_ours(path)
    try:
        replace_file(path, body)
    except OSError as exc:
        hint = "Nothing was replaced. Make room there, or name another place."
        raise IndexerError("The file cannot be written", f"{path}: {exc.strerror}", hint) from exc


def _in_s3(files: S3Files) -> Callable[[Place], bool]:
    return lambda place: isinstance(place, S3Place) and files.is_seen(place)


def append_text(path: Path, text: str) -> None:
    """Add to the end of a file that others write to as well, but no run. Raises IndexerError."""
    check_file_of_ours(path)
    try:
        with os.fdopen(open_own(path, os.O_APPEND), "ab") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as exc:
        hint = "Name another place with --summary."
        raise IndexerError("The file cannot be written", f"{path}: {exc.strerror}", hint) from exc
