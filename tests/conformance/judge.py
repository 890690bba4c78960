"""
Does a suite's run with ours pass what its run with the original passed?

Reports are compared by test id with the record of the original, which is kept in `originals/`. A
test that the original passes and ours does not is missing, unless the suite lists it as a
difference of policy; such a difference that passes is told as well, so that the list stays short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """How one process of a suite went."""

    exit_status: int | None  # None: killed at the time limit
    outcomes: dict[str, str] = field(default_factory=dict)  # id -> "passed", "failed", "skipped"
    durations: dict[str, float] = field(default_factory=dict)  # id -> seconds
    running: str = ""  # the test that had begun and not ended
    created: dict[str, dict[str, int]] = field(default_factory=dict)  # set when the session ends
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def passed(self) -> set[str]:
        """The ids of the tests that passed."""
        return {test for test, outcome in self.outcomes.items() if outcome == "passed"}


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What ours has to do.

    Attributes:
        passed: The ids of the selected tests that pass with the original.
        floor: Fewer of these mean that the comparison proves nothing.
        differences: Ids that need not pass, each with its reason.
    """

    passed: frozenset[str]
    floor: int = 1
    differences: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of ours says: green when nothing is missing and nothing is wrong."""

    missing: list[str]  # ids that had to pass with ours and did not
    problems: list[str]  # why the outcomes mean less than they seem to

    @property
    def green(self) -> bool:
        """Whether ours did all that the original does."""
        return not self.missing and not self.problems


def read_report(lines: Iterable[str], exit_status: int | None) -> Report:
    """Read what `plugin.py` wrote; a last line that a kill cut short is passed over."""
    report = Report(exit_status)
    for line in lines:
        if not line.endswith("\n"):
            break
        match json.loads(line):
            case {"started": test}:
                report.running = test
            case {"finished": test, "outcome": outcome, "seconds": seconds}:
                report.outcomes[test], report.durations[test] = outcome, seconds
                report.running = ""
            case {"created": created, "complaints": complaints, "seconds": seconds}:
                report.created, report.complaints, report.seconds = created, complaints, seconds
            case event:
                raise ValueError(f"plugin.py writes no such event: {event}")
    return report


def judge(expected: Expected, ours: Report) -> Verdict:
    """Compare ours with what is expected of it."""
    problems = flaws(ours)
    if len(expected.passed) < expected.floor:
        problems.append(f"the original passes {len(expected.passed)}, fewer than {expected.floor}")
    for test in sorted(expected.differences.keys() & ours.passed):
        problems.append(f"listed as a difference, and yet passed: {test}")
    required = expected.passed - expected.differences.keys()
    return Verdict(sorted(required - ours.passed), problems)


def flaws(report: Report) -> list[str]:
    """Say why a process's outcomes are not to be trusted. Failing tests are no such reason."""
    where = f"in {report.running}" if report.running else "outside its tests"
    if report.exit_status is None:
        return [f"timed out {where}"]
    if not report.created:
        return [f"broke {where}, with exit status {report.exit_status}"]
    failed = "failed" in report.outcomes.values()
    if report.exit_status == int(failed):
        return list(report.complaints)
    tests = "although no test failed" if not failed else "and not because tests failed"
    return list(report.complaints) or [f"ended with exit status {report.exit_status}, {tests}"]
