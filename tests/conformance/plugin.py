"""
How did each test of a foreign suite end, and did the suite create what it was to test?

A pytest plugin, which `run.py` copies next to the suite and loads with `-p`. `--report FILE` takes
one JSON object per line:

    {"started": ID}                     a test begins
    {"finished": ID, "outcome": WORD, "seconds": NUMBER}
                                        it ended; WORD is "passed" | "failed" | "skipped"
    {"created": {SLOT: {SIDE: COUNT}}, "complaints": [TEXT], "seconds": NUMBER}   the session ended

What is created is counted by `substitution.py`, in this process and those that the tests start. A
session that created none of its own side in a slot of `--needs`, or any of the other side, has
tested the wrong class: it complains, and ends with exit status 4 whatever its tests say. A process
that hangs after its session ended leaves with exit status 1, and the stacks of its threads at the
end of its log.
"""

from __future__ import annotations

import faulthandler
import fcntl
import json
import os
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PORTS: Final = 1000  # of a suite
EXIT_SECONDS: Final = 30  # from the session's end to the process's; more is a hang
LOG: Final = os.dup(2)  # where stderr goes while pytest does not yet capture it

SIDES: Final = ("original", "ours")
SLOTS: Final = ("manager", "client", "kernel")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the file to report to, what has to be created, and what a suite asks us for."""
    parser.addoption("--report", type=Path, required=True)
    parser.addoption("--needs", action="append", choices=SLOTS, default=[])
    parser.addoption("--cov", default=None, help="ipykernel's tests ask for it")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Record from the start."""
    options = early_config.known_args_namespace
    early_config.pluginmanager.register(Recorder(options.report, options.needs))


class Recorder:
    """What happens in one session, written at once: a killed session leaves what it knew."""

    def __init__(self, report: Path, needs: list[str]) -> None:
        self._file = report.open("w", encoding="utf-8")
        self._needs = needs
        self._outcome = "passed"  # of the running test, so far
        self._began = self._test_began = time.monotonic()

    def pytest_make_parametrize_id(self, val: object) -> str | None:
        """Give a test that takes the manager's class as a parameter one id for both sides."""
        name = getattr(val, "__qualname__", "")
        return (
            f"Async{name[3:]}" if name in ("ConKernelManager", "ConIOLoopKernelManager") else None
        )

    def pytest_sessionstart(self) -> None:
        """Take ports that no other suite takes."""
        from jupyter_client.connect import LocalPortCache

        count = Path(os.environ["CONFORMANCE_CREATED"]).with_name("ports")
        first = int(os.environ["CONFORMANCE_PORTS"])
        LocalPortCache.find_available_port = port_chooser(first, count)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write which test begins, so that a hang has a name."""
        self._outcome, self._test_began = "passed", time.monotonic()
        self._write(started=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of set-up, call and tear-down."""
        if self._outcome != "failed" and report.outcome != "passed":
            self._outcome = report.outcome

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write how the test ended."""
        seconds = round(time.monotonic() - self._test_began, 2)
        self._write(finished=nodeid, outcome=self._outcome, seconds=seconds)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was created, and fail the session if it tested the wrong classes."""
        side = os.environ["CONFORMANCE_SIDE"]
        created = tally(Path(os.environ["CONFORMANCE_CREATED"]))
        complaints = wrong_classes(side, self._needs, created) + shadowed(session.config.rootpath)
        self._write(created=created, complaints=complaints, seconds=time.monotonic() - self._began)
        # A context with an open socket blocks when it is collected: say where, and leave with 1.
        faulthandler.dump_traceback_later(EXIT_SECONDS, exit=True, file=LOG)
        if complaints:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_unconfigure(self) -> None:
        """Close the report."""
        self._file.close()

    def _write(self, **event: object) -> None:
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()


def port_chooser(first: int, count: Path) -> Callable[[Any, str], int]:
    """
    Give what chooses ports for kernels from `first` on; `count` counts them for all processes.

    jupyter_client's own asks for any free port and lets go of it before its kernel has it: of two
    suites that run at once, or two processes of one, both may get it.
    """

    def find_available_port(cache: Any, ip: str) -> int:
        while True:
            port = first + next_number(count) % PORTS
            if port in cache.currently_used_ports:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind((ip, port))
                except OSError:
                    continue
            cache.currently_used_ports.add(port)
            return port

    return find_available_port


def next_number(count: Path) -> int:
    """Count on in a file; no two processes are given the same number."""
    with count.open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = int(file.read() or 0)
        file.truncate(0)
        file.write(str(number + 1))
    return number


def tally(file: Path) -> dict[str, dict[str, int]]:
    """Count the lines that `substitution.py` wrote, in all processes."""
    lines = Counter(file.read_text(encoding="utf-8").splitlines() if file.exists() else ())
    return {slot: {side: lines[f"{slot} {side}"] for side in SIDES} for slot in SLOTS}


def wrong_classes(side: str, needs: list[str], created: dict[str, dict[str, int]]) -> list[str]:
    """Complain of slots where nothing of `side`, or something of the other side, was created."""
    complaints = []
    for slot, sides in created.items():
        if slot in needs and not sides[side]:
            complaints.append(f"no {slot} of the {side} side was created")
        if others := sum(sides.values()) - sides[side]:
            complaints.append(f"created {others} {slot}(s) that are not of the {side} side")
    return complaints


def shadowed(root: Path) -> list[str]:
    """Complain of packages that came from the suite's folder `root`, not from the environment."""
    names = ("jupyter_client", "nbclient", "conkernelclient", "jupyter_server", "voila")
    paths = [Path(str(sys.modules[name].__file__)) for name in names if name in sys.modules]
    return [f"{path} is not the installed package" for path in paths if root in path.parents]
