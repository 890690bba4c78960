"""What do a front end and a kernel tell each other over a comm?"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from pydantic import Field

from .base import Request, Text, WireModel

__all__ = ["CommClose", "CommContent", "CommMsg", "CommOpen", "CommOpenContent"]


class CommContent(WireModel):
    """A message of the comm `comm_id`. `data` is a dict, but for kernels that send other things."""

    comm_id: Text
    data: Any = Field(default_factory=dict)


class CommOpenContent(CommContent):
    """A new comm, and the target that is to have it."""

    target_name: Text
    target_module: Text | None = None


class CommOpen(Request):
    """
    A comm is opened, by either side. Nothing replies.

    `make` gives it an id where none is named. Source: Jupyter messaging 5.5, "Opening a Comm".
    """

    TYPE: ClassVar[str] = "comm_open"

    content: CommOpenContent

    @classmethod
    def prepare(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Give it an id."""
        return {"comm_id": uuid.uuid4().hex, **content}


class CommMsg(Request):
    """
    A message over an open comm, from either side. Nothing replies.

    Source: Jupyter messaging 5.5, "Comm Messages".
    """

    TYPE: ClassVar[str] = "comm_msg"

    content: CommContent


class CommClose(Request):
    """
    A comm ends, from either side. Nothing replies.

    Source: Jupyter messaging 5.5, "Tearing Down Comms".
    """

    TYPE: ClassVar[str] = "comm_close"

    content: CommContent
