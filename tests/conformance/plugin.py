"""
Which class does a foreign suite get for `AsyncKernelManager`, and how did each of its tests end?

A pytest plugin, which `run.py` copies next to the suite and loads with `-p`. It needs two options:
`--side original` changes nothing, `--side ours` puts `ConKernelManager` in the place of
`AsyncKernelManager` before a conftest or a test module is imported; `--report FILE` takes one JSON
object per line:

    {"started": ID}                     a test begins
    {"finished": ID, "outcome": WORD}   it ended; WORD is "passed" | "failed" | "skipped"
    {"created": {SLOT: {SIDE: COUNT}}, "complaints": [TEXT], "seconds": NUMBER}   the session ended

Every manager and client that a suite creates is counted, on both sides. A session that created
none of its own side, or one of the other side, has tested the wrong class: it complains, and ends
with exit status 4 whatever its tests say. A process that hangs after its session ended leaves with
exit status 1, and the stacks of its threads at the end of its log.
"""

from __future__ import annotations

import faulthandler
import functools
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import jupyter_client
import jupyter_client.connect
import jupyter_client.manager
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

EXIT_SECONDS: Final = 30  # from the session's end to the process's; more is a hang
LOG: Final = os.dup(2)  # where stderr goes while pytest does not yet capture it

SIDES: Final = ("original", "ours")
ORIGINALS: Final[dict[str, type]] = {"manager": AsyncKernelManager, "client": AsyncKernelClient}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the side to test, and the file to report to."""
    parser.addoption("--side", choices=SIDES, required=True)
    parser.addoption("--report", type=Path, required=True)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Substitute, if asked to, while no conftest and no test module has been imported."""
    options = early_config.known_args_namespace
    ours = substitute() if options.side == "ours" else {}
    early_config.pluginmanager.register(Recorder(options.report, options.side, ours))


def substitute() -> dict[str, type]:
    """Put our manager where jupyter_client and nbclient look theirs up; return our classes."""
    from conkernelclient import ConKernelClient, ConKernelManager

    for module in (jupyter_client, jupyter_client.manager):
        setattr(module, "AsyncKernelManager", ConKernelManager)  # noqa: B010 - mypy refuses `=`
    return {"manager": ConKernelManager, "client": ConKernelClient}


def count_instances(base: type[Any]) -> Counter[type]:
    """Return how many instances of each class below `base` are created from now on."""
    counter: Counter[type] = Counter()
    initialize = base.__init__

    @functools.wraps(initialize)
    def counted(self: object, *args: object, **kwargs: object) -> None:
        counter[type(self)] += 1
        initialize(self, *args, **kwargs)

    base.__init__ = counted
    return counter


class Recorder:
    """What happens in one session, written at once: a killed session leaves what it knew."""

    def __init__(self, report: Path, side: str, ours: dict[str, type]) -> None:
        self._file = report.open("w", encoding="utf-8")
        self._side = side
        self._ours = ours  # by slot, as ORIGINALS; empty on the original's side
        self._outcome = "passed"  # of the running test, so far
        self._created = count_instances(jupyter_client.connect.ConnectionFileMixin)
        self._began = time.monotonic()

    def pytest_make_parametrize_id(self, val: object) -> str | None:
        """Give a test that takes the manager's class as a parameter one id for both sides."""
        return AsyncKernelManager.__name__ if val is self._ours.get("manager", ...) else None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write which test begins, so that a hang has a name."""
        self._outcome = "passed"
        self._write(started=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of set-up, call and tear-down."""
        if self._outcome != "failed" and report.outcome != "passed":
            self._outcome = report.outcome

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write how the test ended."""
        self._write(finished=nodeid, outcome=self._outcome)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was created, and fail the session if it tested the wrong classes."""
        created = {slot: self._tally(slot) for slot in ORIGINALS}
        complaints = wrong_classes(self._side, created) + shadowed(session.config.rootpath)
        self._write(created=created, complaints=complaints, seconds=time.monotonic() - self._began)
        # A context with an open socket blocks when it is collected: say where, and leave with 1.
        faulthandler.dump_traceback_later(EXIT_SECONDS, exit=True, file=LOG)
        if complaints:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _tally(self, slot: str) -> dict[str, int]:
        tally = dict.fromkeys(SIDES, 0)
        for cls, count in self._created.items():
            if slot in self._ours and issubclass(cls, self._ours[slot]):
                tally["ours"] += count
            elif issubclass(cls, ORIGINALS[slot]):
                tally["original"] += count
        return tally

    def _write(self, **event: object) -> None:
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()


def wrong_classes(side: str, created: dict[str, dict[str, int]]) -> list[str]:
    """Complain of slots where nothing of `side`, or something of the other side, was created."""
    complaints = []
    for slot, tally in created.items():
        if not tally[side]:
            complaints.append(f"no {slot} of the {side} side was created")
        if others := sum(tally.values()) - tally[side]:
            complaints.append(f"created {others} {slot}(s) that are not of the {side} side")
    return complaints


def shadowed(root: Path) -> list[str]:
    """Complain of packages that came from the suite's folder `root`, not from the environment."""
    names = ("jupyter_client", "nbclient", "conkernelclient")
    paths = [Path(str(sys.modules[name].__file__)) for name in names if name in sys.modules]
    return [f"{path} is not the installed package" for path in paths if root in path.parents]
