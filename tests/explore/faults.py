"""Faults that the explorer must find: one-line changes of the applier, the planner and the undo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One changed line."""

    name: str
    module: str
    old: str
    new: str


RECORDS = ("adopted", "adopted-and-linked", "links-removed", "gone-keep", "derived", "types")
FILES = ("adopted", "stale", "stale-first", "corrupt", "repaired", "metadata-stale")
WORLDS_OF: dict[str, tuple[str, ...]] = {
    "indexer.applier.guard": (*FILES, "links-removed", "gone-keep", "derived"),
    "indexer.applier.records": RECORDS,
    "indexer.applier.contents": RECORDS,
    "indexer.applier.evidence": (
        "unrecorded",
        "corrupt",
        "gone-archive",
        "links-removed",
        "results",
        "derived-mounted",
        "metadata-alone-at-first",
        "metadata-retired",
        "adopted-in-our-bytes",
        "adopted",
    ),
    "indexer.runs.plan": ("adopted-lately",),
    "indexer.model.clock": ("adopted-lately",),
    "indexer.model.values": RECORDS,
    "indexer.planner.bucket": ("links-removed", "results", "adopted-and-linked"),
    "indexer.applier.data_assets": ("derived-mounted", "gone-archive"),
    "indexer.applier.objects": (*FILES, "unrecorded", "format"),
}
"""Where a module's faults can show at all; elsewhere: in every world."""
CURATOR, FILES_OF_OTHERS, CODE_OCEAN = "acts curator", "acts (uploader|predecessor)", "acts user"
SLEPT = r"apply@\d+ waits"
SHOWN_BY: dict[str, str] = {
    "an old look will do for a file": rf"corrupt: .*(curator-edits.*{SLEPT}|{SLEPT}.*curator-edits)",
    "an old look will do for a record": rf"gone-keep: .*(uploader-adds-data.*{SLEPT}|{SLEPT}.*uploader-adds-data)",
    "an old look will do for a data asset": rf"gone-archive: .*(uploader-adds-data.*{SLEPT}|{SLEPT}.*uploader-adds-data)",
    "ignored conditions pass for a success": r"ignoring.*undo@\d+ acts uploader",
    "two runs in one folder": "runs same",
    "a run that goes on is taken back": "runs undo",
    "any ETag will do": FILES_OF_OTHERS,
    "other bytes will do": rf"apply@\d+ (lost|dies).*undo@\d+ {FILES_OF_OTHERS}",
    "a new file goes over another": FILES_OF_OTHERS,
    "a changed record is updated": f"apply.*{CURATOR}",
    "a changed record is deleted": f"apply.*{CURATOR}",
    "an insert does not look": "derived: .*apply.*acts curator-registers",
    "contents are not pinned": "apply.*acts (curator|uploader)",
    "a refused put was ours": f"apply.*{FILES_OF_OTHERS}",
    "a put has no condition": FILES_OF_OTHERS,
    "a copy takes what is there": FILES_OF_OTHERS,
    "grounds of files are not looked at": "apply.*acts (uploader|curator)",
    "grounds of records are not looked at": "apply.*acts (uploader|user)",
    "any live record is what we left": CURATOR,
    "updates have no filter": CURATOR,
    "deletions have no filter": CURATOR,
    "a field's value is not what was reviewed": "apply.*acts uploader",
    "a folder that is back does not count": "apply.*acts uploader",
    "a result that is back does not count": f"apply.*{CODE_OCEAN}",
    "mounts are not compared": f"apply.*{CODE_OCEAN}",
    "an original that is gone does not count": "apply.*acts uploader",
    "a record that has the field does not count": f"apply.*{CURATOR}",
    "the last file of a folder may go": "metadata-.*apply.*acts uploader-leaves",
    "a field is taken out beside its original": "adopted.*undo.*acts uploader-adds-original",
    "an original goes without its root file": "undo.*acts uploader-removes",
    "what a write rested on is taken back without it": "purged; (undo|both|redo)",
    "an undo goes on where a step failed": f"undo.*({CURATOR}|{FILES_OF_OTHERS}|fails)",
    "what no search shows is gone": "partial|hides",
    "an empty answer is believed": "^[^@]*plan.*(partial|hides) all",
    "an empty answer of results is believed": "^[^@]*plan.*(partial|hides) all",
    "a write is dated by whatever the clock says": "apply.*clock back",
    "no clock is wrong": "plan.*clock",
    "a lookback rests on a wrong clock": "plan.*clock",
    "any description will do": "apply.*acts uploader",
    "an undo does not look how the record was left": f"undo.*{CURATOR}",
    "refusals are not journalled": "apply.*(acts|runs)",
    "a creation is sent again at once": r"derived-mounted: apply@\d lost",
    "a failed search empties links": r"plan@\d fails",
    "a refusal counts for nothing": "apply.*(acts|runs)",
}
"""Who must act to show it, as a schedule is typed."""


