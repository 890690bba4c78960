"""
Does all of jupyter_client's and nbclient's own suites that passes with theirs pass with ours?

`python tests/conformance/run.py`, from any directory, in an environment that holds the package and
what `requirements.txt` names. For each suite: fetch the source distribution (once, into the cache),
copy its `tests` folder alone into a fresh directory, and run the selected tests there in two pytest
processes at the same time, one with `jupyter_client.AsyncKernelManager` as it is, one with
`ConKernelManager` in its place (`plugin.py`). Outcomes are compared by test id; nothing runs twice.

Exit status: 0, or 1 when a test that passes with the original does not pass with ours, when fewer
than a fixed number pass with the original, or when a process timed out, broke, or tested the wrong
classes.
"""
# ruff: noqa: T201 - a command speaks by printing

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
CACHE: Final = HERE.parents[1] / ".cache" / "conformance"

# ipykernel flushes what is printed 0.2 s after the first of it, by a timer: between a text and its
# newline as well, now and then. nbclient's tests compare each stream message with a stored one, so
# that such a kernel makes either side fail. At the end of a cell it flushes all the same.
KERNEL_CONFIG: Final = """
c.IPKernelApp.exec_lines = [
    "import sys; sys.stdout.flush_interval = sys.stderr.flush_interval = 60; del sys"
]
"""

PYTEST: Final = (
    *("-m", "pytest", "-p", "conformance_plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider"),
    *("--strict-markers", "--strict-config", "--basetemp=tmp", "--tb=short", "-rfEs"),
)


@dataclass(frozen=True, slots=True)
class Suite:
    """
    One foreign suite.

    Attributes:
        floor: Fewer passes than this with the original mean that the comparison proves nothing.
        timeout: Seconds for its two processes, which start together.
        tests: What pytest is to select.
    """

    package: str
    version: str
    floor: int
    timeout: float
    tests: tuple[str, ...]


SUITES: Final = (
    Suite(
        package="jupyter_client",
        version="8.10.0",
        floor=77,  # of 79
        timeout=420,
        tests=(
            "tests/test_client.py::TestAsyncKernelClient",
            "tests/test_kernelmanager.py::TestAsyncKernelManager",
            # In classes that are otherwise about the blocking manager, the coroutines alone.
            "tests/test_kernelmanager.py::TestKernelManager::test_signal_kernel_subprocesses",
            "tests/test_kernelmanager.py::TestKernelManager::test_start_new_kernel",
            "tests/test_kernelmanager.py::TestKernelManager::test_templated_kspec_env",
            "tests/test_kernelmanager.py::TestKernelManagerShutDownGracefully"
            "::test_async_signal_kernel_subprocesses",
            "tests/test_multikernelmanager.py::TestAsyncKernelManager",
            "tests/test_restarter.py",
            "tests/test_provisioning.py",
            "tests/test_manager.py",
        ),
    ),
    Suite(
        package="nbclient",
        version="0.11.0",
        floor=87,  # of 89
        timeout=300,
        tests=("tests/test_client.py",),
    ),
)


