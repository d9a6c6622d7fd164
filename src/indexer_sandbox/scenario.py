"""What was seeded where, and what a plan must say about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """One asset that is out of step, or that looks as if it were."""

    name: str
    """Unique, for example `core-file-stale` or `row-no-yes-yes`."""
    location: str
    """The asset's location without a trailing slash; the record's own text where that is no usable
    location, empty where it has none."""
    reasons: tuple[str, ...] = ()
    """Reasons that must occur among the plan's actions for this location, `a|b` where either will do;
    empty: no action at all."""
    findings: tuple[str, ...] = ()
    """Kinds of finding that must be there for this location, or for `record_id` where that is set. A raw
    folder may be counted instead."""
    record_id: str = ""
    """The record it is about, where it is about one that no location leads to."""

    def all_reasons(self) -> frozenset[str]:
        """Every reason that may occur here, alternatives included."""
        return frozenset(reason for entry in self.reasons for reason in entry.split("|"))


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a sandbox holds after `seed`."""

    scenarios: tuple[Scenario, ...]
    in_step: tuple[str, ...]
    """Locations of the assets for which a plan has neither an action nor a finding."""

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name; KeyError when there is none."""
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        raise KeyError(name)

    def location(self, name: str) -> str:
        """Where the scenario of that name is."""
        return self.scenario(name).location

    def with_reason(self, reason: str) -> tuple[str, ...]:
        """The locations where a plan must give this reason, or may where another would do."""
        return tuple(scenario.location for scenario in self.scenarios if reason in scenario.all_reasons())

    def with_finding(self, finding: str) -> tuple[str, ...]:
        """The locations where a plan must make this finding; records without a location are left out."""
        return tuple(
            scenario.location
            for scenario in self.scenarios
            if finding in scenario.findings and scenario.location
        )