def _in(module: str, *changed: tuple[str, str, str]) -> list[Fault]:
    return [Fault(name, f"indexer.{module}", old, new) for name, old, new in changed]


FAULTS: tuple[Fault, ...] = (
    *_in(
        "applier.guard",
        ("any ETag will do", "            return live.etag == etag", "            return True"),
        ("other bytes will do", "            return sha256(live.body) == digest", "            return True"),
        ("a new file goes over another", "        return stale(\"there is a file now where none was\")", "        return PROCEED"),
        ("a changed record is updated", "            return stale(f\"the record's {field} was changed since the plan\")", "            pass"),
        ("a changed record is deleted", "    if precondition.record is not None and fingerprint(live) != precondition.record:", "    if False:"),
        ("an insert does not look", "    if not live:\n        return PROCEED", "    if True:\n        return PROCEED"),
        ("contents are not pinned", "    return sha256(body) == content.sha256", "    return True"),
    ),
    *_in(
        "applier.journal",
        ("no intent", "        self._add(event=\"intent\", action_id=action_id, at=at.isoformat(), **images)", "        return"),
        ("refusals are not journalled", "        self._add(event=\"refused\", action_id=action_id, at=at.isoformat())", "        return"),
        ("a batch's intents may be lost", "            self._waits.later = False\n        self.sync()", "            self._waits.later = False"),
        ("nothing is durable", "            self._open.sync()", "            pass"),
        ("earlier runs are forgotten", "        self.earlier = read_history(folder, plan_id)", "        self.earlier = History()"),
        ("no outcome", "        self._add(event=\"outcome\", **outcome.model_dump(mode=\"json\", exclude_none=True))", "        return"),
        ("the end is not told", "        self._add(event=\"finished\", at=at.isoformat())", "        return"),
    ),
    *_in(
        "applier.history",
        ("an intent alone counts for nothing", "                self._of(action_id).sent.append((run_id, OurWrite(before, after, sure=False, at=at)))", "                pass"),
        ("a refusal counts for nothing", "            del self.sent[at]", "            pass"),
        ("results of earlier runs are not merged", "        return outcome.model_copy(update={\"before\": writes[-1].before, \"after\": writes[-1].after})", "        return outcome"),
    ),
    *_in(
        "applier.ledger",
        ("what an action rests on may fail", "        return outcome is not None and outcome.status in SUCCEEDED", "        return True"),
        ("images are not kept", "        return BeforeImage(kind=kind, archive=self._archive.keep(body), place=self._place, etag=etag)", "        from indexer.model.values import sha256\n        return BeforeImage(kind=kind, archive=sha256(body), place=self._place, etag=etag)"),
        ("a write has no before-image", "        self._settle(action, \"applied\", detail, before=write.before, after=after, attempts=attempts)", "        self._settle(action, \"applied\", detail, after=after, attempts=attempts)"),
    ),
    *_in(
        "applier.objects",
        ("a put has no condition", '        etag = live.etag if live else None', '        now = self.reader.get(bucket, put.key)\n        etag = now.etag if now else None'),
        ("the intent comes after the write", "        self.ledger.intend(action, self._before(live), AfterImage(key=put.key, sha256=digest))", "        self.writer.put(bucket, put.key, put.body, live.etag if live else None)\n        self.ledger.intend(action, self._before(live), AfterImage(key=put.key, sha256=digest))"),
        ("a refused put was ours", '        if isinstance(answer, PreconditionFailed) and not answer.unsure:\n            self.ledger.refused(action)', '        if isinstance(answer, PreconditionFailed):\n            pass'),
        ("ignored conditions pass for a success", "            self.ledger.failed(action, exc.what, attempts=attempt, written=left)", "            self.ledger.written(action, left, attempts=attempt)"),
        ("grounds of files are not looked at", '        against = _elsewhere(lambda: self.evidence.against(action))', '        against = ""'),
        ("an old look will do for a file", '            if against := _elsewhere(lambda: self.evidence.since(looked_at, action)):', '            if against := "":'),
        ("a file replaced is not kept", "        return self.ledger.kept(\"object\", live.body, live.etag)", "        return BeforeImage(kind=\"absent\")"),
        ("a copy takes what is there", "    if read is None or source.etag not in (None, read.etag):\n        return None\n    return read.body if pinned(action.content, read.body) else None", "    return None if read is None else read.body"),
    ),
    *_in(
        "applier.records",
        ("grounds of records are not looked at", "                if against := self.evidence.against(action):\n                    raise SourceChangedError(against)", "                pass"),
        ("an old look will do for a record", "                founded = [one for one in stamped if self._is_founded(one.action, looked_at)]", "                founded = stamped"),
        ("a record replaced is not kept", "        if one.record:\n            before = self.ledger.kept(", "        if False:\n            before = self.ledger.kept("),
        ("the last-modified field stays", '        write, left = one.at(self.ledger.stamp(replaced), exact=exact)', '        stamp = replaced if isinstance(replaced, str) else self.ledger.stamp(replaced)\n        write, left = one.at(stamp, exact=exact)'),
        ("the intent of a record comes too late", "        self.ledger.intend(one.action, before, left)\n        return _Sent(one.action, write)", "        self.writer.write(one.action.target.generation, [write])\n        self.ledger.intend(one.action, before, left)\n        return _Sent(one.action, write)"),
        ("any live record is what we left", "            if sent is not None and sent.shows_in(_image(one.action, record)):", "            if sent is not None:"),
    ),
    *_in(
        "applier.contents",
        ("updates have no filter", '                unchanged = _unchanged(self.record, held, exact)', '                unchanged: dict[str, Any] = {}'),
        ("deletions have no filter", '                return DeleteOne(record_id, _unchanged(self.record, self.record, exact)), AfterImage()', '                return DeleteOne(record_id, {}), AfterImage()'),
        ("a field's value is not what was reviewed", "        if fingerprint(value) != content.sha256:", "        if False:"),
    ),
    *_in(
        "applier.evidence",
        ("a folder that is back does not count", '            return "" if found.empty else ', '            return "" if True else '),
        ("a result that is back does not count", "            return \"the result is there by now\" if found else \"\"", "            return \"\""),
        ("mounts are not compared", "        if rests_on.mounts is not None and sorted(rests_on.mounts) != self._mounting(location):", "        if False:"),
        ("an original that is gone does not count", "            yield self._file(location, rests_on.original, \"its original is gone by now\")", "            yield \"\""),
        ("a record that has the field does not count", "        return \"\" if found[0].get(lacks.field) is None else", "        return \"\" if True else"),
        ("the last file of a folder may go", "        return \"\" if others else", "        return \"\" if True else"),
        ("a field is taken out beside its original", "            yield self._originals(location, rests_on.no_original)", "            yield \"\""),
        ("an original goes without its root file", "            yield self._file(location, rests_on.root, \"the file that it is the original of is gone by now\")", "            yield \"\""),
        ("any description will do", "            if sha256(read.body) == described", "            if True"),
    ),
    *_in(
        "applier.data_assets",
        ("a creation is sent again at once", "            if not self._comes_to_light(action, location):", "            self.writer.create(location, action.content.name, action.content.tags)\n            if not self._comes_to_light(action, location):"),
        ("an old look will do for a data asset", "        if is_fresh(look.began_at, self.ledger.clock()):\n            return True", "        return True"),
        ("what no search shows is gone", "        if self._asked(lambda: self.reader.exists(target_id)):", "        if False:"),
        ("what mounts already is not looked at", "    there = sorted(one.id for one in found if one.location == location)", "    there: list[str] = []"),
    ),
    *_in(
        "applier.execute",
        ("files before records", "        steps = (self._data_assets, self._records, self._objects)", "        steps = (self._objects, self._records, self._data_assets)"),
    ),
    *_in(
        "planner.undo",
        ("what a write rested on is taken back without it", "                stays |= dict.fromkeys(action.after, stays[action.id])", "                pass"),
        ("an undo goes on where a step failed", "        undone.extend(chain(step for _, step in steps))", "        undone.extend(chain([[one for _, step in steps for one in step]]))"),
        ("an undo goes forwards", "        for action in reversed(asset):", "        for action in asset:"),
    ),
    *_in(
        "planner.inverse",
        ("an undo does not look how the record was left", "    return AsRead(fields={\"location\": location or fingerprint(action.location)}, record=left.sha256)", "    return AsRead(fields={\"location\": location or fingerprint(action.location)})"),
        ("an undo forgets copies", "        case PutObject() | CopyObject():\n            return _restore_file(", "        case CopyObject():\n            raise CannotUndoError(\"no\")\n        case PutObject():\n            return _restore_file("),
        ("an undo leaves added fields", "            unset=tuple(field for field in touched if field not in record),", "            unset=(),"),
    ),
    *_in(
        "planner.desired",
        ("an upload that was not JSON is lost", "            return Decision(copy_root=True, root_gone=True)", "            return Decision(root_gone=True)"),
        ("an upload is not adopted", "            return Decision(copy_root=True, adopt=True, root_from_record=True)", "            return Decision(copy_root=True, root_gone=True)"),
        ("no first original", "            return Decision(root_from_record=True, copy_new=True)", "            return Decision(root_from_record=True)"),
        ("an original is not made", "            return Decision(copy_root=True, root_from_record=True)", "            return Decision(root_from_record=True)"),
        ("a repaired upload is thrown away", "            return Decision(adopt=True, root_from_record=True)", "            return Decision(root_gone=True)"),
        ("an unrecorded file stays", "        case False, _, Held.JSON if there:\n            return Decision(root_gone=True)", "        case False, _, Held.JSON if there:\n            return Decision()"),
    ),
    *_in(
        "planner.asset",
        ("copies before the record", "    return AssetPlan(tuple(chain([updates, *object_steps(files)])), tuple(findings))", "    return AssetPlan(tuple(chain([*object_steps(files), updates])), tuple(findings))"),
        ("nothing rests on anything", "                finished.append(with_id(action.model_copy(update={\"after\": after})))", "                finished.append(with_id(action.model_copy(update={\"after\": ()})))"),
        ("a failed search empties links", "    if not rules.links:\n        return None, ()", "    pass"),
    ),
    *_in(
        "planner.bucket",
        ("an empty answer is believed", "        mounted = mounted.doubted(\"Code Ocean shows no external", "        mounted.doubted(\"Code Ocean shows no external"),
        ("an empty answer of results is believed", "        results = results.doubted(", "        results.doubted("),
    ),
    *_in(
        "model.stamps",
        ("a write is dated by whatever the clock says", "        if before is not None and before >= now:", "        if False:"),
    ),
    *_in(
        "model.clock",
        ("no clock is wrong", "        if at is not None and abs(now - at) > CLOCK_LIMIT", "        if False"),
    ),
    *_in(
        "applier.journal",
        ("the journal leaves out a number", "                self._count += 1", "                self._count += 2"),
    ),
    *_in(
        "runs.apply",
        ("the result does not count its outcomes", "            summary=dict(sorted(Counter(outcome.status for outcome in outcomes).items())),", "            summary={},"),
        ("the result is of another run", "            run_id=run_id,\n            plan_id=plan.plan_id,\n            plan_digest", "            run_id=\"another\",\n            plan_id=plan.plan_id,\n            plan_digest"),
        ("two runs in one folder", "    with held_alone(folder, run_id, started_at) as locks, Journal(", "    with nullcontext(True) as locks, Journal("),
    ),
    *_in(
        "runs.at_rest",
        ("a run that goes on is taken back", "            locks = until_the_end.enter_context(folder.locked(LOCK_FILE))", "            pass"),
    ),
    *_in(
        "runs.plan",
        ("a lookback rests on a wrong clock", "        if scope.lookback_days is not None:\n            raise", "        pass"),
    ),
    *_in(
        "planner.files",
        ("a metadata file is retired that stands alone", " and (steps.roots or not self.folder.lone):", ":"),
        ("a new file's copy rests on nothing", "            steps.roots.append((put, self._copy_new(desire.field, name, desire.content)))", "            steps.roots += [(self._copy_new(desire.field, name, desire.content),), (put,)]"),
    ),
    *_in(
        "planner.links",
        ("other platforms' links are dropped", "    links = {**by_platform(value), CODE_OCEAN: wanted_ids}", "    links = {CODE_OCEAN: wanted_ids}"),
    ),
)  # fmt: skip
