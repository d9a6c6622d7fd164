"""Is the end state the expected one? Whatever `expect` does not name must be as it was."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bson import json_util

from golden.case import LINKS, Case, Snapshot, exact, file_of

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
LEEWAY = timedelta(seconds=2)
NOTHING: dict[str, Any] = {"gone": [], "changed": {}, "new": []}
FREE = {
    "docdb_v1": ("describedBy", "schema_version"),
    "docdb_v2": ("describedBy", "schema_version", "object_type"),
}
"""Strings that an inserted record may have besides."""
NO_LINKS = ({}, {"Code Ocean": []}, None)
Journal = list[dict[str, Any]]


@dataclass(frozen=True)
class Times:
    """Of one case's run."""

    planned_at: datetime
    started_at: datetime
    """Of `apply`."""
    ended_at: datetime


@dataclass
class Judge:
    """Compares one case's end with its start and what is expected."""

    case: Case
    start: Snapshot
    end: Snapshot
    times: Times
    known_ids: dict[tuple[str, str], Any]
    """By generation and location, over all cases: a location that is registered twice gets the same id."""
    problems: list[str] = field(default_factory=list)
    _created: list[str] = field(default_factory=list)

    def verdict(self, journal: Journal) -> list[str]:
        """Every difference, in words; `journal` has the writes to S3."""
        self._data_assets()
        for generation in LINKS:
            self._records(generation)
        expected = self.case["expect"]
        self._bucket(self.case["bucket"], expected.get("s3", {}), journal)
        for bucket in self.case["buckets"]:
            self._bucket(bucket, expected.get("buckets", {}).get(bucket, {}), journal)
        return self.problems

    def _expected(self, system: str) -> dict[str, Any]:
        return NOTHING | self.case["expect"].get(system, {})

    def _data_assets(self) -> None:
        expected = self._expected("codeocean")
        before = {one["id"]: one for one in self.start["codeocean"]}
        after = {one["id"]: one for one in self.end["codeocean"]}
        for name, one in before.items():
            wanted = None if name in expected["gone"] else one | expected["changed"].get(name, {})
            if exact(wanted) != exact(after.get(name)):
                self._say(f"data asset {name}", after.get(name), wanted)
        new = [one for name, one in after.items() if name not in before]
        for wanted in expected["new"]:
            found = [one for one in new if one["name"] == wanted["name"]]
            if len(found) != 1:
                self.problems.append(f"{len(found)} data assets created for {wanted['name']}, expected 1")
                continue
            new.remove(found[0])
            self._created.append(found[0]["id"])
            self._created_data_asset(wanted, found[0])
        self.problems += [f"unexpected data asset {one['name']}" for one in new]

    def _created_data_asset(self, wanted: dict[str, Any], found: dict[str, Any]) -> None:
        for name in wanted.keys() - {"id"}:
            pair = wanted[name], found.get(name)
            if name == "tags":
                pair = sorted(pair[0]), sorted(pair[1] or [])
            if exact(pair[0]) != exact(pair[1]):
                self._say(f"created data asset {wanted['name']}: {name}", found.get(name), wanted[name])

    def _records(self, generation: str) -> None:
        expected = self._expected(generation)
        before = {str(one["_id"]): one for one in self.start[generation]}
        after = {str(one["_id"]): one for one in self.end[generation]}
        for key, one in before.items():
            if key in expected["gone"]:
                if key in after:
                    self.problems.append(f"{generation}: record {key} not deleted")
            elif key not in after:
                self.problems.append(f"{generation}: record {key} deleted")
            else:
                self._record(
                    f"{generation}: record {key}", after[key], one | expected["changed"].get(key, {})
                )
        new = [one for key, one in after.items() if key not in before]
        for wanted in expected["new"]:
            found = [one for one in new if one.get("location") == wanted["location"]]
            new = [one for one in new if one.get("location") != wanted["location"]]
            if len(found) != 1:
                self.problems.append(
                    f"{generation}: {len(found)} records at {wanted['location']}, expected 1"
                )
            else:
                self._inserted(generation, found[0], wanted)
        self.problems += [f"{generation}: unexpected record {one['_id']}" for one in new]

    def _record(self, what: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        for name in wanted.keys() | found.keys():
            if name not in wanted or name not in found or not self._satisfies(wanted[name], found[name]):
                self._say(f"{what}: {name}", found.get(name), wanted.get(name))

    def _inserted(self, generation: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        location, links = wanted["location"], LINKS[generation]
        free = [name for name in FREE[generation] if name not in wanted and isinstance(found.get(name), str)]
        rest = {name: value for name, value in found.items() if name not in free}
        if wanted.get(links) == {} and rest.get(links) in NO_LINKS:
            rest[links] = {}
        self._record(f"{generation}: inserted record {location}", rest, wanted)
        if self.known_ids.setdefault((generation, location), found["_id"]) != found["_id"]:
            self.problems.append(f"{generation}: {location} was given another _id in another case")

    def _satisfies(self, wanted: Any, found: Any) -> bool:
        """Is a value of a record what is wanted? A word in angle brackets stands for what a run makes."""
        match wanted:
            case "<write-time>":
                return self._is_between(self.times.started_at, found)
            case "<run-time>":
                return self._is_between(self.times.planned_at, found)
            case "<new-id>":
                return found in self._created
            case "<uuid5>":
                return isinstance(found, str) and _is_uuid5(found)
            case dict() if isinstance(found, dict):
                same = wanted.keys() == found.keys()
                return same and all(self._satisfies(wanted[name], found[name]) for name in wanted)
            case list() if isinstance(found, list):
                return len(wanted) == len(found) and all(map(self._satisfies, wanted, found))
            case _:
                return exact(wanted) == exact(found)

    def _is_between(self, first: datetime, found: Any) -> bool:
        if not isinstance(found, str) or not STAMP.fullmatch(found):
            return False
        at = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*Z", r"\1Z", found))
        return first - LEEWAY <= at <= self.times.ended_at + LEEWAY

    def _bucket(self, bucket: str, expected: dict[str, Any], journal: Journal) -> None:
        before, after = self.start["s3"].get(bucket, {}), self.end["s3"].get(bucket, {})
        wanted = {self._dated(key, after): value for key, value in expected.items()}
        for key in sorted(before.keys() | after.keys() | wanted.keys()):
            place = f"{bucket}/{key}"
            if key not in wanted:
                written = any((one.get("bucket"), one.get("key")) == (bucket, key) for one in journal)
                self._untouched(place, before.get(key), after.get(key), written=written)
            elif wanted[key] is None:
                if key in after:
                    self.problems.append(f"{place} not deleted")
            elif key not in after:
                self.problems.append(f"{place} missing")
            else:
                self._file(place, after[key], wanted[key], before)

    def _dated(self, key: str, there: dict[str, bytes]) -> str:
        """A key with the day of the write: at midnight, whichever of both is there."""
        ends = self.times.started_at - LEEWAY, self.times.ended_at + LEEWAY
        names = [key.replace("<date>", f"{at:%Y%m%d}") for at in ends]
        return next((one for one in names if one in there), names[1])

    def _untouched(self, place: str, before: bytes | None, after: bytes | None, *, written: bool) -> None:
        if after is None:
            self.problems.append(f"{place} deleted")
        elif before is None:
            self.problems.append(f"{place} unexpected")
        elif before != after:
            self.problems.append(f"{place} overwritten")
        elif written:
            self.problems.append(f"{place} written without need")

    def _file(self, place: str, found: bytes, wanted: dict[str, str], before: dict[str, bytes]) -> None:
        if "copy_of" in wanted:
            source = wanted["copy_of"]
            body, what = before[source], f"the bytes that {source} had at the start"
        else:
            records = self.end[wanted["record"]]
            record = next((one for one in records if one.get("location") == wanted["location"]), None)
            if record is None:
                self.problems.append(f"{place}: no record at {wanted['location']} to compare with")
                return
            body = file_of(record.get(wanted["field"]) if "field" in wanted else record)
            what = f"{wanted['record']}'s {wanted.get('field', 'record')} in our bytes"
        if found != body:
            self.problems.append(f"{place}: not {what}{_first_difference(body, found)}")

    def _say(self, what: str, found: Any, wanted: Any) -> None:
        self.problems.append(f"{what} is {_short(found)}, expected {_short(wanted)}")


def of_plan(case: Case, plan: dict[str, Any]) -> list[str]:
    """Has the plan the reasons and findings that the case names, and none besides?"""
    expected, problems = case["expect"], []
    reasons = {one["reason"] for one in plan["actions"]}
    findings = {one["kind"] for one in plan["findings"]} | {
        kind for kind, count in plan["summary"]["findings"].items() if count
    }
    problems += _of_words("reason", expected["reasons"], [], reasons)
    problems += _of_words("finding", expected["findings"], expected.get("findings_allowed", []), findings)
    if bool(plan["actions"]) == expected["empty_plan"]:
        problems.append(f"{len(plan['actions'])} actions planned")
    if len(plan["withheld"]) != expected.get("withheld", 0):
        problems.append(f"{len(plan['withheld'])} actions withheld, expected {expected.get('withheld', 0)}")
    if expected.get("incomplete") and all(one["complete"] for one in plan["coverage"]):
        problems.append("every read is called complete")
    return problems


def _of_words(what: str, wanted: list[str], allowed: list[str], found: set[str]) -> list[str]:
    """`a|b`: the rules leave it open which."""
    missing = [one for one in wanted if not found & set(one.split("|"))]
    known = {word for one in [*wanted, *allowed] for word in one.split("|")}
    return [
        *(f"{what} {one} missing (found: {sorted(found)})" for one in missing),
        *(f"unexpected {what} {one}" for one in sorted(found - known)),
    ]


def _is_uuid5(text: str) -> bool:
    try:
        return uuid.UUID(text).version == 5 and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _short(value: Any, longest: int = 60) -> str:
    text = value if isinstance(value, str) else json_util.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[:longest]}…"


def _first_difference(wanted: bytes, found: bytes) -> str:
    pairs = enumerate(zip(wanted, found, strict=False))
    at = next((number for number, (one, other) in pairs if one != other), min(len(wanted), len(found)))
    near = slice(max(0, at - 10), at + 20)
    return f" (byte {at}: expected {wanted[near]!r}, found {found[near]!r})"
