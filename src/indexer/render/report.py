"""What is to be told of a plan, a result, a comparison or a verdict: made once for each, shown by every format.

Other people's text stands here as it came: each format has one place where it is made harmless. What a group holds
is made while it is read, each time anew, so that a plan of a hundred thousand actions is never held twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Literal

from indexer.model.action import Action
from indexer.model.content import Change
from indexer.model.drift import RuleUse
from indexer.model.outcome import Outcome, Status
from indexer.model.plan import Finding
from indexer.model.vocabulary import Word
from indexer.model.whole import Whole

State = Literal["calm", "todo", "loud"]
Holds = Literal["action", "outcome", "finding", "rule"]
Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """What nobody may overlook: the reader would take the report for the whole truth."""

    title: str
    """What is wrong, a sentence; it may be empty where `words` say it all."""
    words: str
    """What follows from it, as it stands after the title."""
    lines: tuple[str, ...] = ()
    told: bool = False
    """The groups say it too: a format that shows them at once says it no second time."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of the subject as a whole."""

    name: str
    value: str
    brief: str = ""
    """The same among others on one line; empty where it does not belong there."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command to type next, and what it is for."""

    command: str
    why: str


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What was read, or should have been."""

    system: str
    what: str
    complete: bool
    count: int
    why: str = ""
    told: str = ""
    """An incomplete one in one line, with what to do about it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One row of a table: how many there are of each column."""

    reason: str
    counts: tuple[int, ...]
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Counts by reason, or by bucket and reason; sorted."""

    split: str
    """What the columns tell apart."""
    columns: tuple[tuple[str, str], ...]
    """Their names and styles."""
    rows: tuple[Tally, ...]
    summed: bool = True
    """Does a sum of all rows say anything?"""

    @property
    def totals(self) -> tuple[int, ...]:
        """The sum of each column."""
        return tuple(sum(row.counts[at] for row in self.rows) for at in range(len(self.columns)))


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a group: an action, what came of one, a finding or a rule."""

    of: Action | Outcome | Finding | RuleUse
    """For formats that programs read. What came of an action has the action here, where its plan is at hand."""
    text: str
    mark: str = ""
    """One or two words before the text, in a style of their own."""
    style: str = ""
    why: str = ""
    tries: str = ""
    loses: str = ""
    """What goes with a deletion: a reviewer must see it before anything else of it."""
    small: str = ""
    changes: Sequence[Change] = ()
    omitted: int = 0
    """So many differences are not among `changes`."""
    whole: Callable[[], Whole] | None = None
    """All of the difference, instead of `changes`; read when it is shown, and held no longer."""
    was: str = ""
    """The small print of what it was in an older plan."""
    facts: tuple[str, ...] = ()
    status: Status | None = None
    withheld: str = ""
    """What holds it back."""
    expected: str = ""
    """The rule that expects it."""

    @property
    def action(self) -> Action | None:
        """The action that it is, or of which it tells what came of it."""
        return None if isinstance(self.of, Outcome | Finding | RuleUse) else self.of


@dataclass(frozen=True, slots=True)
class Section:
    """Entries of one asset, or findings of one kind; all of a group where there is no head."""

    entries: Iterable[Entry]
    head: str = ""
    style: str = "bold"
    count: int | None = None
    """It is said where there may be more than are listed."""
    only_counted: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that belong together, and how much of them a reader must see."""

    holds: Holds
    count: int
    sections: Callable[[], Iterable[Section]]
    name: str = ""
    """One word for it, where it counts beside what the table counts."""
    title: str = ""
    words: str = ""
    """What the title means for the reader."""
    style: str = "bold"
    intro: tuple[str, ...] = ()
    way_out: str = ""
    brief: str = ""
    """All of it in a few words, where a screen has no room for more."""
    noun: str = ""
    """What is counted where the group is folded, with the others of that noun; empty: it is not shown there."""
    tail: str = ""
    """What follows the noun."""
    word: str = ""
    """What tells its entries from those of a group with the same noun."""
    opened: bool = False
    nested: bool = False
    """Its sections are part of a list, not headings of their own."""
    first: tuple[Entry, ...] = ()
    """The most telling entries, for a reader who only looks at some."""
    only_first: bool = False
    """A log has room for no others."""
    most: int | None = None
    """A log has room for so many."""
    rank: int = 0
    """The lowest comes first where not all can be seen."""
    urgent: bool = False
    """Without success: somebody has to do something."""
    level: Level | None = None
    """How the gate takes it."""
    quiet: bool = False
    """A rule expects it: it is there for programs."""

    @property
    def entries(self) -> Iterator[Entry]:
        """All of them, whatever section they are in."""
        return chain.from_iterable(section.entries for section in self.sections())


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told of one subject."""

    title: tuple[tuple[str, str], ...]
    """What it is, as on a command line: words, each with an id or none."""
    headline: str
    """How it is, in one sentence."""
    state: State
    at: datetime
    name: str = ""
    """What it is, for a reader; empty where the headline says it."""
    mark: str = ""
    """A sign of how it is, where a glance must do."""
    made: str = ""
    """When, and by what."""
    style: str = "bold"
    alarms: tuple[Alarm, ...] = ()
    notes: tuple[str, ...] = ()
    table: Table | None = None
    foot: str = ""
    """What the folded groups would say below the table."""
    groups: tuple[Group, ...] = ()
    facts: tuple[Fact, ...] = ()
    reads: tuple[ReadRow, ...] = ()
    steps: tuple[Step, ...] = ()
    words: tuple[Word, ...] = ()
    """Those of ours that are used in it."""
    shown_by: str = ""
    """The command that shows the whole subject, to which filters can be added; empty where it is not known."""
    applied_by: str = ""
    """The command that applies it, to which --only can be added; empty where that would choose from something else."""
    tool_version: str = ""
    exit_code: int = 0

    @property
    def by_weight(self) -> list[Group]:
        """The groups as a list needs them that may be cut: rules, of which there are few, then actions; expected last."""
        order: tuple[Holds, ...] = ("rule", "action", "outcome", "finding")
        return sorted(self.groups, key=lambda one: (order.index(one.holds), one.quiet))
