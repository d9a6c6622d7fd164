"""What has a JSON Schema of its own; light to import, since every command line names them."""

from __future__ import annotations

from typing import Literal

SchemaName = Literal["plan", "result", "expected", "config", "verdict", "event", "checkup", "runs", "audit"]
