"""
Which messages pass between a front end and the server?

Each is one text of a WebSocket, a JSON object that names its "type". A front end's messages have
an "id", a number of its own choosing, and each gets one answer with that id, `Ok` or `Error`, which
nobody else sees. What the session tells (`session_events`) goes to all front ends that subscribed.
Names of fields are those of the classes. `schema.json_schema` gives all of it to other languages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    cast,
    get_args,
    get_type_hints,
)

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ...errors import ConKernelError
from ..document import edits
from .describing import attributes_of, summary_of

__all__ = [
    "EDITS",
    "FROM_FRONT_ENDS",
    "MOST",
    "Answer",
    "Cancel",
    "Complete",
    "EditMessage",
    "Error",
    "FrontEndMessage",
    "Inspect",
    "Interrupt",
    "Ok",
    "Restart",
    "RubbishError",
    "RunAll",
    "RunCell",
    "RunDependants",
    "Save",
    "Subscribe",
    "read",
]

MOST: Final = 4_000_000
"""Characters of a front end's message; of a longer one nothing is read."""
SHOWN: Final = 3  # problems that an error names


class RubbishError(ConKernelError, ValueError):
    """
    What a front end sent is no message.

    Attributes:
        message_id: Its id, where it has one that can be read.
    """

    def __init__(self, text: str, message_id: int | None = None) -> None:
        super().__init__(text)
        self.message_id: int | None = message_id


class FrontEndMessage(BaseModel):
    """What a front end may send; a field that is not declared is an error."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: int = Field(description="A number of the front end's choosing, which the answer has.")


class Subscribe(FrontEndMessage):
    """
    Be told of the session: a `snapshot` first, then each event after it.

    The answer says in `front_end` what this one is called, as in `by` of its edits. Again: a fresh
    snapshot.
    """

    type: Literal["subscribe"]


class RunCell(FrontEndMessage):
    """Run a cell, after those that are queued; the answer says in `cell_ids` what was queued."""

    type: Literal["run_cell"]
    cell_id: str


class RunAll(FrontEndMessage):
    """Run all cells of code, from the top."""

    type: Literal["run_all"]


class RunDependants(FrontEndMessage):
    """Run a cell and then all that depend on it; an error if that cannot be known."""

    type: Literal["run_dependants"]
    cell_id: str


class Cancel(FrontEndMessage):
    """
    Take a cell out of the queue; one that runs is interrupted. Without `cell_id`: all of them.

    The answer says in `done` whether there was anything to cancel.
    """

    type: Literal["cancel"]
    cell_id: str | None = None


class Interrupt(FrontEndMessage):
    """Interrupt the cell that runs; it is answered when the kernel has been told."""

    type: Literal["interrupt"]


class Restart(FrontEndMessage):
    """Restart the kernel; it is answered when that has begun or failed."""

    type: Literal["restart"]


class Answer(FrontEndMessage):
    """Answer the question that the code of a cell asks."""

    type: Literal["answer"]
    cell_id: str
    text: str


class Save(FrontEndMessage):
    """Save the notebook now; it is answered when the file is written."""

    type: Literal["save"]
    force: bool = Field(
        default=False,
        description="Also over what another program has written into the file meanwhile.",
    )


class Complete(FrontEndMessage):
    """Ask the kernel how code may go on; the answer has in `reply` what it replied."""

    type: Literal["complete"]
    code: str
    cursor_pos: int | None = Field(
        default=None,
        ge=0,
        description="A place in the code, in characters (code points); null: its end.",
    )


class Inspect(FrontEndMessage):
    """Ask the kernel what is at a place in code; the answer has in `reply` what it replied."""

    type: Literal["inspect"]
    code: str
    cursor_pos: int | None = Field(
        default=None,
        ge=0,
        description="A place in the code, in characters (code points); null: its end.",
    )
    detail_level: Literal[0, 1] = 0


class EditMessage(FrontEndMessage):
    """An edit of the notebook, of the same type and fields as that of `document.edits`."""

    EDIT: ClassVar[type[Any]]

    def to_edit(self) -> edits.Edit:
        """Give the edit."""
        names = [field.name for field in fields(self.EDIT)]
        return cast("edits.Edit", self.EDIT(**{name: getattr(self, name) for name in names}))


def _message_of(edit: type[Any]) -> type[EditMessage]:
    hints, texts = get_type_hints(edit), attributes_of(edit)
    declared: dict[str, Any] = {}
    for field in fields(edit):
        is_needed = field.default is MISSING or field.name == "type"
        default = ... if is_needed else field.default
        description = texts.get(field.name)
        declared[field.name] = (hints[field.name], Field(default=default, description=description))
    made = create_model(
        edit.__name__,
        __base__=EditMessage,
        __doc__=summary_of(edit),
        __module__=__name__,
        **declared,
    )
    made.EDIT = edit
    return made


def _by_type(kinds: tuple[type[FrontEndMessage], ...]) -> Mapping[str, type[FrontEndMessage]]:
    return MappingProxyType(
        {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in kinds}
    )


EDITS: Final[tuple[type[EditMessage], ...]] = tuple(map(_message_of, get_args(edits.Edit)))
"""A message for each edit of `document.edits`."""

FROM_FRONT_ENDS: Final[Mapping[str, type[FrontEndMessage]]] = _by_type(
    (
        Subscribe,
        *EDITS,
        RunCell,
        RunAll,
        RunDependants,
        Cancel,
        Interrupt,
        Restart,
        Answer,
        Save,
        Complete,
        Inspect,
    )
)
"""All that a front end may send, by type."""


class Ok(BaseModel):
    """What was asked is done, or is under way where the message says so."""

    type: Literal["ok"] = "ok"
    id: int = Field(description="Of the message that is answered.")
    front_end: str | None = Field(
        default=None, description="To `subscribe`: what the asker is called."
    )
    cell_ids: list[str] | None = Field(
        default=None, description="The cells that were queued, in order, or the one that was added."
    )
    done: bool | None = Field(default=None, description="To `cancel`: whether there was anything.")
    reply: dict[str, Any] | None = Field(
        default=None, description="To `complete` and `inspect`: the content of the kernel's reply."
    )


class Error(BaseModel):
    """What was asked is not done, or what was sent is no message."""

    type: Literal["error"] = "error"
    id: int | None = Field(description="Of the message that is answered; null: it has none.")
    message: str = Field(description="What is wrong, in one line for a person.")
    cell_id: str | None = Field(
        default=None, description="The cell that it is about, if it is about one."
    )


def read(text: str) -> FrontEndMessage:
    """
    Read what a front end sent.

    Raises:
        RubbishError: It is too long, no JSON, or no message: what is wrong, in one line.
    """
    if len(text) > MOST:
        raise RubbishError(f"the message has {len(text)} characters: {MOST} are read at most")
    try:
        given = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise RubbishError("this is no message: it is nested too deeply") from None
    except ValueError as error:
        raise RubbishError(f"this is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise RubbishError("this is no message: it is to be a JSON object")
    return _checked(cast("dict[str, Any]", given))


def _checked(given: dict[str, Any]) -> FrontEndMessage:
    found = given.get("id")
    message_id = found if type(found) is int else None
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in FROM_FRONT_ENDS:
        raise RubbishError(f"there is no message of type {kind!r:.60}", message_id)
    try:
        return FROM_FRONT_ENDS[kind].model_validate(given)
    except ValidationError as error:
        raise RubbishError(f"{kind}: {_problems(error)}", message_id) from None


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{'.'.join(map(str, problem['loc']))[:60]}: {problem['msg']}" for problem in found[:SHOWN]
    ]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "; ".join([*told, *more])


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
