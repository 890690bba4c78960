"""
Which tools does a client see, and what do they take and give?

Few by default, since each costs a model room for its description. `poll` is among them: a run that
takes longer than its call waits can be followed in no other way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcp_types import Tool, ToolAnnotations

from ..schema import RUN_ID, schema_of
from .answers import RUN_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..schema import Tools
    from .kernels import Settings

__all__ = ["menu_of", "tools_of"]

KERNEL: Final = {
    "type": "string",
    "description": 'Name of the kernel, "default" if left out. Each has its own variables.',
}
TEXT: Final = {"type": "string"}


def _object(**properties: Any) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


class Entry(NamedTuple):
    """
    One tool.

    Attributes:
        about: What it does, for the model.
        parameters: What it takes beside the kernel's name.
        required: Which of them have to be given.
        gives: JSON Schema of its structured content.
        is_few: Whether every client sees it.
        is_read_only: Whether it changes nothing.
        is_destructive: Whether it loses something.
    """

    about: str
    parameters: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]
    gives: Mapping[str, Any]
    is_few: bool = False
    is_read_only: bool = False
    is_destructive: bool = False


BACKGROUND: Final = {
    "type": "boolean",
    "description": "Give the run's id at once; the code goes on until it ends, or its timeout.",
}

ENTRIES: Final[Mapping[str, Entry]] = {
    "run": Entry(
        "Run Python code in a kernel that keeps its variables between calls. Gives what the code "
        "printed and displayed, and the value of its last expression. Code that asks for input "
        "gets none. Kernels with different names run beside each other.",
        {
            "code": {"type": "string", "description": "The code, any number of lines."},
            "timeout": {
                "type": "number",
                "minimum": 0,
                "description": "Seconds until this call answers at the latest{default}: with what "
                "there is by then, and a run id to poll. The code goes on; interrupt ends it.",
            },
        },
        ("code",),
        RUN_SCHEMA,
        is_few=True,
        is_destructive=True,
    ),
    "poll": Entry(
        "Give what a run that goes on has shown since the last poll, and how it stands.",
        {
            "run_id": RUN_ID,
            "wait": {
                "type": "number",
                "minimum": 0,
                "maximum": 600,
                "description": "Seconds to wait for its end first.",
            },
        },
        ("run_id",),
        RUN_SCHEMA,
        is_few=True,
        is_read_only=True,
    ),
    "interrupt": Entry(
        "Interrupt the code that runs. Variables are kept.",
        {"run_id": {**RUN_ID, "description": "Which run; without it the one that runs now."}},
        (),
        _object(kernel=TEXT, run_id={"type": ["string", "null"]}, has_ended={"type": "boolean"}),
        is_few=True,
    ),
    "restart": Entry(
        "Begin anew with a fresh kernel. All variables are lost, and what runs is ended.",
        {},
        (),
        _object(kernel=TEXT, restarted={"type": "boolean"}),
        is_few=True,
        is_destructive=True,
    ),
    "variables": Entry(
        "List the variables that there are, with their types.",
        {},
        (),
        _object(
            kernel=TEXT,
            variables={"type": "object", "additionalProperties": TEXT},
            left_out={"type": "integer"},
        ),
        is_few=True,
        is_read_only=True,
    ),
    "inspect": Entry(
        "Tell what a variable is: type, size, shape, columns, and its first rows or its repr.",
        {"name": {"type": "string", "description": "Its name; dotted for an attribute."}},
        ("name",),
        _object(kernel=TEXT, name=TEXT, type=TEXT, text=TEXT),
        is_read_only=True,
    ),
    "start": Entry(
        "Start a kernel, under a name of your choice; it may run another language.",
        {"kernelspec": {"type": "string", "description": 'Such as "python3" or "ir".'}},
        (),
        _object(kernel=TEXT, kernelspec=TEXT),
    ),
    "shutdown": Entry(
        "End a kernel for good, with what runs in it. All its variables are lost.",
        {},
        (),
        _object(kernel=TEXT, was_there={"type": "boolean"}),
        is_destructive=True,
    ),
    "kernels": Entry(
        "List the kernels that there are, what they run, and which can be started.",
        {},
        (),
        _object(
            kernels={
                "type": "array",
                "items": _object(kernel=TEXT, kernelspec=TEXT, runs={"type": ["string", "null"]}),
            },
            kernelspecs={"type": "array", "items": TEXT},
        ),
        is_read_only=True,
    ),
}
WITHOUT_KERNEL: Final = frozenset({"kernels"})


def tools_of(settings: Settings) -> Tools:
    """Give the tools of a server, as `fitting` reads them."""
    tools: dict[str, tuple[str, Mapping[str, Mapping[str, Any]], tuple[str, ...]]] = {}
    for name, entry in ENTRIES.items():
        if entry.is_few or settings.has_all_tools:
            parameters = {key: dict(it) for key, it in entry.parameters.items()}
            if name not in WITHOUT_KERNEL:
                parameters["kernel"] = dict(KERNEL)
            if name == "run":
                _complete(parameters, settings)
            tools[name] = (entry.about, parameters, entry.required)
    return tools


def menu_of(settings: Settings) -> list[Tool]:
    """Give the tools of a server, as a client gets them."""
    return [
        Tool(
            name=name,
            description=about,
            input_schema=schema_of(parameters, required),
            output_schema=dict(ENTRIES[name].gives),
            annotations=ToolAnnotations(
                read_only_hint=ENTRIES[name].is_read_only,
                destructive_hint=ENTRIES[name].is_destructive,
            ),
        )
        for name, (about, parameters, required) in tools_of(settings).items()
    ]


def _complete(parameters: dict[str, dict[str, Any]], settings: Settings) -> None:
    limit = settings.timeout
    default = "" if limit is None else f", {limit:g} if left out"
    timeout = parameters["timeout"]
    timeout["description"] = timeout["description"].format(default=default)
    if settings.has_all_tools:
        parameters["background"] = dict(BACKGROUND)
