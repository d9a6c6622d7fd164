"""Code Ocean through its SDK: its reader and its writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from codeocean import CodeOcean
from codeocean.data_asset import (
    AWSS3Source,
    DataAssetParams,
    DataAssetSearchOrigin,
    DataAssetSearchParams,
    DataAssetType,
    Source,
)
from codeocean.data_asset import DataAsset as Found
from codeocean.error import Error

from indexer.errors import SystemFaultError
from indexer.model.location import Location, mount_location
from indexer.model.snapshot import DataAsset
from indexer.systems.codeocean_client import MAX_SAID, codeocean_faults, in_short

ROWS_A_PAGE = 1_000
HINT_UNREADABLE = "Look at it in Code Ocean, and archive or repair it; its administrators can."


def _data_asset(found: Found) -> DataAsset:
    """Raises ValueError for what the SDK takes and no API sends: it decodes without a look at types."""
    for name in ("id", "name"):
        text = getattr(found, name)
        if not isinstance(text, str):
            raise ValueError(f"the {name} of a data asset is a {type(text).__name__}")
        text.encode("utf-8")
    source = found.source_bucket
    # Not `is True`: a server may leave the flag out. Where it is False the files were copied in, and nothing is mounted.
    external = source is not None and source.external is not False and source.origin == "aws"
    return DataAsset(
        id=found.id,
        name=found.name,
        location=mount_location(source.bucket, source.prefix) if source is not None and external else None,
        state=str(found.state),
        has_computation=bool(found.provenance and found.provenance.computation),
        has_source_bucket=source is not None,
    )


def _readable(
    rows: Sequence[Mapping[str, Any]], seen: set[str]
) -> tuple[tuple[DataAsset, ...], Sequence[str]]:
    """The data assets that were not seen yet, and a line for each that cannot be read."""
    found: dict[str, DataAsset] = {}
    unreadable = []
    for row in rows:
        try:
            one = _data_asset(Found.from_dict(row))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            named = row.get("id") if isinstance(row, dict) else None
            words = str(named or "one without an id")[:MAX_SAID].encode("utf-8", "backslashreplace").decode()
            unreadable.append(f"{words}: {in_short(exc)}")
            continue
        if one.id not in seen:
            found[one.id] = one
    seen.update(found)
    return tuple(found.values()), unreadable


class CodeOceanReader:
    """Searches data assets."""

    def __init__(self, client: CodeOcean) -> None:
        self._client = client

    def mounted(self, *, archived: bool = False) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of all external data assets that are not archived, or of all that are."""
        seen: set[str] = set()
        params = {"origin": DataAssetSearchOrigin.External, "archived": archived}
        yield from self._pages("search external data assets", params, seen)

    def results(self, tags: Iterable[str]) -> Iterator[tuple[DataAsset, ...]]:
        """Pages of the unarchived internal results that carry any of the tags; no result twice."""
        seen: set[str] = set()
        for tag in tags:
            params = {
                "query": f"tag:{tag}",
                "type": DataAssetType.Result,
                "origin": DataAssetSearchOrigin.Internal,
                "archived": False,
            }
            yield from self._pages(f"search results with tag:{tag}", params, seen)

    def exists(self, data_asset_id: str) -> bool:
        """Is there such a data asset, archived or not? Asked by its id, since a search may not show it."""
        what = f"look at the data asset {data_asset_id}"
        try:
            with codeocean_faults(self._client, what):
                row = self._client.session.get(f"data_assets/{quote(data_asset_id, safe='')}").json()
                if row["id"] != data_asset_id:
                    raise ValueError("it is about another one")
        except SystemFaultError as exc:
            if isinstance(exc.__cause__, Error) and exc.__cause__.status_code == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def _pages(self, what: str, params: Mapping[str, Any], seen: set[str]) -> Iterator[tuple[DataAsset, ...]]:
        """All pages of a search. One that has more and gives no new token was cut short, and one that has more and shows
        nothing new goes round in circles: faults, both. `seen` holds what earlier searches showed, too.

        What cannot be read is left out and named in a fault at the end: the search was not whole.
        """
        token: str | None = None
        tokens: set[str] = set()
        here: set[str] = set()
        unreadable: list[str] = []
        while True:
            with codeocean_faults(self._client, what):
                page = self._page(DataAssetSearchParams(limit=ROWS_A_PAGE, next_token=token, **params))
                rows, unread = _readable(page["results"], seen)
                more, token = page.get("has_more"), page.get("next_token")
                if not isinstance(token, str | None):
                    raise TypeError("its next_token is not text")
            unreadable += unread
            # What can be read comes first, and the fault last: results that are there need not wait for a broken one.
            yield rows
            if not more:
                break
            known = len(here)
            here.update(str(row.get("id") if isinstance(row, dict) else row) for row in page["results"])
            if not isinstance(token, str) or not token or token in tokens or len(here) == known:
                raise SystemFaultError(
                    "Code Ocean cut a search short", f"{what} at {self._client.domain}", "Try again later."
                )
            tokens.add(token)
        if unreadable:
            rest = f", and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
            detail = f"{what} at {self._client.domain}: {unreadable[0]}{rest}"
            raise SystemFaultError(
                "Code Ocean shows a data asset that cannot be read", detail, HINT_UNREADABLE
            )

    def _page(self, params: DataAssetSearchParams) -> Mapping[str, Any]:
        """One page, undecoded: the SDK decodes all of a page or nothing of it."""
        page = self._client.session.post("data_assets/search", json=params.to_dict()).json()
        if not isinstance(page, dict) or not isinstance(page["results"], list):
            raise ValueError("it is not a page of a search")
        return page


class CodeOceanWriter:
    """External data assets only."""

    def __init__(self, client: CodeOcean) -> None:
        self._client = client

    def create(self, location: Location, name: str, tags: Sequence[str]) -> DataAsset:
        """Create an external data asset that mounts the location; its files stay on S3."""
        source = AWSS3Source(bucket=location.bucket, prefix=location.prefix, keep_on_external_storage=True)
        params = DataAssetParams(name=name, mount=name, tags=list(tags), source=Source(aws=source))
        try:
            with codeocean_faults(self._client, f"create the data asset {name}"):
                return _data_asset(self._client.data_assets.create_data_asset(params))
        except SystemFaultError as exc:
            # It is sent again only where it was refused for its rate.
            exc.refused = (
                isinstance(exc.__cause__, Error)
                and exc.__cause__.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
            )
            raise

    def archive(self, data_asset_id: str, archive: bool) -> None:
        """Archive, or take that back."""
        with codeocean_faults(self._client, f"archive the data asset {data_asset_id}"):
            self._client.data_assets.archive_data_asset(data_asset_id, archive)

    def delete(self, data_asset_id: str) -> None:
        """Delete for good."""
        with codeocean_faults(self._client, f"delete the data asset {data_asset_id}"):
            self._client.data_assets.delete_data_asset(data_asset_id)
