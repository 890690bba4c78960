"""
What does a message look like?

The shapes are those of the Jupyter messaging protocol 5.5, section "General message format", as
`jupyter_client.session.Session` builds and reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NotRequired, TypeAlias, TypedDict

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["CHANNELS", "PROTOCOL_VERSION", "Channel", "Content", "Frame", "Header", "Message"]

PROTOCOL_VERSION: Final = "5.4"

Channel: TypeAlias = Literal["shell", "iopub", "stdin", "control"]
CHANNELS: Final[tuple[Channel, ...]] = ("shell", "iopub", "stdin", "control")

Content: TypeAlias = dict[str, Any]
Frame: TypeAlias = bytes | bytearray | memoryview


class Header(TypedDict):
    """Who sent a message, and when. `subshell_id` is there for requests to a subshell (JEP 91)."""

    msg_id: str
    msg_type: str
    username: str
    session: str
    date: datetime
    version: str
    subshell_id: NotRequired[str | None]


class Message(TypedDict):
    """One message, as a plain dict. `parent_header` is empty where the message answers nothing."""

    header: Header
    msg_id: str
    msg_type: str
    parent_header: dict[str, Any]
    metadata: dict[str, Any]
    content: Content
    buffers: list[memoryview]
