"""Values of a record's body: how they become the bytes of a file, and which ones cannot.

The bytes of a file are those of `json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True)`
in UTF-8. Source: DOMAIN, "File contents". An indent makes Python's own encoder eight times slower, so rapidjson
writes what it is known to write alike, and `json` the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import rapidjson

from indexer.model.findings import FindingKind

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_DEPTH = 100
"""Levels of nesting that a document may have (MongoDB and DocumentDB alike)."""


@dataclass(frozen=True, slots=True)
class Oid:
    """A BSON ObjectId; in a file it is its hex."""

    hex: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A BSON value that JSON has no form for (Decimal128, binary, ...), as Extended JSON text; or a HIDDEN one, as it came."""

    type_name: str
    extended_json: str


HIDDEN = "hidden"
"""In the place of a type's name: JSON does not tell the value's type, so that no action may rest on it."""


class UnserialisableError(ValueError):
    """The other side cannot hold this value; it becomes a finding, never a fault."""

    finding: FindingKind = "value-unserialisable"


class HiddenTypeError(UnserialisableError):
    """Nobody can tell here what the other side holds."""

    finding: FindingKind = "type-hidden"


class NotJsonError(ValueError):
    """These bytes are not a JSON value that a record could adopt."""


def iso_time(at: datetime) -> str:
    """A BSON datetime as files have it: UTC, `Z`, milliseconds only where there are some."""
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    text = at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def time_stamp(at: datetime) -> str:
    """The time of a write, as records hold it."""
    # All six digits, always: as texts "…00Z" and "…00.5Z" sort the wrong way round, and a cache compares texts.
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def read_time(value: object) -> datetime | None:
    """An instant, from a BSON datetime or ISO-8601 text; None where it is neither."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _json_form(value: object) -> str:
    match value:
        case datetime():
            return iso_time(value)
        case Oid():
            return value.hex
        case Foreign() if value.type_name == HIDDEN:
            raise hidden(value)
        case Foreign():
            raise UnserialisableError(f"{value.type_name} has no form in JSON")
    raise UnserialisableError(f"{type(value).__name__} has no form in JSON")


def hidden(value: Foreign) -> HiddenTypeError:
    """What is to be said of such a value."""
    return HiddenTypeError(f"JSON does not tell the type of {value.extended_json[:100]}")


class _Encoder(rapidjson.Encoder):
    def default(self, value: object) -> str:
        return _json_form(value)


def _encoder(indent: int, *, sort_keys: bool) -> _Encoder:
    """It knows only what documents are made of, and refuses other types."""
    return _Encoder(
        indent=indent,
        ensure_ascii=False,
        sort_keys=sort_keys,
        iterable_mode=rapidjson.IM_ONLY_LISTS,
        bytes_mode=rapidjson.BM_NONE,
        mapping_mode=rapidjson.MM_ONLY_DICTS,
    )


_OF_FILES = _encoder(3, sort_keys=True)
REFUSALS = (TypeError, ValueError, OverflowError, RecursionError)
"""By which rapidjson says that it cannot write a value; UnserialisableError is among them."""


def to_bytes(value: object) -> bytes:
    """The bytes that a file holding `value` must have. Raises UnserialisableError."""
    fast = _fast_bytes(value)
    return _slow_bytes(value) if fast is None else fast


def _slow_bytes(value: object) -> bytes:
    try:
        return _slow_text(value, indent=3, sort_keys=True).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UnserialisableError("a lone surrogate has no form in UTF-8") from exc
    except RecursionError as exc:
        raise UnserialisableError("nested too deeply") from exc


def _fast_bytes(value: object) -> bytes | None:
    """The same bytes, or None where rapidjson cannot be trusted with it: it writes control characters' hex in capitals."""
    written = BytesIO()
    try:
        _OF_FILES(value, stream=written)
    except REFUSALS:
        return None
    body = written.getvalue()
    return None if b"\\" in body and b"\\u00" in body else body


