"""Group the systems' rows by location, and decide which locations this plan looks at.

Source: DOMAIN, "Desired state of one asset", "Around it".
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter

from indexer.model.generation import GENERATIONS
from indexer.model.ids import id_in_plan
from indexer.model.links import InvalidLinksError
from indexer.model.location import NO_FOLDER, Location, matches_any, parse_location
from indexer.model.plan import Finding, Measures, Scope
from indexer.model.snapshot import Asset, DataAsset, RecordRow
from indexer.model.values import HiddenTypeError, UnserialisableError, read_time
from indexer.planner.light_rows import HeldRow, light_rows, shown_row
from indexer.planner.links import desired_links, holds_links, is_upgraded, links_invalid

MAX_SHOWN = 200
"""Characters of an id or a value in a finding."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which assets of a bucket a plan looks at."""

    since: datetime | None = None
    """Only records last modified since then; None: of any age."""
    globs: tuple[str, ...] = ()
    """The prefix, or the whole location, must match one of them; empty: every asset."""

    excluded: tuple[str, ...] = ()
    """The prefix, or the whole location, must match none of them."""

    def matches(self, location: Location) -> bool:
        """Does the location pass the globs?"""
        wanted = not self.globs or matches_any(str(location), self.globs)
        return wanted and not matches_any(str(location), self.excluded)

    def recent(self, row: RecordRow) -> bool:
        """Is the record within the lookback? Missing, null and unreadable times count as recent."""
        at = read_time(row.modified)
        return self.since is None or at is None or at >= self.since


def window(now: datetime, scope: Scope) -> Window:
    """The scope's window, which ends now."""
    try:
        since = None if scope.lookback_days is None else now - timedelta(days=scope.lookback_days)
    except OverflowError:  # further back than there are dates
        since = None
    return Window(since, scope.assets, scope.exclude)


@dataclass(frozen=True, slots=True)
class Joined:
    """One bucket's locations, and what is wrong with its records' locations.

    The assets are put together anew each time they are asked for: a million of them would fill the memory.
    """

    count: int
    """Assets in scope."""
    measures: Measures
    """What limits are measured against."""
    findings: tuple[Finding, ...]
    matched: frozenset[str]
    """The globs that match a folder or a record here, of any age: the others may be mistyped."""
    assets: Callable[[], Iterator[Listed]]
    """In scope, sorted by location; folders and bodies not read yet."""


Listed = tuple[Asset, bool]
"""An asset, and whether the bucket's listing shows it."""


def join(
    bucket: str,
    rows: Iterable[RecordRow],
    prefixes: Iterable[str],
    data_assets: Mapping[Location, tuple[DataAsset, ...]],
    within: Window,
    links: bool,
) -> Joined:
    """Group one bucket's rows by location.

    In scope is what passes the globs and has a recent record, or one whose links this plan changes, or no record at all.
    A record that a plan changes is in scope whole, however old; `links` says whether links are kept in step. Two records
    of one collection with one location are a finding and nothing else, as is a record that no plan can name. Links that
    cannot be read are found at any age. S3 sorts prefixes with their trailing slash and DocDB without: everything is
    sorted again here, by location.
    """
    generations, findings = _usable_rows(bucket, rows, within)
    matched: set[str] = set()
    listed = sorted(prefix for prefix in prefixes if prefix not in NO_FOLDER and "/" not in prefix)
    linked = 0

    def assets(found: list[Finding] | None = None) -> Iterator[Listed]:
        nonlocal linked
        for prefix, held, there in _merged(_by_prefix(generations), listed):
            location = Location(bucket, prefix)
            if found is not None:
                # Before any is left out: a glob that is overruled by another is not mistyped.
                matched.update(_matching(location, within, matched))
            if not within.matches(location):
                continue
            if found is not None:
                linked += sum(map(holds_links, held))
            asset = Asset(location, held, data_assets=data_assets.get(location, ()))
            in_scope, wrong = _in_scope(asset, within, links)
            if found is not None:
                found.extend(wrong)
            if in_scope:
                yield asset, there

    # A first pass for counts and findings; the second one, when assets are planned, holds one asset at a time.
    sizes = array("b", (len(asset.rows) for asset, _ in assets(findings)))
    measures = Measures(records=sum(sizes), assets=len(sizes) - sizes.count(0), linked_records=linked)
    return Joined(len(sizes), measures, tuple(findings), frozenset(matched), assets)


def _usable_rows(
    bucket: str, rows: Iterable[RecordRow], within: Window
) -> tuple[list[list[HeldRow]], list[Finding]]:
    """The bucket's rows by generation and prefix, and what is wrong with the locations of others."""
    usable = {generation: _Usable() for generation in sorted(GENERATIONS)}
    findings = []
    for held in light_rows(rows).held:
        row = shown_row(held)
        location = parse_location(row.location)
        if location is not None and location.bucket == bucket:
            usable[row.generation].add(location.prefix, held)
        # Without a location no glob can match it: whoever asked for some assets did not ask for this one.
        elif within.recent(row) and not within.globs:
            findings.append(_invalid(row))
    return [one.in_order() for one in usable.values()], findings


