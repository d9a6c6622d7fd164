"""The types of a command that is run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Finished = subprocess.CompletedProcess[str]
Run = Callable[..., Finished]
