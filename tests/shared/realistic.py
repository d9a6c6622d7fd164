"""A hundred records of the shapes that are met in production, with their files as the predecessor wrote them.

Made from a seed, so that a shape has a line here and not a file: what the shapes are, DOMAIN says, and the predecessor's
output and its users' records show. Nothing here imports what decides whether an asset is in step.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer_sandbox.shapes import CORE_FIELDS, LINKS, Asset, Generation, Record, file_bytes, record
from indexer_sandbox.stack import MANAGED_BUCKETS
from indexer_sandbox.stage import Draft, Stage, data_asset, data_asset_id, put_data

ASSETS = 80
"""Every fourth has a record in both generations: a hundred records."""
BEGAN_AT = datetime(2023, 2, 27, 8, 5, 9, tzinfo=UTC)
TIMES = (
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f+00:00",
    "%Y-%m-%dT%H:%M:%S-07:00",
    "%Y-%m-%d %H:%M:%S",
    "",
)
"""With a zone and without, with fractions and without; the empty one stands for null."""
NUMBERS = (0, 1, 1.0, -0.0, 0.1 + 0.2, 1e-7, 1e16, 1e22, 5e-324, 2**31, 2**53 + 1, -(2**63), 2**63 - 1, True)
WORDS = 'Größe 10 µm, 実験 №5 – «naïve» 😀\u2028\u00a0\ttab "quoted" \\ back/slash \x7f'
DOTTED = {
    "experiment1_Node 101#PXI.ProbeA-AP_recording1": {"bad_channels": 3, "snr": 1.0},
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "": "no name",
    "a..b.": [{"$id": "unit", "x.y": 1}, {"$oid": "5f43"}],
}
"""As spike sorting leaves them in `processing`. `$ref` and `$date` are left to the contract suite: the
sandbox's database cannot hold them as they are."""
MODALITIES = (
    "ecephys",
    [{"name": "Extracellular electrophysiology", "abbreviation": "ecephys"}],
    ["ecephys", "behavior-videos"],
    {"name": "Planar optical physiology", "abbreviation": "pophys"},
    [],
    None,
)


def realistic(seed: int = 0) -> Stage:
    """Assets in the first bucket, all in step: a plan has nothing to say of any."""
    stage = Stage(())
    for number in range(ASSETS):
        _add(stage, number, random.Random(f"{seed} {number}"))
    return stage


def records(stage: Stage) -> list[Record]:
    """Those that have a folder of their own, and those beside them."""
    return [one.held() for one in stage.drafts] + [body for _, body in stage.records]


def _add(stage: Stage, number: int, rng: random.Random) -> None:
    at = BEGAN_AT + timedelta(hours=11 * number, microseconds=rng.randrange(10**6))
    both, rules = number % 4 == 3, "v2" if number % 4 == 2 else "v1"
    asset = Asset(
        f"{'SmartSPIM' if number % 5 == 0 else 'ecephys'}_{690000 + number}_{at:%Y-%m-%d_%H-%M-%S}",
        MANAGED_BUCKETS[0],
        generation="v2" if rules == "v2" else "v1",
        platform="SmartSPIM" if number % 5 == 0 else "ecephys",
        data_level=rng.choice(("raw", "derived")),
        subject_id=str(690000 + number),
        acquired_at=at,
    )
    mounts = [data_asset_id("real", asset.location, str(one)) for one in range(rng.choice((0, 1, 1, 2)))]
    stage.data_assets.extend(data_asset(one, asset) for one in mounts)
    stage.drafts.append(_with_files(asset, _body(asset, number, mounts, rng, upgraded=both), rng))
    if both:
        beside = Asset(asset.name, asset.bucket, "v2", asset.platform, asset.data_level, asset.subject_id, at)
        stage.records.append(("v2", _body(beside, number, mounts, rng, upgraded=True)))


def _body(asset: Asset, number: int, mounts: list[str], rng: random.Random, *, upgraded: bool) -> Record:
    """A record of the sandbox's, with what its shapes have no room for."""
    body = record(asset, [])
    body["_id"] = str(data_asset_id(asset.generation, asset.location))
    stem = "" if asset.generation == "v1" else "_"
    for name, days in ((f"{stem}created", 1), (f"{stem}last_modified", 40)):
        form = rng.choice(TIMES)
        body[name] = (asset.acquired_at + timedelta(days=days)).strftime(form) or None
    body["location"] += rng.choice(("", "", "", "/"))
    body[LINKS[asset.generation]] = rng.choice(list(_links(asset.generation, mounts, upgraded=upgraded)))
    body["subject"] = body["subject"] | {
        "notes": WORDS,
        "values": list(NUMBERS),
        "nothing": [None, {}, [], ""],
    }
    name = "modality" if asset.generation == "v1" else "modalities"
    body["data_description"] = body["data_description"] | {name: rng.choice(MODALITIES)}
    if number % 8 == 0:
        body["processing"] = (body["processing"] or {}) | {"parameters": dict(DOTTED)}
    for name in rng.sample(CORE_FIELDS[asset.generation][2:], 2):
        if number % 8 or name != "processing":
            body[name] = None
    return _without_some(body, rng)


def _links(generation: Generation, ids: list[str], *, upgraded: bool) -> Iterator[Any]:
    """Every form in which these ids are named. v1's list beside a record of v2 is the one that is drift: it is left out."""
    yield {"Code Ocean": ids}
    yield {"Code Ocean": ids[::-1], "Dandi": ["000020"], "Other": None}
    if len(ids) == 1:
        yield {"Code Ocean": ids[0]}
    if not ids:
        yield from ({}, None, {"Code Ocean": None}, {"Dandi": "000020"})
    if generation == "v1" and not (upgraded and ids):
        yield [{"Code Ocean": one} for one in ids]
        yield [{"Dandi": "000020"}, {"Code Ocean": ids}]


def _without_some(body: Record, rng: random.Random) -> Record:
    """Older records lack what newer ones have as null."""
    empty = [name for name, value in body.items() if value is None]
    gone = set(rng.sample(empty, len(empty) // 2))
    return {name: value for name, value in body.items() if name not in gone}


def _with_files(asset: Asset, body: Record, rng: random.Random) -> Draft:
    """Core files and the metadata file in the predecessor's bytes, originals of the days on which it first saw them."""
    draft = Draft(asset, body)
    put_data(draft)
    for name in CORE_FIELDS[asset.generation]:
        uploaded = rng.choice((b'{"as": "uploaded"}', b"{broken", b"", file_bytes(body.get(name))))
        if body.get(name) is not None:
            draft.put(draft.key(name), file_bytes(body[name]))
        elif (
            rng.random() < 0.8
        ):  # a field that was taken out, or never was: neither is in need of an original
            continue
        days = rng.sample(range(400), rng.choice((1, 1, 2)))
        for day in (asset.acquired_at + timedelta(days=one) for one in days):
            draft.put(f"{asset.name}/original_metadata/{name}.{day:%Y%m%d}.json", uploaded)
    draft.write_metadata()
    return draft