def _matching(location: Location, within: Window, matched: Collection[str]) -> Iterator[str]:
    """The globs that match the location, but for those that are known to match something."""
    for glob in (*within.globs, *within.excluded):
        if glob not in matched and matches_any(str(location), (glob,)):
            yield glob


def _prefix_of(row: RecordRow) -> str:
    location = parse_location(row.location)
    return location.prefix if location else ""


PrefixedRow = tuple[str, RecordRow]


def _prefixed(held: Iterable[HeldRow]) -> Iterator[PrefixedRow]:
    for row in map(shown_row, held):
        yield _prefix_of(row), row


@dataclass(slots=True)
class _Usable:
    """One generation's rows with a usable location. DocDB has them by prefix, but for those with a slash."""

    held: list[HeldRow] = field(default_factory=list)
    last: str = ""
    ordered: bool = True

    def add(self, prefix: str, held: HeldRow) -> None:
        """The next row."""
        self.held.append(held)
        self.ordered = self.ordered and self.last <= prefix
        self.last = prefix

    def in_order(self) -> list[HeldRow]:
        """The rows by prefix; to sort takes as much room as to hold them."""
        if self.ordered:
            return self.held
        return sorted(self.held, key=lambda one: _prefix_of(shown_row(one)))


def _by_prefix(generations: Iterable[list[HeldRow]]) -> Iterator[PrefixedRow]:
    """All rows by prefix, v1's first."""
    return merge(*map(_prefixed, generations), key=itemgetter(0))


def _merged(
    rows: Iterable[PrefixedRow], listed: Iterable[str]
) -> Iterator[tuple[str, tuple[RecordRow, ...], bool]]:
    """Each prefix once, in order, with its rows, and whether it is listed. Both are sorted by prefix."""
    folders = (prefix for prefix, _ in groupby(listed))
    folder = next(folders, None)
    for prefix, group in groupby(rows, key=itemgetter(0)):
        while folder is not None and folder < prefix:
            yield folder, (), True
            folder = next(folders, None)
        there = folder == prefix
        yield prefix, tuple(row for _, row in group), there
        if there:
            folder = next(folders, None)
    while folder is not None:
        yield folder, (), True
        folder = next(folders, None)


def _in_scope(asset: Asset, within: Window, links: bool) -> tuple[bool, tuple[Finding, ...]]:
    """Is the asset in scope; and what is wrong with one that is not?"""
    alone = (*_duplicates(asset.location, asset.rows), *_unnameable(asset))
    if alone:
        return False, alone
    if not asset.rows or any(map(within.recent, asset.rows)):
        return True, ()
    return _relinked(asset) if links else (False, ())


def _relinked(asset: Asset) -> tuple[bool, tuple[Finding, ...]]:
    """Do the links of any of the asset's records differ from what Code Ocean mounts there?

    Where none does, also what is wrong with those that cannot be read.
    """
    wanted = [one.id for one in asset.data_assets]
    wrong: list[Finding] = []
    for row in asset.rows:
        try:
            if desired_links(row.links, wanted, upgraded=is_upgraded(asset, row)) is not None:
                return True, ()
        except InvalidLinksError as exc:
            wrong.append(links_invalid(asset.location, exc))
    return False, tuple(wrong)


def _unnameable(asset: Asset) -> Iterator[Finding]:
    """An `_id` that no plan can name: nothing that a plan says of the asset could be told from other records."""
    for row in asset.rows:
        # Nearly all are UUIDs as text, and any text can be named: the check is for the rest.
        if isinstance(row.id, str):
            continue
        try:
            id_in_plan(row.id)
        except UnserialisableError as exc:
            otherwise = "plan over the wire" if isinstance(exc, HiddenTypeError) else "give it another"
            why = f"no plan can name its `_id` ({exc}); {otherwise}"
            detail = f"{row.generation} record {show_id(row)}: {why}"
            yield Finding(kind=exc.finding, location=str(asset.location), detail=detail)


def _invalid(row: RecordRow) -> Finding:
    written = "none" if row.location is None else as_shown(row.location)
    return Finding(
        kind="location-invalid", detail=f"{row.generation} record {show_id(row)}: location {written}"
    )


def _duplicates(location: Location, rows: Sequence[RecordRow]) -> Iterator[Finding]:
    for generation in GENERATIONS:
        same = [row for row in rows if row.generation == generation]
        if len(same) > 1:
            ids = ", ".join(sorted(map(show_id, same)))
            yield Finding(
                kind="location-duplicate",
                location=str(location),
                detail=f"{len(same)} {generation} records have this location: {ids}",
            )


def show_id(row: RecordRow) -> str:
    """A record's id, for people."""
    return row.id[:MAX_SHOWN] if isinstance(row.id, str) else as_shown(row.id)


def as_shown(value: object) -> str:
    """Any value of a record, for people; a text may be megabytes long."""
    return repr(value[:MAX_SHOWN] if isinstance(value, str) else value)[:MAX_SHOWN]
