"""
How does a program run cells beside the main shell?

In subshells, threads of the kernel that have a queue of their own. Source: JEP 91.
"""

from __future__ import annotations

from typing import Any, cast

from ..errors import ProtocolError
from .base import ClientBase

__all__ = ["Subshells"]


class Subshells(ClientBase):
    """The methods of a client for subshells; see `ConKernelClient`."""

    # What the kernel says that it can do; set when it is ready.
    _features: frozenset[str] | None = None

    async def create_subshell(self, timeout: float | None = None) -> str:
        """
        Make a subshell, a thread of the kernel that runs cells beside the main shell.

        Returns:
            Its id, for `subshell_id=`.

        Raises:
            ProtocolError: The kernel has no subshells, or gives no id.

        Source: JEP 91.
        """
        content = await self._subshell_request("create_subshell_request", {}, timeout)
        subshell_id: object = content.get("subshell_id")
        if not isinstance(subshell_id, str):
            raise ProtocolError(f"create_subshell_reply: subshell_id {subshell_id!r} is no string")
        self._connection.subshells.add(subshell_id)
        return subshell_id

    async def delete_subshell(self, subshell_id: str, timeout: float | None = None) -> None:
        """
        Delete a subshell; what it runs goes on to its end.

        Raises:
            ProtocolError: There is none of that id.
        """
        await self._subshell_request(
            "delete_subshell_request",
            {"subshell_id": self._connection.subshells.actual(subshell_id)},
            timeout,
        )
        self._connection.subshells.discard(subshell_id)

    async def list_subshell(self, timeout: float | None = None) -> list[str]:
        """
        Give the ids of the kernel's subshells, also those that other clients made.

        The one in which this client asks for values is not among them.
        """
        content = await self._subshell_request("list_subshell_request", {}, timeout)
        ids: object = content.get("subshell_id")
        if not isinstance(ids, list):
            raise ProtocolError(f"list_subshell_reply: subshell_id {ids!r} is no list")
        listed = cast("list[object]", ids)
        if not all(isinstance(one, str) for one in listed):
            raise ProtocolError(f"list_subshell_reply: subshell_id {ids!r} is no list of strings")
        hidden = self._places.hidden()
        visible = [one for one in cast("list[str]", listed) if one not in hidden]
        return self._connection.subshells.learn(visible)

    async def _subshell_request(
        self, msg_type: str, content: dict[str, Any], timeout: float | None
    ) -> dict[str, Any]:
        if self._features is None and self._connection.is_open("shell"):
            await self._until_greeted(timeout)
        if self._features is not None and "kernel subshells" not in self._features:
            raise ProtocolError("this kernel does not support subshells (JEP 91)")
        reply = await self.request(msg_type, content, "control", timeout=timeout)
        answer = reply["content"]
        if answer.get("status") != "ok":
            raise ProtocolError(
                f"{msg_type}: {answer.get('evalue') or answer}", msg_id=reply["msg_id"]
            )
        return answer
