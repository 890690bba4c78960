"""What is known of a kernel's process is kept from its launch to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from conkernelclient.manager import guardian
from conkernelclient.manager import life as life_module
from conkernelclient.manager.life import Life
from tests.clients import LONG


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a process wrote is waited for, however busy the machine is."""
    monkeypatch.setattr(life_module, "STDERR_LINGERS", LONG)


def life_of(*, captures_stderr: bool = True, **options: Any) -> Life:
    settings: dict[str, Any] = {"is_owned": False, "ports": [5555], "on_port_taken": lambda: None}
    return Life(captures_stderr=captures_stderr, **{**settings, **options})


def born(life: Life, program: str, **options: Any) -> subprocess.Popen[bytes]:
    """A process that has been launched, and waits for the end of its stdin."""
    launch_args: dict[str, Any] = {"stdin": subprocess.PIPE, **options}
    with life.birth(launch_args):
        return subprocess.Popen(
            [sys.executable, "-c", f"{program}\nimport sys; sys.stdin.read(); sys.exit(4)"],
            **launch_args,
        )


def watched(life: Life, process: Any, **more: Any) -> threading.Event:
    """Set when its end was told."""
    is_told = threading.Event()
    is_watched = life.watch(
        SimpleNamespace(process=process, **more), lambda: lambda _: is_told.set()
    )
    assert is_watched is life.is_watched is True
    return is_told


def test_its_end_is_told_with_status_and_last_words() -> None:
    """Those are read by then."""
    life = life_of()
    assert not life.is_over
    with born(life, "import sys; print('bye', file=sys.stderr)") as process:
        is_told = watched(life, process)
        process.communicate()
        assert is_told.wait(LONG)
    assert life.is_over
    assert life.ending()[:3] == (4, "bye\n", False)
    life.is_being_ended = True
    assert life.ending().expected


def test_the_stderr_of_others_is_left_alone() -> None:
    """The process gets what its launcher said."""
    life = life_of(captures_stderr=False)
    with born(life, "import sys; print('bye', file=sys.stderr)", stderr=subprocess.PIPE) as process:
        is_told = watched(life, process)
        assert process.communicate()[1] == b"bye\n"
        assert is_told.wait(LONG)
    assert life.ending().stderr == ""


def test_a_process_that_is_not_ours_to_wait_for_is_not_watched() -> None:
    """As one of a provisioner on another machine."""
    life = life_of()
    assert not life.watch(SimpleNamespace(), lambda: None)
    assert not life.is_watched
    assert life.ending().exit_code is None


@pytest.mark.parametrize(
    ("said", "is_taken"),
    [
        ("zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:5555')", True),
        ("Address already in use (addr='tcp://127.0.0.1:5556')", False),
        ("listening on :5555", False),
    ],
)
def test_the_complaint_of_a_port_that_is_taken_is_told_once(said: str, is_taken: bool) -> None:
    """It may hang then, instead of ending; another program's port is none of ours."""
    calls: list[Life] = []
    life = life_of(on_port_taken=lambda: calls.append)
    program = f"import sys\nfor _ in range(2): print({said!r}, file=sys.stderr, flush=True)"
    with born(life, program) as process:
        is_told = watched(life, process)
        process.communicate()
        assert is_told.wait(LONG)
    assert calls == [life] * is_taken


def test_a_launch_that_fails_leaves_no_pipe() -> None:
    """Both its ends are closed."""
    life = life_of()
    launch_args: dict[str, Any] = {}
    with pytest.raises(ZeroDivisionError), life.birth(launch_args):
        raise ZeroDivisionError
    with pytest.raises(OSError, match="Bad file descriptor"):
        open(launch_args["stderr"], "wb").close()


def test_a_group_that_is_ours_is_guarded_while_it_lives() -> None:
    """Until it has ended, however long that takes."""
    life = life_of(is_owned=True)
    with born(life, "", start_new_session=True) as process:
        is_told = watched(life, process, pgid=process.pid)
        assert process.pid in guardian._guarded
        process.communicate()
        assert is_told.wait(LONG)
    assert process.pid not in guardian._guarded


def test_a_process_that_never_got_a_group_of_its_own_is_signalled_alone() -> None:
    """Ours would be, with this program in it: a Ctrl-C may end a kernel that early."""
    life = life_of(is_owned=True)
    process = born(life, "")
    provisioner = SimpleNamespace(process=process, pgid=os.getpgrp())
    told = threading.Event()

    def on_end() -> Any:
        return lambda _life: told.set()

    assert life.watch(provisioner, on_end)
    assert provisioner.pgid is None
    assert process.stdin is not None
    process.stdin.close()
    assert told.wait(LONG)
