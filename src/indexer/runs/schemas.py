"""The JSON Schema of every file that programs read or people write, generated from the types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from indexer.config import Config
from indexer.model.check import Checkup
from indexer.model.drift import ExpectedDrift, Verdict
from indexer.model.event import Event
from indexer.model.outcome import Result
from indexer.model.plan import FORMAT_VERSION, Plan
from indexer.runs.files import document_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DIGEST = {
    "type": "string",
    "pattern": "^[0-9a-f]{64}$",
    "description": "SHA-256 over the canonical form (sorted keys, no white space) of all the rest.",
}


def _plan() -> dict[str, Any]:
    """The plan as it stands in a file: with its digest, and with the fields that the file always has."""
    schema = Plan.model_json_schema()
    for part in schema["$defs"].values():  # the reader tells by these what is meant, so they must be there
        constant = [name for name, one in part.get("properties", {}).items() if "const" in one]
        if constant:
            part["required"] = sorted({*part.get("required", ()), *constant})
    schema["properties"]["digest"] = DIGEST
    schema["required"] = [*schema["required"], "format_version", "digest"]
    return schema


def _config() -> dict[str, Any]:
    """What the file may hold: the environment may have what must be there, and generations have usual databases."""
    schema = Config.model_json_schema()
    for part in (schema, *(schema["$defs"][name] for name in ("CollectionSettings", "DocDBSettings"))):
        part.pop("required", None)
    return schema


def _event() -> dict[str, Any]:
    return TypeAdapter(Event).json_schema()


SCHEMAS: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "plan": ("A plan", _plan),
    "result": ("The result of an apply", Result.model_json_schema),
    "expected": ("Rules of expected drift", ExpectedDrift.model_json_schema),
    "config": ("The configuration, indexer.toml", _config),
    "verdict": ("A verdict of the gate: drift --format json", Verdict.model_json_schema),
    "event": ("One line of an event stream: --events", _event),
    "checkup": ("What doctor found: doctor --format json", Checkup.model_json_schema),
}
"""By name: a title, and what makes it."""


def schema_of(name: str) -> dict[str, Any]:
    """The schema of one of `SCHEMAS`."""
    title, make = SCHEMAS[name]
    return {"$schema": DIALECT, **make(), "$comment": f"format_version {FORMAT_VERSION}", "title": title}


def schema_text(name: str) -> str:
    """The schema, as it is committed under `plans/schema/`."""
    return document_text(schema_of(name))
