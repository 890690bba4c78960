"""
How does a cell fail whose code failed in another kernel?

By an exception of the same name and text, whose traceback is the other kernel's: IPython asks an
exception for `_render_traceback_`, and our own frames are shown to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from conkernelclient.errors import ConKernelError, ExecutionError, ReplyTimeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conkernelclient import Result

__all__ = ["failure_of", "failure_of_result", "interrupt_of", "not_begun", "rendered"]

E = TypeVar("E", bound=BaseException)

GOES_ON: Final = "; it swallowed the interrupt and goes on: %kernel restart {} ends it"


class _Remote(ExecutionError):
    """What the code raised in the other kernel; each has a class of the exception's own name."""

    def __str__(self) -> str:
        return self.evalue


def rendered(error: E, lines: Sequence[str] = ()) -> E:
    """Let IPython show `error` by these lines of a traceback, or in one line, unless it knows."""
    shown: Any = error
    if not hasattr(shown, "_render_traceback_"):
        said = list(lines) or [f"{type(error).__name__}: {error}".removesuffix(": ")]
        shown._render_traceback_ = lambda: said
    return error


def failure_of_result(result: Result, name: str, timeout: float | None) -> BaseException:
    """Give what a cell raises whose result is not "ok"."""
    error, lines = result.error, [] if result.error is None else list(result.error.traceback)
    if result.status == "error" and error is not None:
        return _named(error.ename, error.evalue, lines, result)
    if result.status == "timeout":
        rest = GOES_ON.format(name) if result.still_running else ""
        late = ReplyTimeout(f"timed out after {timeout or 0:g} s in the kernel {name!r}{rest}")
        late.result = result
        return rendered(late, [*lines, f"ReplyTimeout: {late}"])
    try:
        result.raise_for_status()
    except ConKernelError as other:
        return rendered(other.with_traceback(None))
    raise AssertionError(result.status)


def failure_of(error: BaseException, name: str) -> BaseException:
    """Give what a cell raises whose run ended with an error of this package's, in one line."""
    if not isinstance(error, ConKernelError):
        return error
    if isinstance(error, ExecutionError):
        return _named(error.ename, error.evalue, error.traceback, error.result)
    ended_by = getattr(error.result, "ended_by", None)
    if ended_by:  # the error's own text advises a programmer
        error.args = (f"{ended_by.strip()}; the next %%kernel {name} begins anew",)
    return rendered(error)


def _named(ename: str, evalue: str, lines: Sequence[str], result: object) -> BaseException:
    """Give an exception of the same name and text."""
    kind = type(ename or "Error", (_Remote,), {"__module__": __name__})
    raised = kind(ename, evalue, lines)
    raised.result = result
    return rendered(raised, lines or [f"{ename}: {evalue}"])


def interrupt_of(result: Result | None, name: str) -> KeyboardInterrupt:
    """
    Give what a cell raises that was interrupted.

    Args:
        result: What came of its run; None if the kernel goes on with it.
        name: The kernel's.
    """
    if result is None or result.still_running:
        error = KeyboardInterrupt(f"in the kernel {name!r}{GOES_ON.format(name)}")
        return rendered(error)
    lines = [] if result.error is None else result.error.traceback
    error = KeyboardInterrupt(f"in the kernel {name!r}")
    return rendered(error, lines)


def not_begun(name: str) -> KeyboardInterrupt:
    """Give what a cell raises that was interrupted before its kernel had it."""
    return rendered(KeyboardInterrupt(f"before the kernel {name!r} had the cell; it did not run"))
