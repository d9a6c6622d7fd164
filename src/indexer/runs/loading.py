"""Plan and result files, on disk, in S3 or from a pipe: read with suspicion."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from indexer.disk import UnsafeFileError, read_file, read_open
from indexer.errors import IndexerError, RefusedError
from indexer.model.action import Action, content_id
from indexer.model.outcome import Result
from indexer.model.pieces import Items, PackedFile
from indexer.model.place import Everywhere, Place, S3Place, parse_place
from indexer.model.plan import FORMAT_VERSION, Plan, plan_digest
from indexer.runs.files import document_bytes, plan_document
from indexer.runs.in_parts import SURROGATE, read_document
from indexer.systems.s3_files import s3_files

M = TypeVar("M")
STDIN = "-"
STDIN_PLACE = Path("/dev/stdin")
DESCRIPTOR = re.compile(r"/dev/stdin|/(dev|proc/[^/]+)/fd/[0-9]+")


class PlanFile(NamedTuple):
    """A plan that was read from a file."""

    plan: Plan
    digest: str
    """As it stands in the file: a field of a later version counts in it, and is not in `plan`."""
    file: PackedFile
    """Its bytes: what a run keeps of its plan, and what the way back is planned from."""
    place: Place | None = None
    """Where it was read from, with its approvals beside it; None: it was never in a file."""

    @property
    def body(self) -> bytes:
        """The whole file, unpacked."""
        return b"".join(self.file)


def load_plan(path: Place | str) -> PlanFile:
    """A plan and its digest; `-` is stdin. Raises RefusedError for one that is damaged, tampered with, or not of our time."""
    path = plan_place(path)
    body = _body(path, "plan")
    document = _document(body, path, "plan")
    # The likeliest mistake with the two files that lie side by side: it deserves more than "field required".
    if "actions" not in document and "outcomes" in document:
        hint = "It is a result. Name the plan, which `apply` left beside it."
        raise RefusedError("The file is not a plan", f"{path}: it has outcomes, not actions", hint)
    return _plan_file(document, body, path)


def load_either(path: Place | str) -> PlanFile | Result:
    """A plan or a result, read once: a pipe can be read no second time. Raises as `load_plan` does."""
    path = plan_place(path)
    what = "plan or result"
    body = _body(path, what)
    document = _document(body, path, what)
    if "actions" in document:
        return _plan_file(document, body, path)
    return _validated(Result.model_validate, document, path)


def _plan_file(document: dict[str, Any], body: bytes, path: Place) -> PlanFile:
    digest = document.get("digest")
    try:
        # Over the document as it stands in the file, before it is typed: what this version does not know counts, too.
        if digest != plan_digest(document):
            raise RefusedError(
                "The plan is not what was written",
                f"{path}: its digest does not fit its content",
                "It was edited or damaged. Plan again; a plan is never edited by hand.",
            )
        return PlanFile(_typed(document, path), str(digest), PackedFile((body,)), path)
    except RecursionError as exc:  # read it could be, just so
        raise RefusedError("The file is not valid", f"{path}: nested too deeply", "Plan again.") from exc


def plan_place(path: Place | str) -> Place:
    """Where a plan is read from, as it was typed."""
    return STDIN_PLACE if path == STDIN else parse_place(path)


def _unsafe(path: Place | str, what: str, exc: UnsafeFileError) -> RefusedError:
    hint = "Name a file; a plan may come from a pipe, too."
    return RefusedError(f"The {what} cannot be read", f"{path}: {exc.strerror}", hint)


def _stdin(what: str) -> bytes:
    try:
        if sys.stdin is None:  # it was closed before we began
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return read_open(sys.stdin.fileno())
    except UnsafeFileError as exc:
        raise _unsafe("stdin", what, exc) from exc
    except OSError as exc:
        hint = "Give a file, or pipe one in."
        raise IndexerError(f"The {what} cannot be read", f"stdin: {exc.strerror}", hint) from exc


def has_neighbours(path: Path) -> bool:
    """Can other files lie beside this one? Not beside a pipe, or a name that only stands for an open file."""
    return path.is_file() and DESCRIPTOR.fullmatch(str(path.absolute())) is None


def as_file(plan: Plan) -> PlanFile:
    """A plan as if it had been written and read. Raises RefusedError for one whose actions were changed."""
    document = plan_document(plan)
    for action in document["actions"]:
        _check_id(action, "the plan")
    return PlanFile(plan, document["digest"], PackedFile(document_bytes(document)))


def _check_id(action: dict[str, Any], what: str) -> None:
    if action.get("id") != content_id(action):
        detail = f"{what}: action {str(action.get('id'))[:40]} is not what its id says"
        raise RefusedError("The plan is not what was written", detail, "Plan again.")


def load_result(path: Place) -> Result:
    """A result. Raises RefusedError."""
    document = _document(_body(path, "result"), path, "result")
    if "outcomes" not in document and "actions" in document:
        hint = (
            "It is a plan, for `indexer show` and `indexer apply`. Name the result of its run, or the folder "
            'that `apply` printed as "Result and journal".'
        )
        raise RefusedError("The file is not a result", f"{path}: it has actions, not outcomes", hint)
    return _validated(Result.model_validate, document, path)


def read_bytes(path: Place) -> bytes:
    """All of a file. Raises OSError, for what is missing in S3 too, and SystemFaultError where S3 fails."""
    if isinstance(path, S3Place):
        with s3_files(Everywhere()) as files:
            held = files.read(path)
        if held is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return held.body
    return read_file(path, pipes=True)


def _body(path: Place, what: str) -> bytes:
    if path == STDIN_PLACE:
        return _stdin(what)
    try:
        return read_bytes(path)
    except UnsafeFileError as exc:
        raise _unsafe(path, what, exc) from exc
    except OSError as exc:
        raise IndexerError(
            f"The {what} cannot be read", f"{path}: {exc.strerror}", "Check the path."
        ) from exc


def _document(body: bytes, path: Place, what: str) -> dict[str, Any]:
    """The JSON object in a file of ours. Raises RefusedError."""
    try:
        document = read_document(body)
    except MemoryError as exc:
        detail = f"{path}: {len(body):,} bytes are too much for this machine's memory"
        raise RefusedError(f"The {what} cannot be read", detail, "Plan fewer buckets at a time.") from exc
    except (ValueError, RecursionError) as exc:
        hint = "It is not JSON, or was cut short."
        raise RefusedError(f"The {what} cannot be read", f"{path}: {_first_line(exc)}", hint) from exc
    if SURROGATE.search(body) and not _is_text(document):
        detail = f"{path}: it holds a lone surrogate, which no text of ours does"
        raise RefusedError("The file is not valid", detail, "Plan again.")
    version = document.get("format_version") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(version, str):
        raise RefusedError(
            f"The file is not a {what}", f"{path}: it has no format_version", "Check the path."
        )
    if version.split(".")[0] != FORMAT_VERSION.split(".")[0]:
        detail = f"{path}: version {version[:40]}, and this is for {FORMAT_VERSION.split('.')[0]}.x"
        raise RefusedError(
            f"The {what} has an unknown format", detail, "Upgrade data-asset-indexer, or make the file again."
        )
    return document


def _is_text(document: object) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _typed(document: dict[str, Any], path: Place) -> Plan:
    """The plan. What an action stood as in the document goes once it is typed: all of both would be too large."""
    actions = document.get("actions")
    if isinstance(actions, list | Items):
        action_of = TypeAdapter(Action).validate_python
        document["actions"] = typed = []
        for at, action in enumerate(actions):
            typed.append(_validated(action_of, action, path, f"actions.{at}"))
            _check_id(action, str(path))
            if isinstance(actions, list):
                actions[at] = None
    return _validated(Plan.model_validate, document, path)


def _validated(typed: Callable[[Any], M], document: object, path: Place, within: str = "") -> M:
    try:
        return typed(document)
    except (ValidationError, RecursionError) as exc:
        if isinstance(exc, ValidationError):
            first = exc.errors(include_input=False, include_url=False)[0]
            where = ".".join(filter(None, (within, *map(str, first["loc"]))))
            detail = f"{path}: {where[:200]}: {first['msg'][:300]}"
        else:
            detail = f"{path}: nested too deeply"
        raise RefusedError("The file is not valid", detail, "Nothing was written. Make it again.") from None


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
