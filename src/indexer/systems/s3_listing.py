"""Listings of one folder through obstore: the same answer as boto3's for a tenth of its CPU, or none at all.

boto3 is asked wherever the answer may not be the same: after any fault (boto3 retries it, and says it in our words),
for an empty answer (deletions may rest on it), for a key that obstore shows otherwise than it is, and for one that ends
with a full page (boto3's reader notices one that was cut short). Source: tests/contract, and LIBRARIES' caveats on obstore.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import CredentialRetrievalError
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import S3Store

from indexer.model.snapshot import Listing, ObjectInfo

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client
    from obstore.store import S3Credential

LOGGER = logging.getLogger("indexer.s3")
FULL_PAGE = 1000
"""Entries that S3 gives at once."""
SLOW_DOWN = re.compile("status code: (503|429) |<Code>SlowDown<")
"""In obstore's words; a name in an address is escaped, so it cannot look like this."""
FAULTS_IN_A_ROW = 8
"""After so many a bucket is boto3's for the rest of the run: another region, a certificate, an addressing style."""
LONGEST_KEY = 1024
"""Bytes that S3 takes for a key."""
TIMEOUT_S = 15
CREDENTIALS_FOR = timedelta(minutes=1)


class FastListing:
    """Lists folders, where it can. Safe for threads."""

    def __init__(self, session: Session, client: S3Client) -> None:
        self._session, self._client = session, client
        self._stores: dict[str, S3Store | None] = {}
        self._faults: dict[str, int] = {}

    def listing(self, bucket: str, prefix: str, *, slowed: Callable[[], None]) -> Listing | None:
        """What is directly under `prefix`; None where boto3 must say. `slowed` is told that S3 asks for less."""
        if len(prefix) > LONGEST_KEY:  # no key of S3's; obstore would panic over the length of the address
            return None
        if bucket not in self._stores:
            self._stores[bucket] = self._opened(bucket)
        store = self._stores[bucket]
        if store is None:
            return None
        LOGGER.debug("LIST s3://%s/%s", bucket, prefix)
        try:
            found: Any = store.list_with_delimiter(prefix)
        except (InvalidPathError, ValueError):  # a name that only boto3 can take; says nothing of the bucket
            return None
        except CredentialRetrievalError:  # boto3 says it
            return None
        except BaseError as exc:
            if SLOW_DOWN.search(str(exc)):
                slowed()
            else:
                self._note_fault(bucket)
            return None
        self._faults[bucket] = 0
        return _same(prefix, found["objects"], found["common_prefixes"])

    def _note_fault(self, bucket: str) -> None:
        self._faults[bucket] = self._faults.get(bucket, 0) + 1
        if self._faults[bucket] >= FAULTS_IN_A_ROW:
            self._stores[bucket] = None

    def _opened(self, bucket: str) -> S3Store | None:
        """A store under the client's own endpoint, region and credentials; None where there are none."""
        meta = self._client.meta
        if self._session.get_credentials() is None:
            return None
        with suppress(BaseError, ValueError, AttributeError):
            return S3Store(
                bucket,
                endpoint=meta.endpoint_url,
                region=meta.region_name,
                virtual_hosted_style_request=False,
                credential_provider=self._credentials,
                client_options={
                    "allow_http": meta.endpoint_url.startswith("http://"),
                    "timeout": timedelta(seconds=TIMEOUT_S),
                    "connect_timeout": timedelta(seconds=5),
                },
                retry_config={"max_retries": 0},
            )
        return None

    def _credentials(self) -> S3Credential:
        """Those of the session, asked for anew each minute: roles expire."""
        credentials = self._session.get_credentials()
        if credentials is None:
            raise ValueError("the credentials are gone")
        found = credentials.get_frozen_credentials()
        return {
            "access_key_id": str(found.access_key),
            "secret_access_key": str(found.secret_key),
            "token": found.token,
            "expires_at": datetime.now(UTC) + CREDENTIALS_FOR,
        }


def _same(prefix: str, objects: list[Any], folders: list[str]) -> Listing | None:
    """The listing, where boto3 would say the same: its keys lie under the prefix, and it does not end with a page.

    At the end of a page (none at all counts as one) it may have been cut short, which obstore would not notice.
    """
    if (len(objects) + len(folders)) % FULL_PAGE == 0:
        return None
    listed = []
    for one in objects:
        key, etag = one["path"], one["e_tag"]
        if not etag or not key.startswith(prefix):
            return None
        listed.append(ObjectInfo(key, etag.strip('"'), one["size"], one["last_modified"]))
    if not all(one.startswith(prefix) for one in folders):
        return None
    return Listing(tuple(listed), tuple(one.removeprefix(prefix) for one in folders))
