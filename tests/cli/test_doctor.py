"""What is wrong here is found, line by line or as one document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import checks, main

if TYPE_CHECKING:
    from pathlib import Path


def test_a_machine_that_is_well_has_status_0_and_a_kernel_that_runs(
    runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was started, ran a cell, was interrupted, and is encrypted."""
    assert main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = {finding["topic"]: finding for finding in document["findings"]}
    assert document["ok"]
    assert found["a kernel starts"]["seconds"] > 0
    for topic in ("a cell runs", "an interrupt ends it", "transport", "runtime directory"):
        assert found[topic]["verdict"] == "ok"
    assert "CURVE" in found["transport"]["found"]


def test_what_is_broken_has_status_1_and_a_line_that_says_what_to_do(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other lines say that it is well."""
    monkeypatch.setattr(checks, "NEEDED", ("jupyter_client", "no-such-package"))
    assert main(["doctor", "--kernel", "no-such-kernel"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "BROKEN no-such-package: not installed; pip install no-such-package" in lines
    assert any(line.startswith("BROKEN kernelspec: there is no no-such-kernel") for line in lines)
    assert any(line.startswith("BROKEN a kernel starts: NoSuchKernel") for line in lines)
    assert any(line.startswith("ok     jupyter_client: ") for line in lines)
