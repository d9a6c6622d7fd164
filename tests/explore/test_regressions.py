"""Schedules that once showed a fault, each as `make explore` printed it."""

from __future__ import annotations

import pytest

from explore.play import play
from explore.schedule import parse

SCHEDULES = {
    "a field that a curator adds before a redo does": "metadata-retired: redo@3 acts curator-edits-quietly; redo",
    "an asset that both generations hold": "adopted-and-linked: ; undo",
    "an undo of a record that a curator changes just then": "adopted-in-our-bytes: undo@14 acts curator-edits-with-a-date; undo",
    "a run that died, and another that wrote the same": "missing-first: apply@4 power, apply@2 runs overlap; half",
    "a refusal that no room was left for": "original-only: apply@5 full, apply@2 acts predecessor-copies; half",
    "a deletion that somebody else was first to make": "corrupt: apply@1 ignoring, undo@5 acts uploader-removes-originals; undo",
    "a server that knows no conditions": "stale-first: apply@1 ignoring, apply@2 acts uploader-adds-original; undo",
    "a search that lags behind a creation which is undone": "derived-mounted: undo@39 lags; undo",
    "a write by a run that is not at its end": "missing-first: apply@2 runs same, second@6 yields; again",
    "a data asset that an undo cannot find": "derived-mounted: undo@39 hides all; undo",
    "a data asset that no search shows is not archived": "gone-archive: apply@2 hides da-1; again",
    "an archived data asset that cannot be shown to be back": "gone-archive: undo@22 hides da-2; redo",
    "a data asset that a user deletes before its way back": "gone-archive: apply@6 lost, redo@2 acts user-deletes; redo",
    "results that a plan by a wrong clock names all the same": "results: plan@0 clock back; again",
    "a second run of a plan in whose making somebody acted": "unrecorded: plan@0 acts user-archives, apply@0 runs same; again",
    "a second run in the folder of one that goes on": "original-only: apply@0 acts predecessor-copies, apply@4 runs same; both",
    "a second run in the folder of one that dies later": "derived: apply@10 dies, apply@0 runs same, second@0 yields; half",
    "an undo of a run that waits": "adopted-and-linked: apply@12 waits, apply@11 runs undo, second@6 yields; half",
    "an undo of a run that goes on": "results: apply@15 runs undo; redo",
    "an undo of a run that goes on, whose redo dies": "results: redo@0 dies, apply@15 runs undo; redo",
    "an undo of a run beside a curator": "results: apply@17 acts curator-deletes, apply@14 runs undo; both",
    "an undo of a run that goes on, whose redo fails": "derived-linked: redo@7 fails, apply@11 runs undo; redo",
    "an edit under the time of our write, whose look failed": "results: apply@16 fails, apply@15 acts curator-edits-quietly; both",
    "an original under a root file whose write nobody answered": "everything: apply@32 dies, again@0 acts uploader-breaks; both",
    "a mount that the search does not show yet": "adopted-and-linked: apply@4 lags, apply@0 acts user-mounts; both",
    "a batch that died between an intent and its write": "gone-keep: again@0 acts curator-recreates, apply@8 dies; both",
    "two runs that create the same on a server without conditions": "metadata-missing: apply@0 ignoring, apply@4 runs other; both",
    "a proof that goes over another's file": "metadata-stale: apply@0 ignoring, apply@4 acts predecessor-writes-metadata; both",
    "a last write that shows that conditions are ignored": "unrecorded: apply@0 ignoring, undo@3 acts uploader-breaks; half",
    "a second original on a server without conditions": "adopted-lately: redo@0 ignoring, apply@12 runs overlap; redo",
    "a redo on a server without conditions": "metadata-alone-at-first: redo@0 ignoring, apply@6 runs undo; redo",
    "a proof that deletes another's file": "metadata-missing: apply@0 ignoring, undo@3 acts predecessor-writes-metadata; undo",
    "two deletions of one file on a server without conditions": "unrecorded: redo@0 ignoring, apply@3 runs overlap; redo",
    "an upload at the point of a batch at which a run dies": "everything: apply@15 acts uploader-breaks, apply@15 dies; both",
    "two runs that leave the same bytes, of which one dies": "adopted-lately: apply@20 runs other, apply@22 dies; both",
    "a power cut that ends two runs": "repaired: apply@8 power, apply@7 runs overlap, second@8 yields; both",
    "a machine that sleeps between two looks": "unrecorded: apply@4 waits, apply@4 acts curator-edits; redo",
    "two creations by two runs at once": "derived-mounted: apply@3 runs other; undo",
    "a batch that was never sent, for its disk was full": "gone-keep: apply@8 full, apply@4 acts curator-deletes; undo",
    "a batch that was never sent, and another run": "gone-delete: apply@19 full, apply@15 runs other; again",
    "a machine that sleeps between a look and a read": "linked-where-nothing-compares: apply@11 waits, apply@4 acts user-deletes; both",
    "two runs that write behind a time to come": "linked-where-nothing-compares: plan@0 acts curator-edits-with-a-date, apply@3 runs other; again",
    "a machine that sleeps between the last look and a deletion": "corrupt-again: apply@4 acts curator-edits-quietly, apply@5 waits; redo",
    "a second look that fails": "corrupt-again: apply@5 waits, apply@7 fails; again",
    "a second look at a batch that fails": "gone-keep: apply@5 waits, apply@11 fails; again",
    "a machine that sleeps before it archives": "gone-archive: apply@4 acts uploader-adds-data, apply@4 waits; again",
    "a machine that sleeps before a record goes": "gone-keep: apply@5 acts uploader-adds-data, apply@5 waits; again",
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_what_was_found_once_stays_mended(schedule: str) -> None:
    """The schedule, played again, shows nothing."""
    assert list(map(str, play(parse(schedule)).problems)) == []
