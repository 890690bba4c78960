"""Each check tells what there is, and what to do where it is not as it should be."""

from __future__ import annotations

import importlib.metadata
import json
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import checks
from tests.cli.test_finding import STALE

if TYPE_CHECKING:
    from pathlib import Path

    from conkernelclient.cli.checks import Finding


def by_topic(findings: object) -> dict[str, Finding]:
    """The findings by what was looked at."""
    found: list[Finding] = list(findings)  # type: ignore[call-overload]
    return {finding.topic: finding for finding in found}


def test_what_is_needed_is_there_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    found = by_topic(checks.check_versions())
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert found["jupyter_client"].found == importlib.metadata.version("jupyter_client")
    monkeypatch.setattr(checks, "NEEDED", ("no-such-package",))
    missing = by_topic(checks.check_versions())["no-such-package"]
    assert (missing.verdict, missing.advice) == ("broken", "pip install no-such-package")


def test_extras_that_are_not_there_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told with what it lacks."""
    lines = [
        'a-needed-one>=1 ; extra == "deep"',
        "pyzmq ; extra == 'there'",
        "x ; extra == 'dev'",
        "always",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _name: lines)
    found = by_topic(checks.check_extras())
    assert set(found) == {"[deep]", "[there]"}
    assert found["[deep]"].found == "not there: lacks a-needed-one"
    assert "conkernelclient[deep]" in found["[deep]"].advice
    assert found["[there]"].found.startswith("pyzmq ")
    assert {finding.verdict for finding in found.values()} == {"ok"}


def test_kernelspecs_whose_program_is_gone_or_that_cannot_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is wanted is broken then."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    specs = {"gone": {"argv": ["/no/such/program"], "display_name": "g", "language": "g"}}
    for name, text in {"gone": json.dumps(specs["gone"]), "bad": "{"}.items():
        (tmp_path / "kernels" / name).mkdir(parents=True)
        (tmp_path / "kernels" / name / "kernel.json").write_text(text)
    found = by_topic(checks.check_specs("gone"))
    assert found["kernelspec gone"].verdict == "broken"
    assert found["kernelspec bad"].verdict == "note"
    assert found["kernelspec python3"].verdict == "ok"
    assert by_topic(checks.check_specs("no-such"))["kernelspec"].verdict == "broken"


async def test_files_that_others_can_read_are_told(runtime: Path) -> None:
    """With the command that mends it; so is a directory that others can write."""
    path = runtime / "kernel-open.json"
    path.write_text(STALE)
    path.chmod(0o644)
    runtime.chmod(0o777)
    found = {finding.topic: finding for finding in await checks.check_runtime()}
    assert found["runtime directory"].verdict == "note"
    assert found["connection files"].verdict == "note"
    assert f"chmod 600 {path}" in found["connection files"].advice
    assert found["left over"].found == "1 of kernels that have ended"
    path.chmod(0o600)
    runtime.chmod(0o700)
    assert {finding.verdict for finding in await checks.check_runtime()} == {"ok"}


def test_few_descriptors_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that gives more."""
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (256, resource.RLIM_INFINITY))
    (finding,) = checks.check_descriptors()
    assert finding.verdict == "note"
    assert "ulimit -n" in finding.advice
    monkeypatch.undo()
    assert len(list(checks.check_descriptors())) == 1


async def test_a_kernel_that_cannot_start_is_broken_and_its_own_words_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (tmp_path / "kernels" / "dud").mkdir(parents=True)
    spec = {
        "argv": ["python", "-c", "raise SystemExit('no\\nway')", "{connection_file}"],
        "display_name": "dud",
        "language": "python",
    }
    (tmp_path / "kernels" / "dud" / "kernel.json").write_text(json.dumps(spec))
    (finding,) = [finding async for finding in checks.check_kernel("dud")]
    assert finding.verdict == "broken"
    assert "way" in finding.found
    assert "\n" not in finding.found
