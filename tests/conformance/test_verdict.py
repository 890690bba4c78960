"""Can the harness be green when it should not be? Its decisions, without pytest processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest

from . import run
from .judge import Expected, Report, flaws, judge, read_report
from .plugin import PORTS, port_chooser, tally, wrong_classes
from .suites import SUITES, Suite

CREATED = {"manager": {"original": 0, "ours": 1}}
EXPECTED = Expected(frozenset({"a", "b"}))
SUITE = Suite(
    package="sample", version="1", floor=2, timeout=1, tests=("tests",), slow=("b",), differences={}
)


def report(*outcomes: str, exit_status: int | None = 0) -> Report:
    """Make the report of an undisturbed session whose tests are called a, b, c, ..."""
    named = dict(zip("abcdef", outcomes, strict=False))
    return Report(exit_status, named, created=CREATED)


def test_equal_passes_are_green():
    """Ours passes all that the original does."""
    assert judge(EXPECTED, report("passed", "passed")).green


@pytest.mark.parametrize(("outcome", "exit_status"), [("failed", 1), ("skipped", 0)])
def test_what_passes_with_the_original_alone_is_missing(outcome, exit_status):
    """A skip on our side is as red as a failure."""
    verdict = judge(EXPECTED, report("passed", outcome, exit_status=exit_status))
    assert not verdict.problems
    assert verdict.missing == ["b"]
    assert not verdict.green


def test_a_test_that_ours_never_ran_is_missing():
    """Outcomes are compared by id, not by number."""
    ours = Report(0, {"a": "passed", "z": "passed"}, created=CREATED)
    assert judge(EXPECTED, ours).missing == ["b"]


def test_what_the_original_does_not_pass_is_not_asked_for():
    """Ours may fail there, which is an exit status of 1, or pass more."""
    assert judge(EXPECTED, report("passed", "passed", "failed", exit_status=1)).green
    assert judge(EXPECTED, report("passed", "passed", "passed")).green


def test_fewer_passes_than_the_floor_are_red():
    """A selection that has shrunk proves nothing, even if all of it passes."""
    expected = Expected(frozenset({"a"}), floor=2)
    verdict = judge(expected, report("passed"))
    assert verdict.problems == ["the original passes 1, fewer than 2"]
    assert not verdict.green


def test_a_difference_of_policy_is_not_missing_and_may_not_go_stale():
    """What is listed need not pass; once it does, the list is wrong."""
    expected = Expected(EXPECTED.passed, differences={"b": "as the design says"})
    assert judge(expected, report("passed", "failed", exit_status=1)).green
    verdict = judge(expected, report("passed", "passed"))
    assert verdict.problems == ["listed as a difference, and yet passed: b"]


@pytest.mark.parametrize("exit_status", [None, -9, 1, 2, 3, 4, 5])
def test_a_process_that_did_not_end_well_is_red_whatever_its_tests_say(exit_status):
    """None: our time limit; negative: a signal; 1: a hang at the exit; more: pytest's troubles."""
    broken = report("passed", "passed", exit_status=exit_status)
    assert flaws(broken)
    assert not judge(EXPECTED, broken).green


@pytest.mark.parametrize("exit_status", [0, 1])
def test_a_process_that_leaves_before_its_session_ends_is_red(exit_status):
    """A test that calls os._exit takes the tests after it along."""
    assert flaws(Report(exit_status, {"a": "passed"}, running="b"))


def test_a_complaint_is_red():
    """The plugin complains when nothing was substituted."""
    ours = report("passed", "passed")
    ours.complaints = ["no manager of the ours side was created"]
    assert not judge(EXPECTED, ours).green


def test_a_report_that_was_cut_short_names_the_hanging_test():
    """A kill may hit the middle of a line."""
    events = [
        {"started": "a"},
        {"finished": "a", "outcome": "passed", "seconds": 0.1},
        {"started": "b"},
    ]
    lines = [*(json.dumps(event) + "\n" for event in events), '{"finis']
    read = read_report(lines, None)
    assert (read.passed, read.running) == ({"a"}, "b")
    assert flaws(read) == ["timed out in b"]


def test_a_suite_that_got_the_wrong_class_complains(tmp_path):
    """Also when it was one of the processes that its tests start."""
    created = tmp_path / "created"
    assert wrong_classes("ours", ["manager"], tally(created))
    created.write_text("manager ours\nclient ours\n")
    assert not wrong_classes("ours", ["manager", "client"], tally(created))
    created.write_text("manager ours\nmanager original\n")
    assert wrong_classes("ours", ["manager"], tally(created)) == [
        "created 1 manager(s) that are not of the ours side"
    ]


