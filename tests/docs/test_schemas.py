"""The schemas in `plans/schema/` take what we write and read, and refuse what we refuse; judged by jsonschema."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from generated import SCHEMAS
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pages import ROOT, fenced, read
from pydantic import ValidationError

from indexer.model.drift import ExpectedDrift
from indexer.model.plan import Plan
from shared.forgery import EVERY_KIND, forged, paths_in, replaced


def schema(name: str) -> Draft202012Validator:
    loaded = json.loads((ROOT / "plans" / "schema" / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(loaded)
    return Draft202012Validator(loaded, format_checker=FormatChecker())


def toml(text: str) -> Any:
    """As JSON has it: dates are text."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


GOOD_RULE = {"asset": "a*", "owner": "o", "why": "w", "until": "2026-12-31"}
PLAN = forged([make() for make in EVERY_KIND])
STRANGE: tuple[Any, ...] = (None, True, -1, 1.5, "", "x", [], {}, [1], {"kind": "x"})


def test_every_schema_is_one() -> None:
    for name in SCHEMAS:
        schema(name)


@pytest.mark.parametrize("path", sorted((ROOT / "plans").glob("*.json")), ids=lambda path: path.name)
def test_committed_plans_fit(path: Path) -> None:
    schema("plan").validate(json.loads(path.read_text(encoding="utf-8")))


def test_a_plan_of_every_kind_fits() -> None:
    schema("plan").validate(PLAN)


@settings(max_examples=150, deadline=None)
@given(at=st.sampled_from([one for one in paths_in(PLAN) if one]), value=st.sampled_from(STRANGE))
def test_what_fits_the_schema_of_a_plan_can_be_read(at: tuple[Any, ...], value: Any) -> None:
    """Whoever writes plans by the schema is not surprised by the reader."""
    changed = replaced(PLAN, at, value)
    if PLAN_SCHEMA.is_valid(changed):
        Plan.model_validate(changed)


PLAN_SCHEMA = schema("plan")


def test_a_plan_without_its_digest_does_not_fit() -> None:
    """`apply` refuses it too."""
    for name in ("digest", "format_version", "scope"):
        assert not PLAN_SCHEMA.is_valid({key: value for key, value in PLAN.items() if key != name})


def test_the_rules_that_pages_show_fit() -> None:
    committed = (ROOT / "plans" / "expected-drift.toml").read_text(encoding="utf-8")
    for text in (committed, *fenced(read("docs/drift.md"), "toml")):
        schema("expected").validate(toml(text))
        ExpectedDrift.model_validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "wrong", [{"asset": 1}, {"owner": ""}, {"reason": "lost"}, {"until": "soon"}, {"max": 1}, {"why": None}]
)
def test_what_is_no_rule_fits_neither(wrong: dict[str, Any]) -> None:
    rule = GOOD_RULE | wrong
    assert not schema("expected").is_valid({"rule": [rule]})
    with pytest.raises(ValidationError):
        ExpectedDrift.model_validate({"rule": [rule]})


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md"])
def test_the_configuration_that_pages_show_fits(page: str) -> None:
    """Without its secrets, which the environment holds, and without what has a usual value."""
    for text in fenced(read(page), "toml"):
        schema("config").validate(toml(text))


@pytest.mark.parametrize(
    "wrong", ["bucket = []", "[docdb]\nurl = 'x'", "[policy]\nmode = 'all'", "buckets = 'b'"]
)
def test_what_is_no_configuration_does_not_fit(wrong: str) -> None:
    assert not schema("config").is_valid(toml(wrong))
