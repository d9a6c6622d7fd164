"""BSON on one side, the model's values on the other: what JSON has no form for keeps its type.

Source: pymongo's "Custom Type Example"; DOMAIN, "File contents".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

from bson import (
    Binary,
    Code,
    CodecOptions,
    DatetimeMS,
    Decimal128,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
    decode,
    encode,
)
from bson.codec_options import DatetimeConversion, TypeDecoder, TypeRegistry
from bson.errors import BSONError, InvalidDocument
from bson.json_util import CANONICAL_JSON_OPTIONS, dumps, loads
from bson.raw_bson import RawBSONDocument

from indexer.model.values import Foreign, Oid

EXTENDED_JSON = CANONICAL_JSON_OPTIONS.with_options(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
"""A time beyond Python's goes there and back too."""
KEPT_AS_FOREIGN = (Binary, bytes, Code, DatetimeMS, Decimal128, MaxKey, MinKey, Regex, Timestamp)


def _decoder(kind: type) -> TypeDecoder:
    class Decoder(TypeDecoder):
        bson_type = kind

        def transform_bson(self, value: Any) -> Any:
            if isinstance(value, ObjectId):
                return Oid(str(value))
            return Foreign(kind.__name__, dumps(value, json_options=EXTENDED_JSON))

    return Decoder()


def to_bson(value: Any) -> Any:
    """The BSON value that one of the model's stands for; others as they are."""
    match value:
        case Oid():
            return ObjectId(value.hex)
        case Foreign():
            try:
                return loads(value.extended_json, json_options=EXTENDED_JSON)
            except (TypeError, ValueError, KeyError, ArithmeticError) as exc:  # only where a plan was made up
                raise InvalidDocument(f"no value in MongoDB Extended JSON: {exc}") from exc
    return value


CODEC_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    type_registry=TypeRegistry(
        [_decoder(kind) for kind in (ObjectId, *KEPT_AS_FOREIGN)], fallback_encoder=to_bson
    ),
)


RAW_OPTIONS: CodecOptions[RawBSONDocument] = CODEC_OPTIONS.with_options(document_class=RawBSONDocument)
"""In which everything is read: a driver that decodes makes an object of its own of `{"$ref": ...}`."""
SIZE_BYTES = 4
"""Of a document, and of a text in it. Source: bsonspec.org."""
TEXT_ID = b"\x02_id\0"
REFERENCE = b"$ref\0"
"""Where this is nowhere in the bytes, no document can look like one."""


def decoded(raw: bytes | memoryview) -> dict[str, Any]:
    """A document in the model's values, each as it was stored. Raises BSONError."""
    raw = bytes(raw)
    # Nearly every document: the driver decodes in C, and our own walk in Python (decision 31).
    if REFERENCE not in raw:
        return decode(raw, CODEC_OPTIONS)
    return {key: _plain(item) for key, item in RawBSONDocument(raw, RAW_OPTIONS).items()}


def _plain(value: Any) -> Any:
    match value:
        case RawBSONDocument():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return value


class FieldByField(Mapping[str, Any]):
    """A record whose fields are decoded one by one, each where it is asked for: most of a record may not be needed."""

    def __init__(self, raw: RawBSONDocument, faults: Callable[[], AbstractContextManager[None]]) -> None:
        """`faults` says in our words what the driver cannot read."""
        self._raw, self._faults = raw, faults

    def __getitem__(self, key: str) -> Any:
        with self._faults():
            return _opened(self._raw[key])

    def __iter__(self) -> Iterator[str]:
        with self._faults():
            return iter(self._raw)

    def __len__(self) -> int:
        with self._faults():
            return len(self._raw)


def _opened(value: Any) -> Any:
    match value:
        case RawBSONDocument():
            return decoded(value.raw)
        case list():
            return [_opened(item) for item in value]
    return value


def id_of(record: RawBSONDocument) -> Any:
    """A record's `_id` in the model's values; the rest stays as it came."""
    raw = record.raw
    # Nearly always text, and first: to look for it opens the whole record.
    if raw[SIZE_BYTES : SIZE_BYTES + len(TEXT_ID)] == TEXT_ID:
        at = SIZE_BYTES + len(TEXT_ID)
        length = int.from_bytes(raw[at : at + SIZE_BYTES], "little")
        with suppress(UnicodeDecodeError):  # the driver says it in its own words
            return bytes(raw[at + SIZE_BYTES : at + SIZE_BYTES + length - 1]).decode()
    return _plain(record["_id"])


def archived(body: Mapping[str, Any]) -> bytes:
    """A record with all its types, in the bytes of BSON: Extended JSON has meanings of its own for plain data."""
    return encode(body, codec_options=CODEC_OPTIONS)


def unarchived(form: bytes) -> dict[str, Any]:
    """The record that `archived` kept, in the model's values. Raises ValueError for anything else."""
    try:
        return decoded(form)
    except (BSONError, TypeError, KeyError, OverflowError, RecursionError) as exc:
        raise ValueError(f"no record in BSON: {exc}") from exc
