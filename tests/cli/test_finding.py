"""An argument means one kernel, or the message lists what there is; attaching owns no kernel."""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING

import pytest

from conkernelclient.cli.finding import add_connection, attached, find, names
from conkernelclient.cli.options import UsageError
from conkernelclient.errors import DeadKernelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STALE = (
    '{"ip": "127.0.0.1", "shell_port": 1, "iopub_port": 1, "stdin_port": 1, "control_port": 1, '
    '"hb_port": 1}'
)


@pytest.fixture
def others(running: Path) -> Iterator[Path]:
    """Connection files of kernels that have ended, beside that of the one that runs."""
    names = ["kernel-shared-2.json", "kernel-old-1.json", "kernel-old-2.json", "named.json"]
    for name in names:
        (running.parent / name).write_text(STALE)
    yield running.parent
    for name in names:
        (running.parent / name).unlink()


@pytest.mark.parametrize("argument", ["kernel-shared-1.json", "shared-1", "sh", "kernel-sh"])
async def test_a_kernel_is_meant_by_its_file_its_name_or_how_that_begins(
    argument: str, others: Path
) -> None:
    """Of several that begin so the one that is alive is meant."""
    assert (await find(argument)).path == others / "kernel-shared-1.json"
    assert (await find(str(others / "kernel-shared-1.json"))).name == "shared-1"
    assert (await find("named", must_answer=False)).state == "stale"
    assert set(names()) == {"shared-1", "shared-2", "old-1", "old-2", "named"}


async def test_no_argument_means_the_newest_that_is_alive_and_says_so(
    others: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr: stdout is for what the command shows."""
    parser = argparse.ArgumentParser()
    add_connection(parser)
    assert (await find(parser.parse_args([]).connection)).name == "shared-1"
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "conkernel: kernel shared-1\n")
    shutil.copy(others / "kernel-shared-1.json", others / "kernel-copy.json")
    try:
        assert (await find(None)).state == "alive"
        assert "the newest of 2" in capsys.readouterr().err
    finally:
        (others / "kernel-copy.json").unlink()


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("old", "'old' may be old-1 or old-2"),
        ("nonsense", "there is no kernel 'nonsense'; there are shared-1"),
        ("", "an empty name"),
        ("no/such.json", "no such file"),
        ("~", "no such file|no kernel"),
        ("kernel-bad.json", "is no connection file: it is not JSON"),
    ],
)
async def test_what_means_none_or_several_lists_what_there_is(
    argument: str, said: str, others: Path
) -> None:
    """In one line."""
    (others / "kernel-bad.json").write_text("{")
    try:
        with pytest.raises(UsageError, match=said) as caught:
            await find(argument)
    finally:
        (others / "kernel-bad.json").unlink()
    assert "\n" not in str(caught.value)


async def test_where_no_kernel_runs_that_is_said(runtime: Path) -> None:
    """Whether one was named or not."""
    for argument in (None, "x"):
        with pytest.raises(UsageError, match=r"no kernel runs|none runs"):
            await find(argument)


async def test_a_kernel_that_has_ended_is_not_waited_for(others: Path) -> None:
    """Its file is named, which can be removed."""
    with pytest.raises(DeadKernelError, match=r"has ended: .*named\.json was left over"):
        await find("named")


async def test_leaving_ends_no_kernel_whatever_happens_inside(running: Path) -> None:
    """It is not ours."""
    kernel = await find("shared")

    async def fail() -> None:
        async with attached(kernel) as kc:
            assert (await kc.run("1")).ok
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert (await find("shared")).state == "alive"
