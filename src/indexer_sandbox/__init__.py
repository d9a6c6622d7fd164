"""S3, DocDB and Code Ocean on loopback, for tests and for `indexer sandbox` and `indexer demo`.

The servers know nothing of our own adapters, else those would be testing themselves.
"""

from __future__ import annotations

from indexer_sandbox.faults import Fault
from indexer_sandbox.stack import Sandbox, running

__all__ = ["Fault", "Sandbox", "running"]
