"""A golden case as it is loaded into the three systems, and values as JSON and DocDB have them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
from bson import json_util

CASES = {one.stem: one for one in sorted((Path(__file__).parent / "cases").glob("*.json"))}
LINKS = {"docdb_v1": "external_links", "docdb_v2": "other_identifiers"}
"""The generations, and in which field their records have links."""
FROM_NOW = re.compile(r"<now([+-]\d+)d(?:\|([^>\"]*))?>")
TYPED = json_util.JSONOptions(tz_aware=False)

Case = dict[str, Any]
Snapshot = dict[str, Any]
"""The three systems as they are: `s3` (bucket, key, bytes), `codeocean`, and each generation's records."""


def load(text: str) -> Case:
    """The case, its times filled in and its records with BSON's types."""
    now = datetime.now(UTC)

    def filled_in(match: re.Match[str]) -> str:
        at = now + timedelta(days=int(match.group(1)))
        return at.strftime(match.group(2) or "%Y-%m-%dT%H:%M:%S.%fZ")

    case: Case = json.loads(FROM_NOW.sub(filled_in, text))
    if case.get("extended_json"):
        for generation in LINKS:
            case[generation] = json_util.loads(json.dumps(case[generation]), json_options=TYPED)
    return {"buckets": {}, "faults": [], **case}


def exact(value: Any) -> str:
    """A form in which 1, 1.0 and true differ, and the order of keys does not."""
    if isinstance(value, str):
        return json.dumps(value)
    return json_util.dumps(value, sort_keys=True, json_options=json_util.CANONICAL_JSON_OPTIONS)


def same_records(one: list[Any], other: list[Any]) -> bool:
    """In whichever order."""
    return sorted(map(exact, one)) == sorted(map(exact, other))


def file_of(value: Any) -> bytes:
    """The bytes of the file in S3 that holds a value of DocDB's."""
    text = json.dumps(_plain(value), indent=3, ensure_ascii=False, sort_keys=True)
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    """As JSON has it: ObjectId and datetime as strings."""
    match value:
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case datetime():
            digits = "milliseconds" if value.microsecond else "seconds"
            return f"{value.replace(tzinfo=None).isoformat(timespec=digits)}Z"
        case bson.ObjectId():
            return str(value)
        case _:
            return value
