"""What came of a run, as one object that a person, a notebook or a tool loop can read?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from ..errors import ConKernelError, ExecutionError, ReplyTimeout
from . import text
from .bundle import as_bundle
from .events import BaseEvent
from .standing import short, standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..protocol.messages import Message
    from .events import ErrorOutput, MessageEvent
    from .reduce import Output, Reducer

__all__ = ["Event", "Finished", "Result", "Status"]

Status: TypeAlias = Literal["ok", "error", "aborted", "timeout", "cancelled", "running"]


SHOWN: Final = 60  # characters of a text in a repr
CAUSE: Final = 300  # characters of an error that is told of another one


class _Unread:
    """What a result keeps as long as its outputs have not been asked for."""

    __slots__ = ("_reducer",)

    _reducer: Reducer


@dataclass(slots=True, kw_only=True, repr=False)
class Result(_Unread):
    """
    What came of a run; while it goes on, what has come so far (`run.outcome`).

    Attributes:
        status: "ok", "error" (the code raised), "aborted" (an earlier error of another caller
            emptied the kernel's queue), "timeout", "cancelled"; "running" as long as none of these
            is known.
        msg_id: Id of the request.
        code: What was run.
        outputs: nbformat 4 outputs, a list of dicts with "output_type" "stream", "display_data",
            "execute_result" or "error". Large ones are parsed when they are first asked for, which
            takes some 2 ms for each megabyte.
        execution_count: The kernel's number of the cell; None if it gave none.
        error: Name, text and traceback of what the code raised; None if it raised nothing.
        reply: The `execute_reply`; None if the kernel gave none.
        duration: Seconds from busy to the end; None if it never began.
        started: Whether the kernel began with it. A run that was cancelled before it was sent never
            ran.
        interrupted: Whether an interrupt was sent while it ran.
        still_running: Whether the kernel is still at it, although the run was given up.
        aborted_by: With status "aborted": the error last seen before, as text; None if none was
            seen.
        held_by: If it timed out before it ran: msg_id of this client's run that held the kernel;
            None if none of them did.
    """

    status: Status
    msg_id: str
    code: str
    outputs: list[Output] = field(default_factory=list)
    execution_count: int | None = None
    error: ErrorOutput | None = None
    reply: Message | None = None
    duration: float | None = None
    started: bool = False
    interrupted: bool = False
    still_running: bool = False
    aborted_by: str | None = None
    held_by: str | None = None

    def __getattr__(self, name: str) -> Any:  # asked for what is not set
        if name != "outputs":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.outputs = self._reducer.outputs
        del self._reducer
        return self.outputs

    def read_later(self, reducer: Reducer) -> None:
        """Take the outputs from `reducer` when they are first asked for."""
        del self.outputs
        self._reducer = reducer

    @property
    def ok(self) -> bool:
        """Whether the code ran to its end and raised nothing."""
        return self.status == "ok"

    @property
    def stdout(self) -> str:
        """What was printed to standard output."""
        return text.stream_text(self.outputs, "stdout")

    @property
    def stderr(self) -> str:
        """What was printed to standard error."""
        return text.stream_text(self.outputs, "stderr")

    @property
    def text(self) -> str:
        """What a terminal would show: printed text, values as plain text, tracebacks."""
        return text.as_text(self.outputs)

    @property
    def data(self) -> dict[str, Any] | None:
        """The value of the last expression by MIME type; None if there was none."""
        for output in reversed(self.outputs):
            if output["output_type"] == "execute_result":
                return output["data"]
        return None

    def to_llm(self, max_chars: int | None = None) -> str:
        r"""
        Give the outputs as text for a language model.

        Args:
            max_chars: The text's greatest length; what is over is cut from its middle. From 100 on,
                the last line of the exception is kept, with the name of its type, and "…" in the
                middle of its message where that is too long itself. None: no limit.

        Returns:
            The outputs, each display by its content (text, an image's type and size), and, unless
            the status is "ok" or "error", a last line with the status. A newline and a tab are the
            only controls in it: what a carriage return or backspace overwrote is gone, and
            characters that hide text from people are escapes such as "\u202e".
        """
        raised = self.error if self.status == "error" else None
        return text.for_model(
            self.outputs,
            max_chars,
            raised=None if raised is None else (raised.ename, raised.evalue),
            note=self._note(),
        )

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        Show the outputs, as a notebook shows them below the cell.

        Returns:
            Data and metadata by MIME type. Those of the output, if it is a single display or value;
            otherwise all outputs one below the other, in HTML and as plain text.
        """
        return as_bundle(self.outputs, self._note().strip() or repr(self))

    def __repr__(self) -> str:
        return standing(self, self._standing)

    def _standing(self) -> Iterator[str]:
        count = "" if self.execution_count is None else f" [{self.execution_count}]"
        yield f"{self.status}{count}"
        if self.duration is not None:
            yield f"{self.duration:.3g} s"
        if self.still_running:
            yield "still running"
        if self.interrupted:
            yield "interrupted"
        if self.aborted_by is not None:
            yield f"aborted_by={short(self.aborted_by, SHOWN)!r}"
        if self.held_by is not None:
            yield f"held_by={self.held_by!r}"
        if self.error is not None:
            yield short(f"{self.error.ename}: {self.error.evalue}", SHOWN)
        if self.outputs:
            yield f"{len(self.outputs)} outputs: {short(text.first_of(self.outputs), SHOWN)!r}"

    def raise_for_status(self) -> Self:
        """
        Give the result itself if its status is "ok".

        Raises:
            ExecutionError: The code raised.
            ConKernelError: It was aborted, timed out, was cancelled, or is still running.

        Both have this result as their `result`.
        """
        if self.status == "ok":
            return self
        error = self._as_error()
        error.result = self
        raise error

    def _as_error(self) -> ConKernelError:
        if self.status == "timeout":
            note = self._note().strip(" []\n")
            return ReplyTimeout(f"run {self.msg_id} {note}; {self._advice()}", msg_id=self.msg_id)
        if self.error is not None and self.status == "error":
            error = self.error
            return ExecutionError(error.ename, error.evalue, error.traceback, msg_id=self.msg_id)
        return ConKernelError(self._note().strip(" []\n") or self.status, msg_id=self.msg_id)

    def _advice(self) -> str:
        if self.started:
            return "run it with a longer timeout, or in smaller parts"
        if self.held_by is not None:
            return "interrupt that run, wait for it, or give this one a longer start_timeout"
        return "give it a longer start_timeout"

    def _note(self) -> str:
        match self.status:
            case "ok" | "error":
                return ""
            case "aborted":
                cause = f" after {short(self.aborted_by, CAUSE)}" if self.aborted_by else ""
                return f"\n[aborted{cause}: the code did not run]\n"
            case "timeout":
                rest = ", and the kernel is still busy with it" if self.still_running else ""
                if not self.started:
                    holder = f": run {self.held_by} held the kernel" if self.held_by else ""
                    return f"\n[timed out before it ran{holder}]\n"
                return f"\n[timed out{rest}]\n"
            case "cancelled":
                return "\n[cancelled]\n" if self.started else "\n[cancelled before it ran]\n"
            case "running":
                return "\n[still running]\n"


@dataclass(slots=True)
class Finished(BaseEvent):
    """The run is done; the last event."""

    result: Result


Event: TypeAlias = "MessageEvent | Finished"
