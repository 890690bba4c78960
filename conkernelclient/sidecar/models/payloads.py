"""What does a kernel ask of its front end, in the payload of an execute reply?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

from pydantic import Discriminator, Field, Tag

from .base import Bundle, Flag, Text, Whole, WireModel

__all__ = ["AskExit", "EditMagic", "OtherPayload", "Page", "Payload", "SetNextInput"]


class Page(WireModel):
    """Show a text apart, as `print?` does: a MIME bundle, from line `start` on."""

    source: Text
    data: Bundle = Field(default_factory=dict)
    start: Whole = 0


class SetNextInput(WireModel):
    """Put `text` into a new cell below, or with `replace` in the place of the cell itself."""

    source: Text
    text: Text
    replace: Flag = False


class EditMagic(WireModel):
    """Open a file in an editor, as `%edit` does. The protocol's own name for it is "edit"."""

    source: Text
    filename: Text
    line_number: Whole | None = None


class AskExit(WireModel):
    """Close the notebook; `keepkernel`: and leave the kernel running."""

    source: Text
    keepkernel: Flag = False


class OtherPayload(WireModel):
    """What a kernel asks in words of its own."""

    source: Text | None = None


OTHER: Final = "<other>"
SOURCES: Final = ("page", "set_next_input", "edit_magic", "ask_exit")


def kind_of(payload: Any) -> str:
    """Tell of which kind a payload is; for pydantic."""
    if isinstance(payload, Mapping):
        source = cast("Mapping[str, Any]", payload).get("source")
    else:
        source = getattr(payload, "source", None)
    if source == "edit":
        return "<edit_magic>"
    return f"<{source}>" if isinstance(source, str) and source in SOURCES else OTHER


Payload: TypeAlias = Annotated[
    Annotated[Page, Tag("<page>")]
    | Annotated[SetNextInput, Tag("<set_next_input>")]
    | Annotated[EditMagic, Tag("<edit_magic>")]
    | Annotated[AskExit, Tag("<ask_exit>")]
    | Annotated[OtherPayload, Tag(OTHER)],
    Discriminator(kind_of),
]
