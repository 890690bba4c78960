"""
Do the programs that exist, and their own tests, do with ours what they do with the original?

`python -m tests.conformance.run`, in an environment that holds the package and what
`pins.txt` names. For each suite of `suites.py`: fetch the source distribution (once, into
the cache), copy its tests alone into a fresh directory, and run them there in a pytest process with
`ConKernelManager` in the place of `jupyter_client.AsyncKernelManager` (`substitution.py`). Outcomes
are compared by test id with those of the original, which `--record` writes into `originals/`;
nothing runs twice.

Exit status: 0, or 1 when a test that passes with the original does not pass with ours, when the
record is not of these versions, or when a process timed out, broke, or tested the wrong classes.
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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .judge import Expected, Report, Verdict, flaws, judge, read_report
from .plugin import PORTS
from .suites import SUITES, Suite

HERE: Final = Path(__file__).resolve().parent
CACHE: Final = HERE.parents[1] / ".cache" / "conformance"
ORIGINALS: Final = HERE / "originals"
PINS: Final = HERE / "pins.txt"
PLACES: Final = {suite.title: place for place, suite in enumerate(SUITES)}
AT_ONCE: Final = 2  # suites; each is a pytest process and a kernel, which take turns
RUNNING: Final[set[subprocess.Popen[bytes]]] = set()  # pytest processes

# ipykernel flushes what is printed 0.2 s after the first of it, by a timer: between a text and its
# newline as well, now and then. nbclient's tests compare each stream message with a stored one, so
# that such a kernel makes either side fail. At the end of a cell it flushes all the same.
KERNEL_CONFIG: Final = """
c.IPKernelApp.exec_lines = [
    "import sys; sys.stdout.flush_interval = sys.stderr.flush_interval = 60; del sys"
]
"""

MODULES: Final = {"ours": "conkernelclient.kernel", "original": "ipykernel_launcher"}

PYTEST: Final = (
    *("-m", "pytest", "-p", "conformance_plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider"),
    *("--strict-markers", "--strict-config", "--basetemp=tmp", "--tb=short", "-rfEs"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked for."""

    side: str  # "ours" | "original"
    full: bool
    cache: Path


def fetch(suite: Suite, cache: Path) -> Path:
    """Return the suite's source distribution, downloaded by pip unless the cache has it."""
    sdist = cache / f"{suite.package}-{suite.version}.tar.gz"
    if not sdist.exists():
        # Only the package itself has to be source: its build backend may well come as a wheel.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", suite.package, "--dest", str(cache)]
        subprocess.run([*command, f"{suite.package}=={suite.version}"], check=True)
    return sdist


def kernelspec(side: str) -> dict[str, Any]:
    """Return what starts the kernel of a side."""
    return {
        "argv": [sys.executable, "-m", MODULES[side], "-f", "{connection_file}"],
        "display_name": side,
        "language": "python",
        "metadata": {"debugger": True},
    }


def lay_out(suite: Suite, side: str, work: Path, cache: Path) -> None:
    """Fill `work` with the suite's tests, our settings and our plugin: nothing else to import."""
    root = f"{suite.package}-{suite.version}"
    if suite.folders:
        with tarfile.open(fetch(suite, cache)) as archive:
            wanted = tuple(f"{root}/{folder}/" for folder in suite.folders)
            archive.extractall(
                work,
                [member for member in archive if member.name.startswith(wanted)],
                filter="data",
            )
        for folder in suite.folders:
            (work / root / folder).rename(work / folder)
    else:
        shutil.copytree(HERE / "own" / suite.package, work / "tests")
    shutil.copy(HERE / f"{suite.package}.ini", work / "pytest.ini")
    shutil.copy(HERE / "plugin.py", work / "conformance_plugin.py")
    for name in suite.kernels:
        folder = work / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(kernelspec(side)), encoding="utf-8")
    (work / "site").mkdir()
    shutil.copy(HERE / "substitution.py", work / "site" / "sitecustomize.py")
    if not suite.whole_streams:
        return
    profile = work / "ipythondir" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(KERNEL_CONFIG, encoding="utf-8")


