"""What the systems can hold: what is larger is found, and not planned and refused every night.

Source: DOMAIN, "The systems' habits to build for".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from indexer.model.generation import METADATA_FILE
from indexer.model.location import Location
from indexer.model.snapshot import Folder
from indexer.model.values import Foreign, Oid, UnserialisableError

KEY_BYTES = 1024
"""Of an S3 object: S3's own limit, in UTF-8."""
RECORD_BYTES = 16 * 1024 * 1024
"""Of a record, as BSON: the limit of MongoDB and of Amazon DocumentDB."""
MEGABYTE = 1024 * 1024
HEADROOM_BYTES = 8 * 1024
"""For what a write adds beside the values: stamps, links, and a new record's name and location."""


def check_key(location: Location, name: str) -> None:
    """Raise UnserialisableError where S3 has no room for the name of a file of this asset."""
    if len(location.key(name).encode("utf-8")) > KEY_BYTES:
        raise UnserialisableError(f"the key of {name} would be longer than {KEY_BYTES:,} bytes")


def too_large(folder: Folder, names: Iterable[str], largest_mb: int) -> str:
    """Why a file that must be read is not: a body of hundreds of megabytes would take ten times its room. Else empty."""
    for name in names:
        info = folder.files.get(name) or folder.originals.get(name)
        if info is not None and info.size > largest_mb * MEGABYTE:
            return f"{name} is larger than {largest_mb} MB (`s3.largest_file_mb`), and is not read"
    return ""


def check_metadata_key(location: Location, folder: Folder) -> None:
    """The same for the metadata file, where it would be new."""
    if METADATA_FILE not in folder.files:
        check_key(location, METADATA_FILE)


def check_record(size: int) -> None:
    """Raise UnserialisableError where a record of so many bytes would be too large for DocDB."""
    if size + HEADROOM_BYTES > RECORD_BYTES:
        raise UnserialisableError("with it the record would be larger than 16 MB")


def bson_size(value: object) -> int:
    """Bytes that a value takes in a record; of a whole record, its size."""
    match value:
        case None:
            return 0
        # Before int: to Python a bool is one.
        case bool():
            return 1
        case int():
            return 4 if -(2**31) <= value < 2**31 else 8
        case float() | datetime():
            return 8
        # BSON: texts and documents have a length (4 bytes) and a NUL; an element has its type and its name's NUL.
        case str():
            return 5 + _text(value)
        case dict():
            return 5 + sum(2 + _text(key) + bson_size(item) for key, item in value.items())
        case list():
            return 5 + sum(2 + len(str(index)) + bson_size(item) for index, item in enumerate(value))
        case Oid():
            return 12
        case Foreign():
            return len(value.extended_json)  # at least what it takes
    return 0


def _text(value: str) -> int:
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
