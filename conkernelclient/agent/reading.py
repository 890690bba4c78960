"""Which part of a call's outputs is new to a reader?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Place"]

KNOWN: Final = 64  # characters by which text that was read is known again


class Place:
    """
    How far one reader has read in outputs that grow.

    They grow at their end, and the text of the last one grows. Where they became fewer, as
    `clear_output` makes them, the reader begins anew.
    """

    def __init__(self) -> None:
        self._outputs = 0  # that have been read, the last one maybe in part
        self._chars = 0  # of the last one, if it is a stream
        self._end = ""  # of these characters

    def advance(self, outputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """
        Give what of `outputs` has not been read, and take it for read.

        Args:
            outputs: nbformat outputs, all of them.
        """
        if len(outputs) < self._outputs:
            self._outputs = self._chars = 0
        new = list(outputs[self._outputs :])
        if self._outputs:
            last = outputs[self._outputs - 1]
            rest = self._rest(last)
            if rest:
                new.insert(0, {**last, "text": rest})
        self._outputs = len(outputs)
        text = _text(outputs[-1]) if outputs else ""
        self._chars, self._end = len(text), text[-KNOWN:]
        return new

    def _rest(self, output: dict[str, Any]) -> str:
        text = _text(output)
        return text[self._chars :] if text[: self._chars].endswith(self._end) else text


def _text(output: dict[str, Any]) -> str:
    return output["text"] if output["output_type"] == "stream" else ""
