"""The differences that an action shows, packed: twenty of them as objects would take ten times the action's own memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, overload

from pydantic import GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from indexer.model.content import Change

AS_TUPLE = TypeAdapter(tuple[Change, ...])
PAYS_BYTES = 400
"""Shorter JSON stays as it is: three differences or so, of which zlib would save little."""
PACKED = b"\x78"
"""What zlib's bytes begin with, and no JSON does."""


class Changes(Sequence[Change]):
    """A tuple of differences that makes its items anew each time it is looked at; equal to a tuple of the same ones."""

    __slots__ = ("_packed",)

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        # Python's own JSON: a file may show half of a surrogate's pair, which has no form in UTF-8, and pydantic's none.
        text = json.dumps(AS_TUPLE.dump_python(tuple(changes), exclude_none=True)).encode("ascii")
        self._packed = text if len(text) < PAYS_BYTES else zlib.compress(text, 1)

    def _items(self) -> tuple[Change, ...]:
        packed = self._packed
        text = zlib.decompress(packed) if packed.startswith(PACKED) else packed
        return AS_TUPLE.validate_python(json.loads(text))

    @overload
    def __getitem__(self, at: int) -> Change: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Change, ...]: ...
    def __getitem__(self, at: int | slice) -> Change | tuple[Change, ...]:
        return self._items()[at]

    def __iter__(self) -> Iterator[Change]:
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())

    def __bool__(self) -> bool:
        return self._packed != b"[]"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Changes):
            return self._packed == other._packed or self._items() == other._items()
        return self._items() == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items())

    def __repr__(self) -> str:
        return repr(self._items())

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As a tuple: its errors, its JSON, its JSON Schema."""
        as_tuple = handler.generate_schema(tuple[Change, ...])
        return core_schema.no_info_wrap_validator_function(
            lambda value, typed: value if isinstance(value, cls) else cls(typed(value)),
            as_tuple,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda value, written: written(tuple(value)), schema=as_tuple
            ),
        )


ShownChanges = Annotated[Sequence[Change], Changes]
"""A field of an action: any tuple of differences is taken, and packed."""
NO_CHANGES = Changes()
"""One for all."""
