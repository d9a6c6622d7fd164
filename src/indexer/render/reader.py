"""What a format may have to know of who reads it: a screen, or a repository on which something is annotated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from indexer.render.paint import PLAIN, Paint

CONFIGURATION = "indexer.toml"


@dataclass(frozen=True, slots=True)
class Where:
    """The file of a repository that stands in for what drifts: the rules, or else the configuration."""

    file: str = CONFIGURATION
    """Relative to the repository's root."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """By bucket; any other is at the first line."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What a format may have to know of who reads it."""

    paint: Paint = PLAIN
    wrap: int | None = None
    """Columns of the screen on which it is read; None: it is no screen, and its lines are not broken."""
    rows: int | None = None
    """Those of the screen, where a long text begins with a summary."""
    whole: bool = False
    """Whoever reads it wants all of it: no format leaves anything out for want of room."""
    where: Where = field(default_factory=Where)
