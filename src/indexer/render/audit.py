"""An audit as text: for people who must answer who deleted this, who allowed it, and whether it can be had back."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.model.audit import Audit, AuditedApproval, AuditedLoss, AuditedRun, ImageState, SignatureState
from indexer.render.of_approvals import accepted_words
from indexer.render.paint import Paint
from indexer.render.safe import safe
from indexer.render.words import counted

LISTED = 20
"""So many faults are shown one by one."""
SIGNED: dict[SignatureState, tuple[str, str]] = {
    "good": ("signature verified", "green"),
    "unknown": ("signature not verified: no such key here", "yellow"),
    "bad": ("SIGNATURE IS NOT GOOD", "alarm"),
}
IMAGES: dict[ImageState, tuple[str, str]] = {
    "kept": ("can be had back", "green"),
    "missing": ("CANNOT BE HAD BACK: what was there is not kept", "alarm"),
    "nothing": ("nothing was there", "dim"),
}


def audit_lines(found: Audit, paint: Paint) -> Iterator[str]:
    """All of it, what is wrong first."""
    if found.plan_id:
        yield safe(f"Plan {found.plan_id} in {found.place}, sha256 {found.plan_digest}")
    yield from (_run(one) for one in found.runs)
    yield from (_approval(one, paint) for one in found.approvals)
    wrong = [paint(safe(f"  {one.about}: {one.detail}"), "red") for one in found.faults[:LISTED]]
    if len(found.faults) > LISTED:
        wrong.append(f"  and {len(found.faults) - LISTED:,} more: --format json has all")
    yield from _titled("What is wrong", wrong, paint)
    yield from _titled(
        "What it took away", [line for one in found.losses for line in _loss(one, paint)], paint
    )
    yield from _titled("What nobody can tell from it", [f"  {safe(one)}" for one in found.notes], paint)
    yield from _titled("What no audit can show", [f"  {one}" for one in found.cannot_show], paint)


def audit_headline(found: Audit) -> str:
    """The verdict in one sentence."""
    looked = f"{counted(found.written, 'write')}, {counted(found.images, 'before-image')}"
    if found.holds:
        return f"It holds: {looked}, journal and result agree, and so does the plan."
    return f"IT DOES NOT HOLD: {counted(len(found.faults), 'fault')}. {looked} looked at."


def _titled(title: str, lines: list[str], paint: Paint) -> Iterator[str]:
    if lines:
        yield from ("", paint(title, "bold"), *lines)


def _run(one: AuditedRun) -> str:
    begun = f"{one.started_at:%Y-%m-%d %H:%M:%S} UTC" if one.started_at else "at a time that cannot be read"
    ended = f"to {one.ended_at:%H:%M:%S}" if one.ended_at else "and did not say that it ended"
    by = f", applied by {one.applied_by} (their word)" if one.applied_by else ""
    waived = f", {one.waived}" if one.waived else ""
    return safe(f"Run {one.run_id[:8]} began {begun} {ended}{by}{waived}")


def _approval(one: AuditedApproval, paint: Paint) -> str:
    words, style = SIGNED[one.signature]
    return f"{safe(accepted_words(one.approval))} · {paint(words, style)}"


def _loss(one: AuditedLoss, paint: Paint) -> Iterator[str]:
    when = f"{one.at:%Y-%m-%d %H:%M:%S} UTC" if one.at else "at an unknown time"
    sure = "" if one.sure else ", or perhaps not: the answer was lost"
    yield f"  {paint('-', 'red')} {safe(f'{one.action} {one.target} of {one.location}')}"
    words, style = IMAGES[one.image]
    kept = f" ({one.archive[:12]}…)" if one.archive else ""
    allowed = f"allowed by {', '.join(one.allowed_by)}" if one.allowed_by else "nobody's approval is recorded"
    yield f"      {safe(f'{one.reason} · {when}{sure} · {allowed}')} · {paint(words, style)}{safe(kept)}"
