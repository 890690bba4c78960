"""What does a call of a session give back?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, cast

from conkernelclient import Result

from . import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SessionResult", "asks_to_exit", "model_text"]

# How the kernel ended is told in the session's own words.
FIELDS: Final = tuple(field.name for field in fields(Result) if field.name != "ended_by")


@dataclass(slots=True, kw_only=True, repr=False)
class SessionResult(Result):
    """
    What came of one call of a session, or what has come so far.

    It is a `Result`; its texts for a model say how the session stands.

    Attributes:
        run_id: Short name of the call, such as "r1"; the key of `session.runs`.
        restarted: Whether the variables of earlier calls are gone: the kernel was replaced before
            this call ran, or ended while it ran.
        is_lost: Whether the kernel ended under this call, or no kernel could be had for it.
        notes: What a model should know beside the outputs, a sentence or two each.
    """

    run_id: str = ""
    restarted: bool = False
    is_lost: bool = False
    notes: Sequence[str] = ()

    def _note(self) -> str:
        """Give what is read at the end of the text for a model."""
        return "".join(f"\n[{note}]" for note in self.notes) + "\n" if self.notes else ""

    def _brief(self) -> str:
        return self._note()  # which is for a model already

    @classmethod
    def of(cls, result: Result, run_id: str, **changes: Any) -> SessionResult:
        """Make one of the result of a run."""
        known: dict[str, Any] = {name: getattr(result, name) for name in FIELDS}
        known |= {"run_id": run_id, **changes}
        return cls(**known)

    @classmethod
    def without_run(cls, code: str, run_id: str, **changes: Any) -> SessionResult:
        """Make the one of a call that did not run."""
        known: dict[str, Any] = {"status": "error", "msg_id": "", "code": code, "run_id": run_id}
        return cls(**(known | changes))


def model_text(result: SessionResult, max_chars: int | None, nothing: str = "") -> str:
    """
    Give the text of `result` for a model; never empty.

    Args:
        result: What is told.
        max_chars: Its length, at most; None: any.
        nothing: What is said if there is nothing else to say.
    """
    text = result.to_llm(max_chars).removeprefix("\n")
    return text if text.strip() else nothing or words.NOTHING_SHOWN


def asks_to_exit(result: Result) -> bool:
    """
    Whether the code called `exit()` or `quit()`: the kernel ends soon after its reply.

    Source: messaging protocol, "Payloads", `ask_exit`.
    """
    content: Mapping[str, Any] = {} if result.reply is None else result.reply["content"]
    payload: object = content.get("payload")
    items = cast("list[object]", payload) if isinstance(payload, list) else []
    asked = (cast("dict[str, Any]", it) for it in items if isinstance(it, dict))
    return any(it.get("source") == "ask_exit" and not it.get("keepkernel") for it in asked)
