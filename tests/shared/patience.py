"""How long tests wait for what must end: a machine may be very slow, and only a hang may take longer."""

from __future__ import annotations

PATIENCE_S = 900.0
"""Seconds. A bound on hangs, never a statement on speed: those are made of requests, in `bench`."""
