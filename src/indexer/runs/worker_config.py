"""The configuration of a cluster's workers: each reads its own, so that no secret travels; it must be the command's.

What travels is where it comes from, and a digest of all of it. The digest is salted and slow to compute (scrypt), since it
covers the secrets, too: a worker that would write into another database is told from one that would not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from indexer.config import Config
from indexer.errors import IndexerError, UsageError
from indexer.runs.config_file import load_config

SCRYPT = {"n": 2**14, "r": 8, "p": 1}
"""16 MB and some 50 ms for each guess."""
HINT = (
    "Each worker reads what the command reads: the same file, under the same path, or parameter, and the same INDEXER_… "
    "variables."
)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Where a worker finds its configuration, and how it knows that it is the command's."""

    source: str | None
    """A file, or `ssm:NAME`; None: the environment alone."""
    salt: bytes
    digest: bytes

    @classmethod
    def like(cls, config: Config) -> WorkerConfig:
        """Of workers that are to have this one."""
        salt = secrets.token_bytes(16)
        return cls(config.source, salt, _digest(config, salt))

    def load(self) -> Config:
        """On a worker: its own. Raises IndexerError where it has none, or another one."""
        try:
            config = load_config(self.source)
        except IndexerError as exc:
            raise UsageError("A worker of the cluster has no configuration", exc.what, HINT) from exc
        if not hmac.compare_digest(_digest(config, self.salt), self.digest):
            detail = f"{self.source or 'its environment'}: it is not what this command has"
            raise UsageError("A worker of the cluster has another configuration", detail, HINT)
        return config


def _digest(config: Config, salt: bytes) -> bytes:
    held = [config.model_dump(mode="json"), sorted(config.secrets().items())]
    return hashlib.scrypt(json.dumps(held, sort_keys=True).encode(), salt=salt, **SCRYPT)
