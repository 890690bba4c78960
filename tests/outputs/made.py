"""Messages of outputs, and what they fold into."""

from __future__ import annotations

from typing import Any

import nbformat

from conkernelclient.outputs.reduce import Reducer
from conkernelclient.outputs.result import Result
from tests.messages import incoming


def stream(text: str, name: str = "stdout") -> Any:
    return incoming("stream", "r", name=name, text=text)


def display(text: str, display_id: str | None = None, msg_type: str = "display_data") -> Any:
    transient = {"display_id": display_id} if display_id else {}
    return incoming(msg_type, "r", data={"text/plain": text}, metadata={}, transient=transient)


def clear(wait: bool) -> Any:
    return incoming("clear_output", "r", wait=wait)


def error(ename: str = "E") -> Any:
    return incoming("error", "r", ename=ename, evalue="v", traceback=["\x1b[31mT\x1b[0m", "b"])


def result_of(text: str, count: int = 1) -> Any:
    return incoming(
        "execute_result", "r", data={"text/plain": text}, metadata={}, execution_count=count
    )


def folded(*messages: Any, **options: Any) -> Reducer:
    reducer = Reducer(**options)
    for message in messages:
        reducer.feed(message)
    return reducer


def assert_valid(outputs: list[Any]) -> None:
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(output) for output in outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def whole_error(evalue: str, *lines: str) -> Any:
    return incoming(
        "error", "r", ename="ValueError", evalue=evalue, traceback=[*lines, f"ValueError: {evalue}"]
    )


def ended_as(status: Any, **more: Any) -> Result:
    return Result(status=status, msg_id="m", code="c", **more)
