"""A kernel tells of itself, whether it runs, is busy, or is started for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import main
from conkernelclient.cli.finding import attached, find
from conkernelclient.cli.info import ask_info

if TYPE_CHECKING:
    from pathlib import Path


def test_a_kernel_that_runs_is_told_of_in_lines_and_as_json(
    running: Path, pid: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its language, protocol and features, and whether what passes is encrypted."""
    assert main(["info", "shared"]) == 0
    shown = capsys.readouterr().out
    assert "language:        python 3." in shown
    assert "kernel subshells" in shown
    assert "encryption:      no; " in shown
    assert main(["info", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["pid"], about["language"], about["encryption"]) == (pid, "python", None)
    assert about["kernel_info"]["implementation"] == about["implementation"] == "ipython"


def test_one_of_a_kernelspec_is_started_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    """And ended; its transport is encrypted where the kernelspec says that it can be."""
    assert main(["info", "--kernel", "python3", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["kernel"] == "python3"
    assert about["start_seconds"] > 0
    assert about["encryption"] == "CURVE"


def test_one_that_runs_and_one_to_start_are_not_both_told_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which was meant?"""
    assert main(["info", "x", "--kernel", "python3"]) == 2
    assert "either" in capsys.readouterr().err
    assert main(["info", "--kernel", "no-such"]) == 2


async def test_a_busy_kernel_answers_as_well(running: Path) -> None:
    """On its control channel."""
    async with attached(await find("shared")) as kc:
        run = kc.run("print('here', flush=True); import time; time.sleep(600)")
        async for _event in run:
            break
        async with attached(await find("shared")) as other:
            assert (await ask_info(other))["status"] == "ok"
        assert not run.done()
        await run.interrupt()
