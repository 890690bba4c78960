"""What programs written for jupyter_client catch when a kernel ends, they catch with ours."""

from __future__ import annotations

import asyncio
import pickle
import sys
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import ModuleType
from typing import Any

import pytest

from conkernelclient import errors
from conkernelclient.state.caught import caught_class, somebody_looks
from conkernelclient.state.endings import Ending, restarted


class TheirDeadKernelError(RuntimeError):
    """As nbclient's."""


@pytest.fixture
def nbclient(monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    """A program that has loaded nbclient: a stand-in for the module; its error class."""
    module = ModuleType("nbclient.exceptions")
    module.DeadKernelError = TheirDeadKernelError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nbclient.exceptions", module)
    return TheirDeadKernelError


@pytest.mark.parametrize("make", [Ending(exit_code=3, stderr="s").error, restarted])
def test_the_error_that_others_catch_as_well_is_ours_in_name_and_pickle(
    nbclient: type[Exception], monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    """Made once; where it arrives without nbclient, it is ours alone."""
    error = make()
    error.msg_id = "m"
    base = type(error).__mro__[1]
    assert issubclass(base, errors.DeadKernelError)
    assert type(error) is caught_class(base)
    assert repr(error).startswith(f"{base.__name__}(")
    assert (type(error).__module__, type(error).__qualname__) == (base.__module__, base.__name__)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, vars(again)) == (type(error), error.args, vars(error))
    pickled = pickle.dumps(error)
    monkeypatch.delitem(sys.modules, "nbclient.exceptions")
    plain = pickle.loads(pickled)
    assert (type(plain), plain.args, vars(plain)) == (base, error.args, vars(error))


def test_a_class_that_cannot_stand_beside_ours_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that chose another layout costs its own except clause, not the error."""
    module = ModuleType("nbclient.exceptions")

    class Final(Exception):
        def __init_subclass__(cls) -> None:
            raise TypeError("nobody derives from it")

    module.DeadKernelError = Final  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nbclient.exceptions", module)
    assert type(restarted()) is errors.KernelRestartedError


# What programs catch around the calls of jupyter_client, and what ours raise there:
# (call, situation, what is raised, the class that is caught; who catches it).
CAUGHT = [
    ("get_msg", "dead", errors.DeadKernelError, RuntimeError),  # nbclient.setup_kernel
    ("get_msg", "restarted", errors.KernelRestartedError, RuntimeError),  # nbclient
    ("execute", "dead", errors.DeadKernelError, RuntimeError),  # nbclient.setup_kernel
    ("wait_for_ready", "mute", errors.ReadyTimeout, RuntimeError),  # nbclient, jupyter_client
    ("wait_for_ready", "dead", errors.DeadKernelError, RuntimeError),  # nbclient
    ("execute_interactive", "late", errors.ReplyTimeout, TimeoutError),  # nbmake, voila
    ("execute(reply=True)", "late", errors.ReplyTimeout, asyncio.TimeoutError),  # voila.handler
    ("execute(reply=True)", "late", errors.ReplyTimeout, FutureTimeoutError),  # run_sync's users
    ("connect", "lost", errors.TransportError, ConnectionError),  # voila.utils
]


@pytest.mark.parametrize(("call", "situation", "raised", "caught"), CAUGHT)
def test_what_is_raised_is_what_programs_catch(
    call: str, situation: str, raised: type[Exception], caught: type[Exception]
) -> None:
    """By class, without nbclient."""
    assert issubclass(raised, caught), (call, situation)


def test_that_somebody_looks_is_known_from_what_is_loaded(
    nbclient: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is imported for that; what is no error class there counts for nothing."""
    assert somebody_looks()
    monkeypatch.setattr(sys.modules["nbclient.exceptions"], "DeadKernelError", "no class")
    assert not somebody_looks()
    monkeypatch.delitem(sys.modules, "nbclient.exceptions")
    assert not somebody_looks()
