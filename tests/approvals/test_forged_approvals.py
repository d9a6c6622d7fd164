"""A share of the forgeries; `python tests/approvals/forge.py 100000` is all of them."""

from __future__ import annotations

from approvals.forge import BY_RULE, forge


def test_no_forgery_counts_and_every_valid_approval_does() -> None:
    tally = forge(len(BY_RULE) * 40, seed=7)
    assert (tally.counted, tally.lost) == ([], [])
    assert set(tally.tried) == {*BY_RULE, "valid"}
