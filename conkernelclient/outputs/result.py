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
    import os
    from collections.abc import Iterator

    from ..protocol.messages import Message
    from .events import ErrorOutput, MessageEvent
    from .parts import ImagePart, Images, Part
    from .reduce import Output, Reducer
    from .widgets import States

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
        held_by_code: What that run runs.
        ended_by: If the kernel ended, was restarted or was cut off: what happened, without advice;
            None otherwise.
        widgets: What each widget of the run holds at last, by its model's id; None if it made none.
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
    held_by_code: str | None = None
    ended_by: str | None = None
    widgets: States | None = None

    def __getattr__(self, name: str) -> Any:  # asked for what is not set
        if name not in ("outputs", "widgets"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        reducer = self._reducer
        self.outputs, self.widgets = reducer.outputs, reducer.widgets
        del self._reducer
        return getattr(self, name)

    def read_later(self, reducer: Reducer) -> None:
        """Take the outputs from `reducer` when they are first asked for."""
        del self.outputs, self.widgets
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

    @property
    def value(self) -> Any:
        """
        The value of the last expression, as Python value where it can be told; None if none.

        What its `application/json` holds, if it has that; else what its plain text says, if that is
        a literal of numbers, strings, bytes, booleans, None, and tuples, lists, dicts and sets of
        them; else the plain text. It is parsed, never executed, and is no more than what the kernel
        shows: an object whose repr is "5" gives 5, and one that is shown with "..." gives its text.
        `kc.eval` gives the value itself.
        """
        from .literal import value_of

        data = self.data
        return None if data is None else value_of(data)

    @property
    def images(self) -> list[ImagePart]:
        """The PNG, JPEG, GIF and WebP images of the outputs, as they are, without broken ones."""
        from .parts import images_of

        return images_of(self.outputs)

    def parts(
        self,
        max_chars: int | None = 20_000,
        images: Images = "inline",
        *,
        max_image_px: int | None = 1568,
        max_images: int = 20,
        directory: str | os.PathLike[str] | None = None,
    ) -> list[Part]:
        r"""
        Give the outputs as parts of a message to a model: texts, the exception, images.

        Args:
            max_chars: Greatest length of all texts, and descriptions of images, together; None: no
                limit. JSON documents that have no room are told in one line, the longest first; of
                the rest the middle is left out, with a note of how much. From 100 on, the last line
                of the exception is kept, with the name of its type.
            images: "inline": their bytes are in the parts. "path": images, and what is left out of
                a text, are written to files, whose absolute paths are in the parts and in the note.
                "none": each is a line of text.
            max_image_px: Longer sides of inline images are scaled down to so many pixels, with
                Pillow (extra `[images]`), without which a line says so. None: as they are.
            max_images: The most images; those in their middle are left out, and a line says so.
            directory: Where files are written; it is made if need be. None: a private temporary
                directory, with "path" alone, which goes when this process exits.

        Returns:
            Parts with something to see, in the order of the outputs; text as in `to_llm`. Each
            display has one representation, see `conkernelclient.outputs.display` and `pieces`. An
            image that is broken, no PNG, JPEG, GIF or WebP, or has more than 50 million pixels is a
            line of text. A file that cannot be written costs that file, and the text says so.

        Raises:
            ValueError: `images` or `max_image_px` is none of these.

        Decoding and scaling take processor time: 0.5 s for 4000x4000 pixels. In a loop that serves
        others call it with `asyncio.to_thread`.
        """
        from .parts import PartOptions, parts_of

        options = PartOptions(max_chars, images, max_image_px, max_images, directory)
        return parts_of(
            self.outputs, options, raised=self._raised(), note=self._brief(), widgets=self.widgets
        )

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
        return text.for_model(
            self.outputs,
            max_chars,
            raised=self._raised(),
            note=self._brief(),
            widgets=self.widgets,
        )

    def _raised(self) -> tuple[str, str] | None:
        """Give name and text of what the code raised, or of what else ended the run."""
        if self.status != "error" or self.error is None:
            return None
        return self.error.ename, self.ended_by or self.error.evalue

    def _brief(self) -> str:
        """Give the note for a model, which knows no ids: it knows code."""
        if self.held_by is None or self.status != "timeout" or self.started:
            return self._note()
        first = short((self.held_by_code or "").strip().partition("\n")[0], SHOWN)
        return f"\n[timed out before it ran: an earlier call still runs{first and ': '}{first}]\n"

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        Show the outputs, as a notebook shows them below the cell.

        Returns:
            Data and metadata by MIME type. Those of the output, if it is a single display or value;
            otherwise all outputs one below the other, in HTML and as plain text, and how the run
            stands, unless it has ended by itself. A widget is the text that it shows at last.
        """
        note = self._note().strip() or ("" if self.outputs else repr(self))
        return as_bundle(self.outputs, note, self.widgets)

    def __rich_console__(self, console: object, options: object) -> Iterator[Any]:
        """Show the outputs in a terminal, and how it stands: rich calls this (extra `[rich]`)."""
        from .console import rendered

        note = self._note().strip() or ("" if self.outputs else repr(self))
        return rendered(self.outputs, note, self.widgets)

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
