"""
What can go wrong, and what should the caller do about it?

The tree (each class also has the built-in base that existing `except` clauses look for):

    ConKernelError
    ├── DeadKernelError (RuntimeError)        the kernel stopped before it answered
    │   └── KernelRestartedError              it was restarted; its predecessor had the request
    ├── ChannelsClosedError (RuntimeError)    the client's channels are not running
    ├── NotInterruptibleError (RuntimeError)  an interrupt cannot be aimed at this run
    ├── WrongLoopError (RuntimeError)         the client is at work in another thread's loop
    ├── ForkedError (RuntimeError)            the client was made before this process was forked off
    ├── BacklogFullError (RuntimeError)       the kernel does not read; the outgoing queue is full
    ├── ProtocolError (ValueError)            a message or request that the protocol does not allow
    │   └── UnparseableMessageError           it does not fit the model of its type
    ├── TransportError (ConnectionError)      the connection is lost, or nothing is published
    ├── CommTargetError (LookupError)         the kernel does not want the comm that we opened
    ├── LostMessagesError (RuntimeError)      a reader of messages was too slow, or was cut off
    ├── ReplyTimeout (TimeoutError)           no reply in time, or none will come
    │   └── ReadyTimeout (RuntimeError)       the kernel did not get ready in time
    ├── SessionError (RuntimeError)           a tool session has no kernel, and cannot get one
    ├── NotebookError (ValueError)            a file or its content is no valid notebook
    │   └── EditError                         an edit that this notebook does not allow
    └── ExecutionError                        the user's code raised; a value had been promised
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BacklogFullError",
    "ChannelsClosedError",
    "CommTargetError",
    "ConKernelError",
    "DeadKernelError",
    "EditError",
    "ExecutionError",
    "ForkedError",
    "KernelRestartedError",
    "LostMessagesError",
    "NotInterruptibleError",
    "NotebookError",
    "ProtocolError",
    "ReadyTimeout",
    "ReplyTimeout",
    "SessionError",
    "TransportError",
    "UnparseableMessageError",
    "WrongLoopError",
]


class ConKernelError(Exception):
    """
    The base of every exception that this package raises.

    Attributes:
        msg_id: The request that it is about; None if it is about no single one.
        result: What had arrived of a `Run` until then (a `Result`); None for other requests.
    """

    def __init__(self, message: str = "", *, msg_id: str | None = None) -> None:
        super().__init__(message)
        self.msg_id = msg_id
        self.result: object | None = None


class DeadKernelError(ConKernelError, RuntimeError):
    """
    The kernel stopped before it answered.

    Attributes:
        msg_id: The request that was waiting.
        exit_code: Exit status of the process; negative means killed by that signal; None if the
            process is not ours.
        stderr: The last lines that it wrote, at most 4 KiB.
        expected: True if the kernel was shut down on purpose.
    """

    def __init__(
        self,
        message: str = "",
        *,
        msg_id: str | None = None,
        exit_code: int | None = None,
        stderr: str = "",
        expected: bool = False,
    ) -> None:
        super().__init__(message, msg_id=msg_id)
        self.exit_code = exit_code
        self.stderr = stderr
        self.expected = expected

    @property
    def signal(self) -> int | None:
        """The number of the signal that ended the process, None if none did."""
        return -self.exit_code if self.exit_code is not None and self.exit_code < 0 else None


class KernelRestartedError(DeadKernelError):
    """
    The kernel was restarted; what was sent to its predecessor will not be answered.

    Send it again.
    """


class ChannelsClosedError(ConKernelError, RuntimeError):
    """The client's channels are not running: call `start_channels()` first, or again."""


class NotInterruptibleError(ConKernelError, RuntimeError):
    """This run cannot be interrupted alone: a process interrupt would hit another one."""


class WrongLoopError(ConKernelError, RuntimeError):
    """This can only be awaited in the loop of another thread, which the client serves."""


class ForkedError(ConKernelError, RuntimeError):
    """The client was made before this process was forked off its parent; make a new client here."""


class BacklogFullError(ConKernelError, RuntimeError):
    """The kernel does not read and the outgoing queue is full; nothing was sent or registered."""


class ProtocolError(ConKernelError, ValueError):
    """A message, or a request, that the messaging protocol does not allow."""


class UnparseableMessageError(ProtocolError):
    """
    A message that does not fit the model of its type, or is no message at all.

    Attributes:
        msg_type: The type that it names, "" if it names none.
        problems: What is wrong, and where: lines like "content.text: missing", at most ten.
    """

    def __init__(
        self,
        message: str = "",
        *,
        msg_id: str | None = None,
        msg_type: str = "",
        problems: Sequence[str] = (),
    ) -> None:
        super().__init__(message, msg_id=msg_id)
        self.msg_type = msg_type
        self.problems: list[str] = list(problems)


class TransportError(ConKernelError, ConnectionError):
    """The connection to the kernel is lost, or the kernel replies and publishes nothing."""


class CommTargetError(ConKernelError, LookupError):
    """
    The kernel closed a comm in answer to its opening: it has no such target, or that failed.

    Attributes:
        target_name: The target that was asked for.
        data: What the kernel said when it closed the comm; None if that is not known.
        stderr: What it wrote there meanwhile, at most 4,096 characters.
    """

    def __init__(
        self,
        message: str = "",
        *,
        msg_id: str | None = None,
        target_name: str = "",
        data: object = None,
        stderr: str = "",
    ) -> None:
        super().__init__(message, msg_id=msg_id)
        self.target_name = target_name
        self.data = data
        self.stderr = stderr


class LostMessagesError(ConKernelError, RuntimeError):
    """
    Messages are missing here: the reader was too slow, or the connection was cut.

    Iterate again to go on with what came after them.

    Attributes:
        count: How many; None: that is not known.
    """

    def __init__(
        self, message: str = "", *, msg_id: str | None = None, count: int | None = None
    ) -> None:
        super().__init__(message, msg_id=msg_id)
        self.count = count


class ReplyTimeout(ConKernelError, TimeoutError):
    """
    No reply came within the caller's `timeout`; or, after an interrupt, none will come.

    The kernel was left alone: it may still be at work.
    """


class ReadyTimeout(ReplyTimeout, RuntimeError):
    """The kernel did not get ready in time: it is still starting, busy with other code, or mute."""


class SessionError(ConKernelError, RuntimeError):
    """
    A tool session has no kernel, and cannot get one; or it is closed.

    Attributes:
        stderr: The last that the kernel wrote, at most 4 KiB.
    """

    def __init__(self, message: str = "", *, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


class NotebookError(ConKernelError, ValueError):
    """This is no valid notebook, or its file cannot be read or written: one line says why."""


class EditError(NotebookError):
    """
    The notebook does not allow this edit, as of a cell that another one deleted; nothing changed.

    Attributes:
        cell_id: The cell that it is about; None if it is about the whole notebook.
    """

    def __init__(self, message: str = "", *, cell_id: str | None = None) -> None:
        super().__init__(message)
        self.cell_id = cell_id


class ExecutionError(ConKernelError):
    """
    The user's code raised an exception in the kernel.

    Attributes:
        ename: Name of the exception's class.
        evalue: Its text.
        traceback: Its traceback as the kernel formatted it, a list of strings that may hold ANSI
            colours.
    """

    def __init__(
        self,
        ename: str,
        evalue: str = "",
        traceback: Sequence[str] = (),
        *,
        msg_id: str | None = None,
    ) -> None:
        super().__init__(f"{ename}: {evalue}", msg_id=msg_id)
        self.ename = ename
        self.evalue = evalue
        self.traceback: list[str] = list(traceback)
