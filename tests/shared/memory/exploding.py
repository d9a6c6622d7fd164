"""Writers that must never be called: a no-op never writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from indexer.model.ports import (
    Writers,
)


class ExplodingWriter:
    """A writer of any kind that must never be called."""

    def __getattr__(self, method: str) -> Callable[..., NoReturn]:
        def explode(*arguments: object, **_: object) -> NoReturn:
            raise AssertionError(f"{method} was called: {arguments}")

        return explode


def exploding_writers() -> Writers:
    """For what must write nothing."""
    bomb: Any = ExplodingWriter()
    return Writers(bomb, bomb, bomb)
