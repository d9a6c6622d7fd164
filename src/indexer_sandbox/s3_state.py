"""What one S3 server holds: an account of its own in moto's state, which is the process's."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime
from typing import Any

REGION = "us-west-2"

_account_ids = (f"{number:012d}" for number in itertools.count(100000000001))
_preparing = threading.Lock()


class State:
    """The buckets of one server, apart from every other server's in this process.

    What is done here is no request: it is quick and stands in no log.
    """

    def __init__(self) -> None:
        from moto.s3.models import s3_backends

        with _preparing:
            s3_backends.bucket_accounts = _nobody()
            self.account_id = next(_account_ids)
            self._backend: Any = s3_backends[self.account_id]["aws"]

    def create_bucket(self, bucket: str, *, versioned: bool = False) -> None:
        """Make an empty bucket."""
        made = self._backend.create_bucket(bucket, REGION)
        if versioned:
            made.versioning_status = "Enabled"

    def put(self, bucket: str, key: str, body: bytes, last_modified_at: datetime | None = None) -> None:
        """Store an object, as old as it is said to be."""
        stored = self._backend.put_object(bucket, key, body)
        if last_modified_at is not None:
            stored.last_modified = last_modified_at.astimezone(UTC).replace(tzinfo=None)

    def etag(self, bucket: str, key: str, version_id: str | None = None) -> str | None:
        """The ETag, in its quotes, of what is there now; None for nothing or a delete marker."""
        if bucket not in self._backend.buckets:
            return None
        found = self._backend.get_object(bucket, key, version_id=version_id)
        return None if found is None else str(found.etag)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Every object of a bucket as it stands now, by key."""
        keys = sorted(self._backend.get_bucket(bucket).keys)
        live = {key: self._backend.get_object(bucket, key) for key in keys}
        return {key: bytes(stored.value) for key, stored in live.items() if stored is not None}

    def forget(self) -> None:
        """Let go of everything this server held."""
        from moto.s3.models import FakeKey, FakeMultipart

        self._backend.buckets.clear()
        kinds: tuple[Any, ...] = (FakeMultipart, FakeKey)
        for kind in kinds:
            with _preparing:
                known = list(kind.instances_tracked)
                kind.instances_tracked[:] = [thing for thing in known if not self._owns(thing)]
            for thing in known:
                if self._owns(thing):
                    thing.dispose()

    def _owns(self, thing: Any) -> bool:
        return bool(getattr(thing, "account_id", None) == self.account_id)


def _nobody() -> dict[str, Any]:
    """A register of bucket names that stays empty: to moto a name is taken in all accounts at once."""

    class Register(dict[str, Any]):
        def __setitem__(self, name: str, owner: Any) -> None:
            """Forget it."""

    return Register()
