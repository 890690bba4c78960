"""
Which tools does a model get, and do the arguments of a call fit?

A schema is JSON Schema, as far as the tools need it: an object of named strings, numbers and
booleans. `fitting` reads the same tables as the model does.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TOOLS", "Form", "Misfit", "Tools", "fitting", "schema_in", "schema_of"]

Form: TypeAlias = Literal["anthropic", "openai"]
# By the name of each: what it does, its parameters, and which of them are required.
Tools: TypeAlias = "Mapping[str, tuple[str, Mapping[str, Mapping[str, Any]], tuple[str, ...]]]"

FORMS: Final[tuple[str, ...]] = ("anthropic", "openai")
RUN_ID: Final = {"type": "string", "description": 'Id of a run, such as "r1".'}

TOOLS: Final[Tools] = {
    "run": (
        "Run Python code in a session that keeps its variables between calls. Gives what the code "
        "printed and displayed, and the value of its last expression. Code that asks for input "
        "gets none.",
        {
            "code": {"type": "string", "description": "The code, any number of lines."},
            "timeout": {
                "type": "number",
                "minimum": 0,
                "description": "Seconds that it may run; then it is interrupted.",
            },
            "background": {
                "type": "boolean",
                "description": "Give the run's id at once, and let it go on; read it with poll.",
            },
        },
        ("code",),
    ),
    "poll": (
        "Give what a run in the background has shown since the last poll, and whether it goes on.",
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
    ),
    "interrupt": (
        "Interrupt the code that runs. Variables are kept.",
        {"run_id": {**RUN_ID, "description": "Which run; without it the one that runs now."}},
        (),
    ),
    "restart": ("Begin anew with a fresh kernel. All variables are lost.", {}, ()),
    "variables": ("List the variables that there are, with their types.", {}, ()),
}

TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
}
A: Final = {"string": "a text", "number": "a number", "boolean": "true or false"}
SHOWN: Final = 60  # characters of a value that does not fit


class Misfit(ValueError):
    """A call does not fit the schema; the text tells the model what to send instead."""


def schema_in(form: Form) -> list[dict[str, Any]]:
    """
    Give the tools as one of the two makers of models wants them.

    Raises:
        ValueError: The form is unknown.
    """
    if form not in FORMS:
        raise ValueError(f"form={form!r} is unknown: use one of {', '.join(FORMS)}")
    known: list[dict[str, Any]] = []
    for name, (description, parameters, required) in TOOLS.items():
        schema = schema_of(parameters, required)
        tool: dict[str, Any] = {"name": name, "description": description}
        match form:
            case "anthropic":
                known.append({**tool, "input_schema": schema})
            case "openai":
                known.append({"type": "function", "function": {**tool, "parameters": schema}})
    return known


def schema_of(
    parameters: Mapping[str, Mapping[str, Any]], required: Iterable[str]
) -> dict[str, Any]:
    """Give the JSON Schema of a tool's arguments, which takes no others."""
    return {
        "type": "object",
        "properties": {key: dict(it) for key, it in parameters.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def fitting(name: object, arguments: object, tools: Tools = TOOLS) -> dict[str, Any]:
    """
    Give the arguments of a call, if they fit.

    Args:
        name: The tool's.
        arguments: A mapping, or the JSON text of one; None and an empty text are an empty one.
        tools: The tools that there are.

    Raises:
        Misfit: They do not, or there is no such tool.
    """
    if not isinstance(name, str) or name not in tools:
        raise Misfit(f"there is no tool {_shown(name)}; there are {', '.join(tools)}")
    _, parameters, required = tools[name]
    given = _mapping(name, arguments, required)
    for key, value in given.items():
        if key not in parameters:
            takes = f"it takes {', '.join(parameters)}" if parameters else "it takes none"
            raise Misfit(f"{name} takes no argument {_shown(key)}; {takes}")
        _check(name, key, value, parameters[key])
    for key in required:
        if key not in given:
            raise Misfit(f"{name} needs the argument {key!r}, {A[parameters[key]['type']]}")
    return given


def _mapping(name: str, arguments: object, required: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(arguments, str | bytes | bytearray):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError) as error:
            raise Misfit(f"the arguments of {name} are no JSON: {error}") from None
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise Misfit(f"the arguments of {name} must be a JSON object, not {_shown(arguments)}")
    given = cast("dict[Any, Any]", arguments)
    # null for a parameter that may be left out is what some models send
    return {key: it for key, it in given.items() if it is not None or key in required}


def _check(name: str, key: str, value: object, parameter: Mapping[str, Any]) -> None:
    wanted = parameter["type"]
    is_bool = isinstance(value, bool)
    if not isinstance(value, TYPES[wanted]) or is_bool != (wanted == "boolean"):
        raise Misfit(f"{key} of {name} must be {A[wanted]}, not {_shown(value)}")
    if not isinstance(value, int | float) or is_bool:
        return
    least, most = parameter.get("minimum", -math.inf), parameter.get("maximum", math.inf)
    if not (least <= value <= most and math.isfinite(_float(value))):
        limits = f"at least {least}" + (f" and at most {most}" if most < math.inf else "")
        raise Misfit(f"{key} of {name} must be a number of seconds, {limits}, not {_shown(value)}")


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # whatever it is, the model is told what to send instead
        text = f"a {type(value).__name__}"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
