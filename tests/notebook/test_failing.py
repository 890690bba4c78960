"""A cell fails by the name, the text and the traceback of what failed elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from conkernelclient import Result
from conkernelclient.errors import ConKernelError, DeadKernelError, ExecutionError
from conkernelclient.events import ErrorOutput
from conkernelclient.notebook.failing import (
    failure_of,
    failure_of_result,
    interrupt_of,
    not_begun,
    rendered,
)


def lines_of(error: Any) -> list[str]:
    """What IPython shows."""
    return error._render_traceback_()


def ended(status: Any, **known: Any) -> Result:
    """A result with an error."""
    error = ErrorOutput("NameError", "no x", ["Traceback", "NameError: no x"])
    return Result(status=status, msg_id="1", code="x", started=True, **({"error": error} | known))


def test_an_error_of_the_code_has_its_name_text_and_traceback() -> None:
    """And can be caught as what the package raises."""
    error = failure_of_result(ended("error"), "a", None)
    assert isinstance(error, ExecutionError)
    assert (type(error).__name__, str(error)) == ("NameError", "no x")
    assert lines_of(error) == ["Traceback", "NameError: no x"]
    bare = failure_of_result(ended("error", error=ErrorOutput("E", "v", [])), "a", None)
    assert lines_of(bare) == ["E: v"]


def test_a_timeout_tells_where_the_code_was_and_whether_it_goes_on() -> None:
    """The traceback of its interrupt comes first."""
    error = failure_of_result(ended("timeout"), "a", 2)
    said = "ReplyTimeout: timed out after 2 s in the kernel 'a'"
    assert lines_of(error) == ["Traceback", "NameError: no x", said]
    error = failure_of_result(ended("timeout", still_running=True, error=None), "a", 2)
    assert lines_of(error) == [
        f"{said}; it swallowed the interrupt and goes on: %kernel restart a ends it"
    ]


def test_a_cell_that_did_not_run_says_so() -> None:
    """In one line."""
    error = failure_of_result(ended("aborted", error=None, aborted_by="E: v"), "a", None)
    assert lines_of(error) == ["ConKernelError: aborted after E: v: the code did not run"]


def test_an_error_of_the_package_is_one_line_without_advice_to_programmers() -> None:
    """What ended the kernel, and what comes next."""
    dead = DeadKernelError("it ended; use km.restart_kernel()")
    dead.result = ended("error", ended_by="the kernel ended")
    shown = failure_of(dead, "a")
    assert shown is dead
    assert lines_of(dead) == ["DeadKernelError: the kernel ended; the next %%kernel a begins anew"]
    assert lines_of(failure_of(ConKernelError("no"), "a")) == ["ConKernelError: no"]
    remote = failure_of(ExecutionError("E", "v"), "a")
    assert (type(remote).__name__, lines_of(remote)) == ("E", ["E: v"])
    other = ValueError()
    assert failure_of(other, "a") is other


def test_an_interrupt_is_one_here_with_the_traceback_from_there() -> None:
    """Or it says that the kernel goes on, or never began."""
    assert lines_of(interrupt_of(ended("error"), "a")) == ["Traceback", "NameError: no x"]
    (line,) = lines_of(interrupt_of(None, "a"))
    assert line.endswith("%kernel restart a ends it")
    assert lines_of(interrupt_of(ended("cancelled", error=None), "a")) == [
        "KeyboardInterrupt: in the kernel 'a'"
    ]
    assert "did not run" in lines_of(not_begun("a"))[0]
    with pytest.raises(KeyboardInterrupt):
        raise rendered(KeyboardInterrupt())