def to_text(value: object, *, indent: int) -> str:
    """The text of `json.dumps(value, indent=indent, ensure_ascii=False)`, sooner and in a fifth of its memory.

    Raises UnserialisableError and RecursionError.
    """
    try:
        text = _encoder(indent, sort_keys=False)(value)
    except REFUSALS:
        text = None
    return _slow_text(value, indent) if text is None or "\\u00" in text else text


def _slow_text(value: object, indent: int, *, sort_keys: bool = False) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=sort_keys, default=_json_form)


def record_bytes(record: Mapping[str, Any], known: Mapping[str, bytes]) -> bytes:
    """`to_bytes(record)`, from the bytes of fields that are `known` already. Raises UnserialisableError.

    Within a file every line of a field is indented once more. No text holds a raw line break: JSON escapes it.
    """
    if not record:
        return to_bytes(record)
    lines = []
    for field in sorted(record):
        held = known[field] if field in known else to_bytes(record[field])
        lines.append(b"   " + to_bytes(field) + b": " + held.replace(b"\n", b"\n   "))
    return b"{\n" + b",\n".join(lines) + b"\n}"


def from_bytes(body: bytes) -> Any:
    """The JSON value in a file, read as Python's `json` reads it, with or without a byte order mark.

    Raises NotJsonError (the literal null is no value either) and, for what nests too deeply to be
    read at all, UnserialisableError.
    """
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except RecursionError as exc:
        raise UnserialisableError("nested too deeply") from exc
    # Such an integer is JSON all the same: it must not pass for a corrupt file, which may be deleted.
    except ValueError as exc:  # UnicodeDecodeError, JSONDecodeError, and integers of over 4,300 digits
        if "integer string conversion" in str(exc):
            raise UnserialisableError("an integer beyond 64 bits") from exc
        raise NotJsonError(str(exc)) from exc
    if value is None:
        raise NotJsonError("the literal null")
    return value


def check_storable(value: object, depth: int = 1) -> None:
    """Raise UnserialisableError where DocDB could not hold this value of a root file."""
    if depth > MAX_DEPTH:
        raise UnserialisableError(f"nested more than {MAX_DEPTH} levels deep")
    match value:
        # Before int: to Python a bool is one.
        case bool():
            return
        case int() if not INT64_MIN <= value <= INT64_MAX:
            raise UnserialisableError("an integer beyond 64 bits")
        case str():
            _check_text(value)
        case dict():
            for key, item in value.items():
                _check_key(key)
                check_storable(item, depth + 1)
        case list():
            for item in value:
                check_storable(item, depth + 1)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UnserialisableError("a lone surrogate") from exc


def _check_key(key: str) -> None:
    """Dots and leading dollars are as good as any other character. Source: DOMAIN, "File contents"."""
    if "\0" in key:
        raise UnserialisableError(f"the key {key[:40]!r}")
    _check_text(key)


def canonical(value: object) -> bytes:
    """Compact sorted JSON: what digests of plans, actions and records are taken over."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_typed_form)
    # A record may hold a lone surrogate: no file can, but its fingerprint must not fail.
    return text.encode("utf-8", "surrogatepass")


def _typed_form(value: object) -> object:
    """A form that is told apart from plain data by a NUL, which no key of a record can hold."""
    match value:
        case datetime():
            return {"\0date": iso_time(value)}
        case Oid():
            return {"\0oid": value.hex}
        case Foreign():
            return {"\0foreign": [value.type_name, value.extended_json]}
    return {"\0foreign": [type(value).__name__, repr(value)]}


def sha256(body: bytes) -> str:
    """Hex digest by which contents are pinned in a plan."""
    return hashlib.sha256(body).hexdigest()


def etag_of(body: bytes) -> str:
    """The ETag that S3 gives a plain upload: it proves equality; a different one proves nothing."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def fingerprint(value: object) -> str:
    """Digest of any value of a record, types told apart (1, 1.0 and true; a time and its text)."""
    return sha256(canonical(value))


def blanked(record: Mapping[str, Any], unknown: Iterable[str]) -> dict[str, Any]:
    """The record without what only the write will tell; digests of such contents are taken over this.

    A field that the write will add is null already, as it is when the write has been made.
    """
    return {**record, **dict.fromkeys(unknown)}