def environment(suite: Suite, side: str, work: Path) -> dict[str, str]:
    """Return our environment without what steers pytest and Jupyter, whose files stay in `work`."""
    steering = ("PYTEST_", "JUPYTER_", "IPYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(work / name.lower()) for name in places}
    own |= {
        "CONFORMANCE_SIDE": side,
        "CONFORMANCE_CREATED": str(work / "created"),
        # Below those that operating systems give to whoever asks for any.
        "CONFORMANCE_PORTS": str(10_000 + PORTS * PLACES.get(suite.title, 0)),
        "PYTHONPATH": str(work / "site"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    if suite.kernels:
        own |= {"CONFORMANCE_KERNEL": "1", "JUPYTER_PATH": str(work)}
    return kept | own | suite.env


@contextmanager
def started(suite: Suite, options: Options) -> Iterator[subprocess.Popen[bytes]]:
    """Run the suite in a process group of its own; what still runs of it on leaving is killed."""
    arguments = [f"--report={kept_file(suite, options, 'jsonl')}"]
    arguments += [f"--needs={slot}" for slot in suite.needs]
    for plugin in suite.plugins:
        arguments += ["-p", plugin]
    if not options.full:
        arguments += [f"--deselect={beginning}" for beginning in suite.slow]
    with (
        tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as name,
        kept_file(suite, options, "log").open("wb") as log,
    ):
        work = Path(name).resolve()
        lay_out(suite, options.side, work, options.cache)
        process = subprocess.Popen(
            [sys.executable, *PYTEST, *arguments, *suite.tests],
            cwd=work,
            env=environment(suite, options.side, work),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING.add(process)
        try:
            yield process
        finally:
            RUNNING.discard(process)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def kept_file(suite: Suite, options: Options, suffix: str) -> Path:
    """Return where a process's output ("log") and report ("jsonl") stay until the next run."""
    return options.cache / f"{suite.title}-{options.side}.{suffix}"


def run_suite(suite: Suite, options: Options) -> Report:
    """Run the suite once, and read its report."""
    report = kept_file(suite, options, "jsonl")
    report.unlink(missing_ok=True)
    with started(suite, options) as process:
        try:
            status: int | None = process.wait(suite.timeout)
        except subprocess.TimeoutExpired:
            status = None
    if not report.exists():  # it broke before its session began
        return Report(status)
    with report.open(encoding="utf-8") as lines:
        return read_report(lines, status)


def pins() -> str:
    """Return what tells one set of pinned versions from another."""
    return hashlib.sha256(PINS.read_bytes()).hexdigest()[:16] if PINS.exists() else ""


def record(suite: Suite, report: Report) -> None:
    """Keep what the original passes."""
    ORIGINALS.mkdir(exist_ok=True)
    seconds = {test: report.durations[test] for test in sorted(report.passed)}
    others = {test: word for test, word in sorted(report.outcomes.items()) if word != "passed"}
    content = {
        "package": suite.package,
        "version": suite.version,
        "pins": pins(),
        "passed, in seconds": seconds,
        "others": others,
    }
    text = json.dumps(content, indent=1, ensure_ascii=True)
    (ORIGINALS / f"{suite.title}.json").write_text(text + "\n", encoding="utf-8")


def recorded(suite: Suite, *, full: bool) -> tuple[Expected, list[str]]:
    """Return what the record asks of ours in this selection, and what is wrong with the record."""
    file = ORIGINALS / f"{suite.title}.json"
    if not file.exists():
        return Expected(frozenset()), ["there is no record: run `make conformance-originals`"]
    content = json.loads(file.read_text(encoding="utf-8"))
    wrong = (content["version"], content["pins"]) != (suite.version, pins())
    problems = ["the record is of other versions: run `make conformance-originals`"] * wrong
    passed = content["passed, in seconds"].keys()
    if len(passed) < suite.floor:
        problems.append(f"the original passes {len(passed)}, fewer than {suite.floor}")
    slow = () if full else suite.slow
    selected = frozenset(test for test in passed if not test.startswith(slow))
    differences = {test: why for test, why in suite.differences.items() if test in selected}
    return Expected(selected, 1, differences), problems


def details(suite: Suite, report: Report, verdict: Verdict, options: Options) -> list[str]:
    """Say of one suite what its row in the table cannot hold."""
    created = ", ".join(f"{tally[options.side]} {slot}s" for slot, tally in report.created.items())
    lines = [f"{suite.title} {suite.version}: {report.seconds:.0f} s, created {created}"]
    failed = [test for test, outcome in report.outcomes.items() if outcome == "failed"]
    lines += [f"    failed: {test}" for test in failed]
    lines += [f"  MISSING: {test}" for test in verdict.missing]
    lines += [f"  PROBLEM: {problem}" for problem in verdict.problems]
    if not verdict.green:
        log = kept_file(suite, options, "log").read_text(encoding="utf-8", errors="replace")
        lines += ["  the end of the log:", *(f"    {line}" for line in log.splitlines()[-40:])]
    return lines


def row(suite: Suite, report: Report, expected: Expected, verdict: Verdict) -> str:
    """Return a suite's row in the table."""
    counts = f"{len(expected.passed):10}{len(report.passed):6}{len(expected.differences):9}"
    counts += f"{len(verdict.missing):9}{report.seconds:8.0f}"
    return f"{suite.title:24}{counts}   {'green' if verdict.green else 'RED'}"


def check_versions(suites: Iterable[Suite]) -> None:
    """Refuse to run a suite against another version of its package."""
    for suite in suites:
        if (installed := importlib.metadata.version(suite.package)) != suite.version:
            raise SystemExit(
                f"{suite.package} {suite.version} has to be installed, not {installed}"
            )


def compare(suite: Suite, options: Options) -> tuple[list[str], str, bool]:
    """Run one suite; return what is to be said of it, its row, and whether it is green."""
    report = run_suite(suite, options)
    if options.side == "original":
        expected, verdict = Expected(report.passed), Verdict([], flaws(report))
        if verdict.green:
            record(suite, report)
    else:
        expected, problems = recorded(suite, full=options.full)
        verdict = judge(expected, report)
        verdict.problems.extend(problems)
    said = details(suite, report, verdict, options)
    return said, row(suite, report, expected, verdict), verdict.green


def side_by_side(
    suites: Sequence[Suite], options: Options
) -> Iterator[tuple[list[str], str, bool]]:
    """Run the suites, `AT_ONCE` at a time; give what `compare` gives, in their order."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield from pool.map(lambda suite: compare(suite, options), suites)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in tuple(RUNNING):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        pool.shutdown()


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).strip().splitlines()[0])
    names = [suite.title for suite in SUITES]
    parser.add_argument("--only", choices=names, action="append", help="these suites")
    parser.add_argument("--full", action="store_true", help="the slow tests as well")
    parser.add_argument("--record", action="store_true", help="run and record the originals")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for downloads, logs and results")
    return parser.parse_args()


def main() -> int:
    """Run the command; return its exit status."""
    asked = parse()
    cache = asked.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    suites = [suite for suite in SUITES if not asked.only or suite.title in asked.only]
    check_versions(suites)
    options = Options("original" if asked.record else "ours", asked.full or asked.record, cache)
    # Ended from outside, leave as after an exception: what was begun ends as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    heads = f"{'original':>10}{'ours':>6}{'policy':>9}{'missing':>9}{'seconds':>8}"
    table, green = [f"{'suite':24}{heads}"], True
    for said, line, fine in side_by_side(suites, options):
        print("\n".join(said), flush=True)
        table.append(line)
        green = green and fine
    print("", *table, f"logs: {cache}", sep="\n")
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main())
