"""
In which situations does kernel-sidecar 1.0.0 fail, and what must a sidecar see there?

Both get the same fake kernel, and tell what they see in the same words.
`test_sidecar_defects.py` holds ours to it; `make conformance` looks that kernel-sidecar fails as is
said here (`tests/conformance/defects.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import nbformat

from conkernelclient.testing import FakeKernel, Publish, Say, Show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conkernelclient.testing import Script

__all__ = ["DEFECTS", "Defect", "in_short", "kernel_of_defects"]


@dataclass(frozen=True, slots=True)
class Defect:
    """
    One situation.

    Attributes:
        about: What fails with kernel-sidecar 1.0.0.
        right: What a program sees, as `in_short` gives it.
        theirs: What a program of kernel-sidecar 1.0.0 sees.
        script: What the kernel does for the code that is the situation's name.
    """

    about: str
    right: Mapping[str, Any]
    theirs: Mapping[str, Any]
    script: Script = ()


def in_short(seen: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was seen, with a notebook of one cell as what there is to tell of it."""
    if "notebook" not in seen:
        return dict(seen)
    try:
        nbformat.validate(seen["notebook"])
        is_valid = True
    except nbformat.ValidationError:
        is_valid = False
    (cell,) = seen["notebook"]["cells"]
    return {"is_valid": is_valid, "outputs": [(_type(one), _text(one)) for one in cell["outputs"]]}


def _type(output: Mapping[str, Any]) -> str:
    return output["output_type"]


def _text(output: Mapping[str, Any]) -> str:
    return output["text"] if "text" in output else output["data"]["text/plain"]


DEFECTS: Final[Mapping[str, Defect]] = {
    # is_given_twice: whether a handler was given any message more than once, of whatever channel
    "unknown_message": Defect(
        "a message of an unknown type delivers the message before it once more",
        right={"is_given_twice": False},
        theirs={"is_given_twice": True},
        script=[Say("once"), Publish("odd_news", {"a": 1})],
    ),
    # reply: whether it reached a handler; is_hearing: whether the client hears more after it
    "history": Defect(
        "a history request ends the client's reader",
        right={"reply": True, "is_hearing": True},
        theirs={"reply": False, "is_hearing": False},
    ),
    # notebook: with the one cell that was run
    "display_update": Defect(
        "an updated display makes the notebook invalid",
        right={"is_valid": True, "outputs": [("display_data", "new")]},
        theirs={"is_valid": False, "outputs": [("update_display_data", "new")]},
        script=[Show("old", display_id="d"), Show("new", display_id="d", is_update=True)],
    ),
    "streams": Defect(
        "each part of what is printed is an output by itself",
        right={"is_valid": True, "outputs": [("stream", "one\ntwo\n")]},
        theirs={"is_valid": True, "outputs": [("stream", "one\n"), ("stream", "two\n")]},
        script=[Say("one\n"), Say("two\n")],
    ),
    # source: of a cell with three lines
    "source_of_lines": Defect(
        "a source of several lines gains blank ones",
        right={"source": "a = 1\nb = 2\na + b"},
        theirs={"source": "a = 1\n\nb = 2\n\na + b"},
    ),
    # other_ended: whether another request ended while a handler waited for that
    "slow_handler": Defect(
        "one slow handler blocks every request",
        right={"other_ended": True},
        theirs={"other_ended": False},
        script=[Say("begun")],
    ),
    # alive: of 20 actions that have ended and that nobody holds
    "actions_kept": Defect("actions are never freed", right={"alive": 0}, theirs={"alive": 20}),
    # replies: whether each of two requests' handlers got its own, the loop being busy at first
    "busy_loop": Defect(
        "replies get lost, and the actions end by a net of three seconds",
        right={"replies": [True, True]},
        theirs={"replies": [False, False]},
    ),
    # ended: whether the action did; text: what was printed, for the handler behind the failing one
    "failing_handler": Defect(
        "a handler that raises takes the messages from those behind it, and its action never ends",
        right={"ended": True, "text": "heard"},
        theirs={"ended": False, "text": ""},
        script=[Say("heard")],
    ),
    # notebook, as above
    "display_without_transient": Defect(
        "a display without `transient`, as R's kernel sends it, is lost",
        right={"is_valid": True, "outputs": [("display_data", "drawn")]},
        theirs={"is_valid": True, "outputs": []},
        script=[Publish("display_data", {"data": {"text/plain": "drawn"}, "metadata": {}})],
    ),
}


def kernel_of_defects() -> FakeKernel:
    """Make the kernel that all situations have."""
    kernel = FakeKernel()
    for name, defect in DEFECTS.items():
        kernel.on_code(name, defect.script)
    return kernel
