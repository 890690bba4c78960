"""The kernels that run are listed, for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli import main
from conkernelclient.cli.ps import age_of
from tests.cli.test_finding import STALE

if TYPE_CHECKING:
    from pathlib import Path


def test_ps_lists_what_runs_and_says_how_much_is_left_over(
    running: Path, pid: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--all` that as well; with `--json` in one document."""
    left = running.parent / "kernel-left.json"
    left.write_text(STALE.replace("{", '{"kernel_name": "ir", ', 1))
    try:
        assert main(["ps"]) == 0
        shown = capsys.readouterr()
        head, row = shown.out.splitlines()
        assert head.split() == ["NAME", "PID", "KERNEL", "AGE", "STATE"]
        assert row.split()[:3] == ["shared-1", str(pid), "-"]
        assert row.endswith("alive")
        assert "1 connection file was left over" in shown.err
        assert main(["ps", "--all"]) == 0
        assert any(line.split()[2] == "ir" for line in capsys.readouterr().out.splitlines())
        assert main(["ps", "--all", "--json"]) == 0
        listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
        assert {name: each["state"] for name, each in listed.items()} == {
            "shared-1": "alive",
            "left": "stale",
        }
        assert listed["shared-1"]["pid"] == pid
        assert listed["shared-1"]["connection_file"] == str(running)
    finally:
        left.unlink()


def test_where_none_runs_a_program_gets_an_empty_list(
    runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a person is told."""
    assert main(["ps", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["ps"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "no kernel runs\n")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.9, "0 s"), (61, "1 min 1 s"), (7_500, "2 h 5 min"), (90_000, "1 d 1 h")],
)
def test_an_age_has_two_units(seconds: float, told: str) -> None:
    """The largest that it has."""
    assert age_of(seconds) == told
