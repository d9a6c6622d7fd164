"""The JSON Schema of every file that programs read or people write, generated from the types."""

from __future__ import annotations

from typing import Any, assert_never

from pydantic import TypeAdapter

from indexer.config import Config
from indexer.model.audit import Audit
from indexer.model.check import Checkup
from indexer.model.drift import ExpectedDrift, Verdict
from indexer.model.event import Event
from indexer.model.outcome import Result
from indexer.model.past_run import PastRuns
from indexer.model.plan import FORMAT_VERSION, Plan
from indexer.runs.files import document_text
from indexer.runs.schema_names import SchemaName

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


def _made(name: SchemaName) -> tuple[str, dict[str, Any]]:
    """A title, and the schema of the type."""
    match name:
        case "plan":
            return "A plan", _plan()
        case "result":
            return "The result of an apply", Result.model_json_schema()
        case "expected":
            return "Rules of expected drift", ExpectedDrift.model_json_schema()
        case "config":
            return "The configuration, indexer.toml", _config()
        case "verdict":
            return "A verdict of the gate: drift --format json", Verdict.model_json_schema()
        case "event":
            return "One line of an event stream: --events", TypeAdapter(Event).json_schema()
        case "checkup":
            return "What doctor found: doctor --format json", Checkup.model_json_schema()
        case "runs":
            return "Past runs of apply: runs --format json", PastRuns.model_json_schema()
        case "audit":
            return "An audit of a run: audit --format json", Audit.model_json_schema()
    assert_never(name)


def schema_of(name: SchemaName) -> dict[str, Any]:
    """The schema of one of them."""
    title, schema = _made(name)
    return {"$schema": DIALECT, **schema, "$comment": f"format_version {FORMAT_VERSION}", "title": title}


def schema_text(name: SchemaName) -> str:
    """The schema, as it is committed under `plans/schema/`."""
    return document_text(schema_of(name))
