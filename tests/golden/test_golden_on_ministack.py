"""A few golden cases on an S3 server that nobody here wrote; `make peers` runs all of them, and on one more."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature

import pytest

from indexer_sandbox.s3 import S3Server
from peers.golden_on_peer import PeerSystems, run, systems_on
from peers.servers import PeerS3

SAMPLE = (
    "combo_subject_r1f0c0",  # an original is made
    "combo_subject_r1f1c1_diff",  # a file is replaced
    "combo_subject_r1f0c1",  # a file is deleted
    "deregister_prefix_gone",
    "s3sync_derived_registered",
)


@pytest.fixture(scope="module")
def systems(ministack: PeerS3) -> Iterator[PeerSystems]:
    with systems_on(ministack) as running:
        yield running


@pytest.mark.parametrize("name", SAMPLE)
def test_reaches_the_recorded_end_state(name: str, systems: PeerSystems) -> None:
    """`plan` writes nothing, `apply` reaches the end state byte for byte, and both again find nothing to do."""
    outcome = run(name, systems)
    assert (outcome.left_out, outcome.problems) == ("", ())


@pytest.mark.parametrize("method", ["create_bucket", "put", "objects"])
def test_the_seed_and_the_story_find_what_the_sandbox_has(method: str) -> None:
    """They are played on both servers, and no type says so."""
    of_peer, of_sandbox = (signature(getattr(one, method)).parameters for one in (PeerS3, S3Server))
    assert {name: one.kind for name, one in of_sandbox.items()}.items() <= {
        name: one.kind for name, one in of_peer.items()
    }.items()
