"""Can the harness be green when it should not be? Its decisions, without pytest processes."""

from __future__ import annotations

import json

import pytest

from .run import Report, Suite, flaws, judge, read_report

SUITE = Suite(package="sample", version="1", floor=2, timeout=1, tests=("tests",))
CREATED = {"manager": {"original": 1, "ours": 0}}


def report(*outcomes: str, exit_status: int | None = 0) -> Report:
    """Make the report of an undisturbed session whose tests are called a, b, c, ..."""
    named = dict(zip("abcdef", outcomes, strict=False))
    return Report(exit_status, named, created=CREATED)


def test_equal_passes_are_green():
    """Both pass all, and the floor is reached."""
    assert judge(SUITE, report("passed", "passed"), report("passed", "passed")).green


@pytest.mark.parametrize(("outcome", "exit_status"), [("failed", 1), ("skipped", 0)])
def test_what_passes_with_the_original_alone_is_missing(outcome, exit_status):
    """A skip on our side is as red as a failure."""
    ours = report("passed", outcome, exit_status=exit_status)
    verdict = judge(SUITE, report("passed", "passed"), ours)
    assert not verdict.problems
    assert verdict.missing == ["b"]
    assert not verdict.green


def test_a_test_that_ours_never_ran_is_missing():
    """Outcomes are compared by id, not by number."""
    ours = Report(0, {"a": "passed", "z": "passed"}, created=CREATED)
    assert judge(SUITE, report("passed", "passed"), ours).missing == ["b"]


def test_what_fails_with_the_original_alone_is_green():
    """Ours may pass more, and the original's failing test is an exit status of 1 at most."""
    original = report("passed", "passed", "failed", exit_status=1)
    assert judge(SUITE, original, report("passed", "passed", "passed")).green


def test_fewer_passes_than_the_floor_are_red():
    """A selection that has shrunk proves nothing, even if all of it passes."""
    verdict = judge(SUITE, report("passed"), report("passed"))
    assert verdict.problems == ["original: passed 1, fewer than 2"]


def test_ours_alone_must_pass_all_it_does_not_skip():
    """Without an original there is nothing that would excuse a failure."""
    assert judge(SUITE, None, report("passed", "passed", "skipped")).green
    assert judge(SUITE, None, report("passed", "passed", "failed", exit_status=1)).missing == ["c"]
    assert judge(SUITE, None, report("passed")).problems == ["ours: passed 1, fewer than 2"]


@pytest.mark.parametrize("exit_status", [None, -9, 1, 2, 3, 4, 5])
def test_a_process_that_did_not_end_well_is_red_whatever_its_tests_say(exit_status):
    """None: our time limit; negative: a signal; 1: a hang at the exit; more: pytest's troubles."""
    broken = report("passed", "passed", exit_status=exit_status)
    assert flaws(broken)
    assert not judge(SUITE, broken, report("passed", "passed")).green
    assert not judge(SUITE, report("passed", "passed"), broken).green


@pytest.mark.parametrize("exit_status", [0, 1])
def test_a_process_that_leaves_before_its_session_ends_is_red(exit_status):
    """A test that calls os._exit takes the tests after it along."""
    assert flaws(Report(exit_status, {"a": "passed"}, running="b"))


def test_a_complaint_is_red():
    """The plugin complains when nothing was substituted."""
    ours = report("passed", "passed")
    ours.complaints = ["no manager of the ours side was created"]
    assert not judge(SUITE, report("passed", "passed"), ours).green


def test_a_report_that_was_cut_short_names_the_hanging_test():
    """A kill may hit the middle of a line."""
    events = [{"started": "a"}, {"finished": "a", "outcome": "passed"}, {"started": "b"}]
    lines = [*(json.dumps(event) + "\n" for event in events), '{"finis']
    read = read_report(lines, None)
    assert (read.passed, read.running) == ({"a"}, "b")
    assert flaws(read) == ["timed out in b"]
