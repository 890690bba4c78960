"""
What makes a forked process like a fresh one?

It has a session, files, directory, environment, arguments and signal handlers of its own, and draws
random numbers that no other draws. Then it runs its program, as `python -m` does.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import runpy
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

__all__ = ["become", "receive", "run", "send"]

GO: Final = b"g"  # what the program that asked for the fork says when it knows of it
CHUNK: Final = 65536
SEEDED: Final = ("numpy.random", "torch")  # have a `seed` that draws anew, like `random`


def receive(link: socket.socket) -> dict[str, Any] | None:
    """Read a line of JSON; None: there is nobody any more."""
    data = b""
    while not data.endswith(b"\n"):
        more = link.recv(CHUNK)
        if not more:
            return None
        data += more
    return json.loads(data)


def send(link: socket.socket, message: Mapping[str, Any]) -> bool:
    """Write a line of JSON; False: there is nobody any more."""
    try:
        link.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        return False
    return True


def become(link: socket.socket, files: Sequence[int]) -> dict[str, Any] | None:
    """
    Become what the request says that comes over `link`.

    Args:
        link: Leads to the program that asked for the fork.
        files: What its standard input, output and error are to be.

    Returns:
        The request; None: nobody waits for this process any more, or it cannot be as asked, which
        has been answered.
    """
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    _handle_signals_as_python_does()
    request = receive(link)
    if request is None:
        return None
    try:
        os.chdir(request["directory"])
    except OSError as error:
        send(link, {"errno": error.errno, "of": request["directory"]})
        return None
    _take_environment(request["environment"], is_independent=request["independent"])
    _draw_anew()
    is_heard = send(link, {"pid": os.getpid()})
    with contextlib.suppress(OSError):
        is_heard = is_heard and link.recv(1) == GO
    link.close()
    return request if is_heard else None


def run(request: Mapping[str, Any]) -> None:
    """Run the program, until it ends."""
    arguments = list(request["arguments"])
    if not request["independent"]:
        # Read from the environment as ipykernel was loaded, which is another process's.
        arguments.append(f"--IPKernelApp.parent_handle={os.getppid()}")
    sys.argv[:] = [request["module"], *arguments]
    sys.orig_argv[:] = [*request["interpreter"], "-m", *sys.argv]
    if not sys.flags.safe_path:
        sys.path.insert(0, os.getcwd())
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def _handle_signals_as_python_does() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as with `nohup`, for a fresh one too
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stdout: Any = sys.stdout
    stdout.reconfigure(line_buffering=os.isatty(1))


def _take_environment(environment: Mapping[str, str], *, is_independent: bool) -> None:
    os.environ.clear()
    os.environ.update(environment)
    if not is_independent:
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
    time.tzset()


def _draw_anew() -> None:
    random.seed()
    for name in SEEDED:
        if name in sys.modules:
            sys.modules[name].seed()
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes.current_process().authkey = os.urandom(32)