def test_a_python_process_of_a_suite_gets_ours_and_is_counted(tmp_path):
    """Its class is substituted before any program can look, and its managers are in the tally."""
    shutil.copy(run.HERE / "substitution.py", tmp_path / "sitecustomize.py")
    steering = {"CONFORMANCE_SIDE": "ours", "CONFORMANCE_CREATED": str(tmp_path / "created")}
    program = "import jupyter_client; print(jupyter_client.AsyncKernelManager().__class__.__name__)"
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **steering, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == "ConKernelManager"
    assert tally(tmp_path / "created")["manager"] == {"original": 0, "ours": 1}


@pytest.fixture
def records(tmp_path, monkeypatch):
    """Let records and pins be in a directory of the test's own; gives the directory."""
    monkeypatch.setattr(run, "ORIGINALS", tmp_path)
    monkeypatch.setattr(run, "PINS", tmp_path / "pins.txt")
    run.PINS.write_text("one==1\n")
    return tmp_path


def test_a_record_asks_for_what_it_holds_and_the_slow_ones_in_full(records):
    """What is left out of a run is not asked for either."""
    original = Report(1, {"a": "passed", "b::x": "passed", "c": "failed"}, {"a": 1, "b::x": 2})
    run.record(SUITE, original)
    full, problems = run.recorded(SUITE, full=True)
    assert (full.passed, problems) == ({"a", "b::x"}, [])
    assert run.recorded(SUITE, full=False)[0].passed == {"a"}


def test_a_record_of_other_versions_is_red(records):
    """What the original passed then says nothing of what it passes now."""
    run.record(SUITE, Report(0, {"a": "passed", "b": "passed"}, {"a": 1, "b": 2}))
    assert not run.recorded(SUITE, full=True)[1]
    run.PINS.write_text("one==2\n")
    assert run.recorded(SUITE, full=True)[1]


def test_a_suite_without_a_record_is_red(records):
    """Nothing to compare with is no comparison."""
    expected, problems = run.recorded(SUITE, full=True)
    assert problems
    assert not judge(expected, report("passed")).green


def test_every_record_in_the_repository_is_of_the_pins_and_over_its_floor():
    """The records and the pins change together."""
    assert run.pins() == hashlib.sha256(run.PINS.read_bytes()).hexdigest()[:16]
    for suite in SUITES:
        expected, problems = run.recorded(suite, full=True)
        assert not problems, suite.title
        assert set(suite.differences) <= expected.passed, suite.title


def test_no_two_suites_choose_the_same_ports():
    """jupyter_client lets go of a port before its kernel has it."""
    firsts = [
        int(run.environment(suite, "ours", run.HERE)["CONFORMANCE_PORTS"]) for suite in SUITES
    ]
    assert min(later - first for first, later in pairwise(firsts)) >= PORTS
    assert max(firsts) + PORTS < 32_768


def test_a_port_that_is_taken_or_given_out_is_not_chosen(tmp_path):
    """Each is another one, also for another process, which was forked off or not."""
    first = int(run.environment(SUITE, "ours", run.HERE)["CONFORMANCE_PORTS"])
    cache = SimpleNamespace(currently_used_ports={first + 1})
    with socket.create_server(("127.0.0.1", first + 2)):
        choose = port_chooser(first, tmp_path / "ports")
        assert [choose(cache, "127.0.0.1") for _ in range(3)] == [first, first + 3, first + 4]
    assert cache.currently_used_ports == {first, first + 1, first + 3, first + 4}
    of_another = SimpleNamespace(currently_used_ports=set())
    another = port_chooser(first, tmp_path / "ports")
    chosen = [choose_there(of_another, "127.0.0.1") for choose_there in (another, choose) * 3]
    assert chosen == [*range(first + 5, first + 11)]


def test_processes_that_count_at_once_get_numbers_of_their_own(tmp_path):
    """Also where each counts a hundred times."""
    count = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from tests.conformance.plugin import next_number\n"
        "print(*[next_number(Path(sys.argv[2])) for _ in range(100)])"
    )
    root = str(run.HERE.parents[1])
    arguments = [sys.executable, "-c", count, root, str(tmp_path / "ports")]
    processes = [subprocess.Popen(arguments, stdout=subprocess.PIPE) for _ in range(3)]
    numbers = [int(part) for one in processes for part in one.communicate()[0].split()]
    assert sorted(numbers) == [*range(300)]
