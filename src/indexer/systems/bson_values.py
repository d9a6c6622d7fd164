"""BSON on one side, the model's values on the other: what JSON has no form for keeps its type.

Source: pymongo's "Custom Type Example"; DOMAIN, "File contents".
"""

from __future__ import annotations

from collections.abc import Mapping
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


def _deep(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _deep(item) for key, item in value.items()}
        case list():
            return [_deep(item) for item in value]
    return to_bson(value)


def extended_json(body: Mapping[str, Any]) -> bytes:
    """A record with all its types, as canonical MongoDB Extended JSON."""
    return dumps(_deep(body), json_options=EXTENDED_JSON).encode("utf-8")


def from_extended_json(form: bytes) -> dict[str, Any]:
    """The record in canonical MongoDB Extended JSON, in the model's values. Raises ValueError."""
    try:
        body = loads(form.decode("utf-8"), json_options=EXTENDED_JSON)
        return decode(encode(body), CODEC_OPTIONS)
    except (BSONError, TypeError, KeyError, OverflowError, RecursionError) as exc:
        raise ValueError(f"no record in MongoDB Extended JSON: {exc}") from exc
