"""Plan and result files, on disk or in S3: written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from indexer.disk import open_own, replace_file
from indexer.errors import IndexerError
from indexer.model.place import KeptInStep, Place, S3Place, check_apart, parse_place
from indexer.model.plan import Plan, plan_digest
from indexer.model.values import to_text
from indexer.render.safe import safe_json
from indexer.runs.own_places import check_file_of_ours, check_no_run_file
from indexer.systems.s3_files import S3Files, s3_files


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as it stands in a file, with its digest."""
    document = plan.model_dump(mode="json", exclude_none=True)
    return {**document, "digest": plan_digest(document)}


def plan_text(plan: Plan) -> str:
    """The plan file's text."""
    return document_text(plan_document(plan))


def save_plan(plan: Plan, path: Place | str, *, kept_in_step: Iterable[str] = ()) -> None:
    """Write the plan's file, whole or not at all; in S3 too, but to no bucket that is kept in step.

    `kept_in_step`: such buckets beside those that the plan itself names. Raises IndexerError, UsageError.
    """
    write_whole(parse_place(path), document_bytes(plan_document(plan)), {*plan.scope.apart(), *kept_in_step})


def document_text(document: dict[str, Any]) -> str:
    """A document as we write all of them: also on a terminal, and in a job's log."""
    return safe_json(to_text(document, indent=1)) + "\n"


def document_bytes(document: dict[str, Any]) -> bytes:
    """A document's file; a lone surrogate of somebody's JSON stays the escape that it was there."""
    return document_text(document).encode("utf-8", errors="backslashreplace")


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


def write_whole(path: Place, body: bytes, kept_in_step: KeptInStep) -> None:
    """Replace a file in one step: an old one stays whole, even if this fails. Raises IndexerError.

    `kept_in_step`: buckets that it must not lie in. UsageError there, and for what a run left behind.
    """
    if isinstance(path, S3Place):
        with s3_files(kept_in_step) as files:
            check_no_run_file(path, _in_s3(files))
            files.replace(path, body)
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
