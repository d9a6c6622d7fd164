"""A hundred records as production has them, with the predecessor's files: the first plan finds nothing to do."""

from __future__ import annotations

import json

import pytest
from workbench import Workbench

from indexer_sandbox.stage import Stage
from shared.realistic import realistic, records

BOTH_RULE = {"INDEXER_DOCDB__V2__SYNC_TO_S3": "true"}


@pytest.fixture(scope="module")
def stage() -> Stage:
    """Made once; each test loads it into systems of its own."""
    return realistic()


def test_the_shapes_are_those_of_production(stage: Stage) -> None:
    """A hundred records, and each shape is among them: else the next test would show little."""
    found = records(stage)
    assert len(found) == 100
    dotted = sum('"experiment1_Node 101#PXI.ProbeA' in json.dumps(one) for one in found)
    assert 10 <= dotted <= 15  # one in eight
    links = [one.get("external_links", one.get("other_identifiers")) for one in found]
    assert {type(one) for one in links} == {dict, list, type(None)}
    stamps = [one.get("last_modified", one.get("_last_modified")) for one in found]
    assert None in stamps
    assert {"Z", "0", "7"} <= {one[-1] for one in stamps if one}
    v1 = [(one.get("data_description") or {}).get("modality") for one in found]
    assert {str, list, dict} <= {type(one) for one in v1}


@pytest.mark.parametrize("env", [{}, BOTH_RULE], ids=["v1-rules", "both-rule"])
def test_the_first_plan_is_empty(workbench: Workbench, stage: Stage, env: dict[str, str]) -> None:
    """No action, nothing withheld, no finding, and all was seen; the same where v2's records rule files, too."""
    stage.load(workbench.sandbox)
    done = workbench.run("plan", "--all", "--detailed-exitcode", **env)
    plan = json.loads((workbench.folder / "plan.json").read_text())
    about = {one["location"]: one["reason"] for one in plan["actions"]}
    assert (about, plan["withheld"], plan["findings"]) == ({}, [], [])
    assert (plan["summary"]["complete"], plan["summary"]["assets"]) == (True, len(stage.drafts))
    assert done.returncode == 0, done.stderr