@dataclass(slots=True)
class Report:
    """How one process of a suite went."""

    exit_status: int | None  # None: killed at the time limit
    outcomes: dict[str, str] = field(default_factory=dict)  # id -> "passed", "failed", "skipped"
    running: str = ""  # the test that had begun and not ended
    created: dict[str, dict[str, int]] = field(default_factory=dict)  # set when the session ends
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def passed(self) -> set[str]:
        """The ids of the tests that passed."""
        return {test for test, outcome in self.outcomes.items() if outcome == "passed"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the two reports of a suite say: green when nothing is missing and nothing is wrong."""

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
            case {"finished": test, "outcome": outcome}:
                report.outcomes[test], report.running = outcome, ""
            case {"created": created, "complaints": complaints, "seconds": seconds}:
                report.created, report.complaints, report.seconds = created, complaints, seconds
            case event:
                raise ValueError(f"plugin.py writes no such event: {event}")
    return report


def judge(suite: Suite, original: Report | None, ours: Report) -> Verdict:
    """
    Compare ours with the original.

    Without an original, ours is held against itself: all that it did not skip must have passed.
    """
    sides = {"ours": ours} if original is None else {"original": original, "ours": ours}
    problems = [f"{side}: {problem}" for side, report in sides.items() for problem in flaws(report)]
    first, reference = next(iter(sides.items()))
    if len(reference.passed) < suite.floor:
        problems.append(f"{first}: passed {len(reference.passed)}, fewer than {suite.floor}")
    if original is None:
        required = {test for test, outcome in ours.outcomes.items() if outcome != "skipped"}
    else:
        required = original.passed
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
        return report.complaints
    tests = "although no test failed" if not failed else "and not because tests failed"
    return report.complaints or [f"ended with exit status {report.exit_status}, {tests}"]


def fetch(suite: Suite, cache: Path) -> Path:
    """Return the suite's source distribution, downloaded by pip unless the cache has it."""
    sdist = cache / f"{suite.package}-{suite.version}.tar.gz"
    if not sdist.exists():
        # Only the package itself has to be source: its build backend may well come as a wheel.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", suite.package, "--dest", str(cache)]
        subprocess.run([*command, f"{suite.package}=={suite.version}"], check=True)
    return sdist


def lay_out(suite: Suite, sdist: Path, work: Path) -> None:
    """Fill `work` with the suite's tests, our settings and our plugin: nothing else to import."""
    root = f"{suite.package}-{suite.version}"
    with tarfile.open(sdist) as archive:
        tests = [member for member in archive if member.name.startswith(f"{root}/tests/")]
        archive.extractall(work, tests, filter="data")
    (work / root / "tests").rename(work / "tests")
    shutil.copy(HERE / f"{suite.package}.ini", work / "pytest.ini")
    shutil.copy(HERE / "plugin.py", work / "conformance_plugin.py")
    profile = work / "ipythondir" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(KERNEL_CONFIG, encoding="utf-8")


def environment(work: Path) -> dict[str, str]:
    """Return our environment without what steers pytest and Jupyter, whose files stay in `work`."""
    steering = ("PYTEST_", "JUPYTER_", "IPYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(work / name.lower()) for name in places}
    return kept | own | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@contextmanager
def started(suite: Suite, side: str, cache: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the suite in a process group of its own; what still runs of it on leaving is killed."""
    options = [f"--side={side}", f"--report={kept_file(suite, side, cache, 'jsonl')}"]
    with (
        tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as name,
        kept_file(suite, side, cache, "log").open("wb") as log,
    ):
        work = Path(name)
        lay_out(suite, fetch(suite, cache), work)
        process = subprocess.Popen(
            [sys.executable, *PYTEST, *options, *suite.tests],
            cwd=work,
            env=environment(work),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def kept_file(suite: Suite, side: str, cache: Path, suffix: str) -> Path:
    """Return where a process's output ("log") and report ("jsonl") stay until the next run."""
    return cache / f"{suite.package}-{side}.{suffix}"


def run_suite(suite: Suite, sides: Sequence[str], cache: Path) -> dict[str, Report]:
    """Run the suite once for each side, all at the same time, and read the reports."""
    for side in sides:
        kept_file(suite, side, cache, "jsonl").unlink(missing_ok=True)
    statuses: dict[str, int | None] = {}
    with ExitStack() as stack:
        processes = {side: stack.enter_context(started(suite, side, cache)) for side in sides}
        deadline = time.monotonic() + suite.timeout
        for side, process in processes.items():
            try:
                statuses[side] = process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                statuses[side] = None
    return {side: load(kept_file(suite, side, cache, "jsonl"), statuses[side]) for side in sides}


def load(path: Path, exit_status: int | None) -> Report:
    """Read a report's file; a process that broke before its session began has left none."""
    if not path.exists():
        return Report(exit_status)
    with path.open(encoding="utf-8") as lines:
        return read_report(lines, exit_status)


def cached_original(suite: Suite, cache: Path) -> Path:
    """Return the file of the original's last results with these versions and this selection."""
    packages = {(d.metadata["Name"], d.version) for d in importlib.metadata.distributions()}
    others = sorted(f"{name}=={version}" for name, version in packages if name != "conkernelclient")
    settings = (HERE / f"{suite.package}.ini").read_text(encoding="utf-8")
    key = hashlib.sha256(repr((suite, settings, sys.version, others)).encode()).hexdigest()[:16]
    return cache / f"{suite.package}-original-{key}.jsonl"


def compare(suite: Suite, options: argparse.Namespace) -> tuple[dict[str, Report], Verdict]:
    """Run one suite as the options say, and judge it."""
    cached = cached_original(suite, options.cache)
    reports: dict[str, Report] = {}
    if options.cached_original and not options.ours_only and cached.exists():
        print(f"{suite.package}: the original's results are from the cache")
        reports["original"] = load(cached, exit_status=0)
    sides = ["ours"] if options.ours_only or reports else ["original", "ours"]
    reports |= run_suite(suite, sides, options.cache)
    if "original" in sides and not flaws(reports["original"]):
        shutil.copy(kept_file(suite, "original", options.cache, "jsonl"), cached)
    return reports, judge(suite, reports.get("original"), reports["ours"])


def details(suite: Suite, reports: dict[str, Report], verdict: Verdict, cache: Path) -> list[str]:
    """Say of one suite what its row in the table cannot hold."""
    lines = [f"{suite.package} {suite.version}"]
    for side, report in reports.items():
        created = ", ".join(f"{tally[side]} {slot}s" for slot, tally in report.created.items())
        lines.append(f"  {side}: {report.seconds:.0f} s, created {created or 'nothing'}")
        failed = [test for test, outcome in report.outcomes.items() if outcome == "failed"]
        lines += [f"    failed: {test}" for test in failed]
    lines += [f"  MISSING: {test}" for test in verdict.missing]
    lines += [f"  PROBLEM: {problem}" for problem in verdict.problems]
    if not verdict.green:
        log = kept_file(suite, "ours", cache, "log").read_text(encoding="utf-8", errors="replace")
        lines += ["  the end of the log of ours:", *(f"    {ln}" for ln in log.splitlines()[-40:])]
    return lines


def row(suite: Suite, reports: dict[str, Report], verdict: Verdict) -> str:
    """Return a suite's row in the table."""
    original = len(reports["original"].passed) if "original" in reports else "-"
    tests = len({test for report in reports.values() for test in report.outcomes})
    counts = f"{tests:6}{original:>10}{len(reports['ours'].passed):6}{len(verdict.missing):9}"
    return f"{suite.package:16}{counts}   {'green' if verdict.green else 'RED'}"


def check_versions(suites: Iterable[Suite]) -> None:
    """Refuse to run a suite against another version of its package."""
    for suite in suites:
        if (installed := importlib.metadata.version(suite.package)) != suite.version:
            raise SystemExit(
                f"{suite.package} {suite.version} has to be installed, not {installed}"
            )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).strip().splitlines()[0])
    parser.add_argument("--only", choices=[suite.package for suite in SUITES], help="one suite")
    parser.add_argument("--ours-only", action="store_true", help="no original: ours must pass all")
    parser.add_argument(
        "--cached-original",
        action="store_true",
        help="for development: the original's last results, if no version has changed since",
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="for downloads, logs and results")
    return parser.parse_args()


def main() -> int:
    """Run the command; return its exit status."""
    options = parse()
    options.cache = options.cache.resolve()
    options.cache.mkdir(parents=True, exist_ok=True)
    suites = [suite for suite in SUITES if options.only in (None, suite.package)]
    check_versions(suites)
    # Ended from outside, leave as after an exception: through `started`, which ends what it began.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    table, green = [f"{'suite':16}{'tests':>6}{'original':>10}{'ours':>6}{'missing':>9}"], True
    for suite in suites:
        reports, verdict = compare(suite, options)
        print("\n".join(details(suite, reports, verdict, options.cache)), flush=True)
        table.append(row(suite, reports, verdict))
        green = green and verdict.green
    print("", *table, f"logs: {options.cache}", sep="\n")
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main())
