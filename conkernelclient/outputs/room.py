"""
What is kept of an output for which there is not enough room?

Of text its head and its end; of an exception its name, the ends of its message and of its
traceback; of a value its plain text.
"""

from __future__ import annotations

from typing import Any, Final

from .budget import squeeze
from .mime import text_of

__all__ = ["LEAST", "end_of", "head_within", "reserve_of", "size_of", "tail_within", "within"]

MOST_RESERVED: Final = 64 * 1024
LEAST: Final = 1_000  # characters that an exception or a value has in any case
OF_A_NAME: Final = 200


def reserve_of(max_bytes: int) -> int:
    """Give how many of `max_bytes` are kept free for how the cell ends."""
    return min(max_bytes // 4, MOST_RESERVED)


def end_of(max_bytes: int) -> int:
    """Give how many of `max_bytes` are for the end of each stream."""
    return min(max_bytes // 8, MOST_RESERVED // 2)


def size_of(text: str) -> int:
    """Give the bytes of `text` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def head_within(text: str, max_bytes: int) -> str:
    """Give the start of `text` that has at most `max_bytes` bytes."""
    head = text[: max(0, max_bytes)]
    if head.isascii():
        return head
    return head.encode("utf-8", "surrogatepass")[:max_bytes].decode("utf-8", "ignore")


def tail_within(text: str, max_bytes: int) -> str:
    """Give the end of `text` that has at most `max_bytes` bytes, which is at least one."""
    tail = text[-max_bytes:]
    if tail.isascii():
        return tail
    return tail.encode("utf-8", "surrogatepass")[-max_bytes:].decode("utf-8", "ignore")


def within(output: dict[str, Any], max_chars: int) -> dict[str, Any] | None:
    """Give what is kept of an error or an execute_result; None if there is nothing to keep."""
    if output["output_type"] == "error":
        return _error_within(output, max_chars)
    plain = text_of(output["data"].get("text/plain"))
    if not plain:
        return None
    return {**output, "data": {"text/plain": squeeze(plain, max_chars)}, "metadata": {}}


def _error_within(output: dict[str, Any], max_chars: int) -> dict[str, Any]:
    quarter = max_chars // 4
    lines = [squeeze(line, quarter) for line in output["traceback"][-1:]]
    room = max_chars // 2 - sum(map(len, lines))
    first: list[str] = []
    for line in output["traceback"][:-1]:
        room -= len(line) + 1
        if room < 0:
            first.append("[...]")
            break
        first.append(line)
    return {
        "output_type": "error",
        "ename": squeeze(output["ename"], OF_A_NAME),
        "evalue": squeeze(output["evalue"], quarter),
        "traceback": first + lines,
    }
