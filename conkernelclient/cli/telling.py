"""
What does a message say, in one line of plain words?

What kernels and cells write never reaches the terminal as it is: control characters are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["first_line", "telling"]

LONGEST: Final = 160  # characters of a line
ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")

Content: TypeAlias = Mapping[str, Any]


def telling(message: Mapping[str, Any]) -> str:
    """Tell what the content of `message` says; a content of any shape is told."""
    content = message.get("content")
    if not isinstance(content, Mapping):
        return first_line(str(content))
    tell = TELLERS.get(str(_dict(message.get("header")).get("msg_type")), _other)
    return first_line(tell(cast("Content", content), _dict(message.get("parent_header"))))


def first_line(text: str) -> str:
    """Give the first line that is not empty, and how many more there are, without controls."""
    lines = [line for line in ESCAPES.sub("", text).splitlines() if line.strip()]
    if not lines:
        return ""
    line = "".join(letter if letter.isprintable() else " " for letter in lines[0]).rstrip()
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    more = len(lines) - 1
    return f"{line} (+{more} {'line' if more == 1 else 'lines'})" if more else line


def _dict(value: object) -> Content:
    return cast("Content", value) if isinstance(value, Mapping) else {}


def _status(content: Content, parent: Content) -> str:
    request = parent.get("msg_type")
    return f"{content.get('execution_state')}{f' with {request}' if request else ''}"


def _stream(content: Content, _parent: Content) -> str:
    return f"{content.get('name')}: {content.get('text')}"


def _code(content: Content, _parent: Content) -> str:
    return f"[{content.get('execution_count')}] {content.get('code')}"


def _shown(content: Content, _parent: Content) -> str:
    data = _dict(content.get("data"))
    text = data.get("text/plain")
    rest = [kind for kind in data if kind != "text/plain"]
    count = content.get("execution_count")
    number = "" if count is None else f"[{count}] "
    types = f"({', '.join(rest)}) " if rest else ""
    return f"{number}{types}{'' if text is None else _joined(text)}"


def _joined(text: object) -> str:
    return "".join(map(str, cast("list[object]", text))) if isinstance(text, list) else str(text)


def _error(content: Content, _parent: Content) -> str:
    return f"{content.get('ename')}: {content.get('evalue')}"


def _clear(content: Content, _parent: Content) -> str:
    return "when the next output comes" if content.get("wait") else "at once"


def _shutdown(content: Content, _parent: Content) -> str:
    return "the kernel restarts" if content.get("restart") else "the kernel ends"


def _comm(content: Content, _parent: Content) -> str:
    data = _dict(content.get("data"))
    what = content.get("target_name") or data.get("method") or ", ".join(map(str, data))
    return f"{str(content.get('comm_id'))[:8]} {what}"


def _welcome(content: Content, _parent: Content) -> str:
    return f"subscribed to {content.get('subscription') or 'everything'}"


def _other(content: Content, _parent: Content) -> str:
    return json.dumps(dict(content), default=str)


TELLERS: Final[Mapping[str, Callable[[Content, Content], str]]] = {
    "status": _status,
    "stream": _stream,
    "execute_input": _code,
    "execute_result": _shown,
    "display_data": _shown,
    "update_display_data": _shown,
    "error": _error,
    "clear_output": _clear,
    "shutdown_reply": _shutdown,
    "comm_open": _comm,
    "comm_msg": _comm,
    "comm_close": _comm,
    "iopub_welcome": _welcome,
}
