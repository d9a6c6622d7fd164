"""What a stream of events never says."""

from __future__ import annotations

import io

from indexer.cli.events import EventFile
from indexer.cli.talk import Talk
from indexer.model.event import RunFailed
from shared.builders import NOW


def test_secrets_are_never_written_to_a_stream() -> None:
    """Whatever an error quotes."""
    talk, stream = Talk(io.StringIO()), io.BytesIO()
    talk.hide("mongodb://me:hunter2@host/")
    EventFile(stream, talk)(RunFailed(at=NOW, summary="x", detail="mongodb://me:hunter2@host/ and hunter2"))
    assert b"hunter2" not in stream.getvalue()
    assert b"***" in stream.getvalue()
