"""Configurations that only read: whoever wants to write is told so before anything is opened."""

from __future__ import annotations

from indexer.config import Config
from indexer.errors import UsageError


def check_may_write(config: Config, command: str) -> None:
    """Raise UsageError where the configuration only reads; `command`: what wants to write."""
    if config.s3.anonymous:
        raise UsageError(
            "This configuration only reads",
            f"`{command}` writes, and `s3.anonymous` is set: unsigned requests write nothing",
            "Hand the plan to whoever has credentials, or name their configuration with --config.",
        )
