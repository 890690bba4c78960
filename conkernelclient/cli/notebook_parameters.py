"""
Which parameters has a notebook, and how does it get values for them?

As in papermill: a cell tagged `parameters` has the defaults, and a cell tagged
`injected-parameters`, which comes after it, has the values. A notebook without the first gets the
second at its top; one that has been run with parameters gets it in the place of the one before.
"""

from __future__ import annotations

import ast
import json
import math
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final, cast

from .notebook_file import new_code_cell
from .options import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .notebook_file import Notebook

__all__ = ["inject", "parameter_of", "parameters_of", "raw_parameter_of", "tags_of", "value_of"]

WORDS: Final = {
    **dict.fromkeys(("true", "True"), True),
    **dict.fromkeys(("false", "False"), False),
    **dict.fromkeys(("null", "None"), None),
}
OPENING: Final = ("[", "{", "(", '"', "'")


def parameter_of(text: str) -> tuple[str, Any]:
    """
    Read `name=value`, the value as `value_of` does.

    Raises:
        UsageError: It is none; the name is none of Python; the value cannot be read.
    """
    name, value = _parted("-p", text)
    try:
        return name, value_of(value)
    except ValueError as error:
        raise UsageError(f"-p {text}: {error}") from None


def raw_parameter_of(text: str) -> tuple[str, str]:
    """
    Read `name=text`; the value is that text.

    Raises:
        UsageError: It is none; the name is none of Python.
    """
    return _parted("-r", text)


def _parted(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier() or iskeyword(name):
        raise UsageError(f"{option} {text}: give name=value, as in {option} alpha=0.5")
    return name, value


def value_of(text: str) -> Any:
    """
    Read a value: JSON, or a literal of Python; anything else is text.

    Numbers, true, false and null (True, False and None as well), lists, objects and quoted text.

    Raises:
        ValueError: It begins like a list, an object or quoted text, and is none.
    """
    text = text.strip()
    if text in WORDS:
        return WORDS[text]
    try:
        return json.loads(text)
    except ValueError:
        pass
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not text.startswith(OPENING):
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError("neither JSON nor a literal of Python; as text: -r name=text") from None


def parameters_of(notebook: Notebook) -> list[str] | None:
    """
    Give the names that the parameters cell assigns, in their order.

    Returns:
        None if there is no such cell, or it cannot be read as Python.
    """
    place = _tagged(notebook, "parameters")
    if place is None:
        return None
    source = notebook.cells[place].source
    lines = ("" if line.startswith(("%", "!")) else line for line in source.split("\n"))
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None
    return list(dict.fromkeys(name for line in tree.body for name in _assigned(line)))


def inject(notebook: Notebook, values: Mapping[str, Any]) -> bool:
    """
    Put a cell with `values` into the notebook.

    Returns:
        Whether it has a parameters cell; without one, the new cell is the first.
    """
    source = "\n".join(["# Parameters", *(f"{name} = {_literal(values[name])}" for name in values)])
    cell = new_code_cell(notebook, source, ["injected-parameters"])
    after, before = _tagged(notebook, "parameters"), _tagged(notebook, "injected-parameters")
    if before is not None:
        notebook.cells[before] = cell
    else:
        notebook.cells.insert(0 if after is None else after + 1, cell)
    return after is not None


def tags_of(cell: Any) -> list[str]:
    """Give the tags of a cell."""
    return list(cell.metadata.get("tags") or ())


def _tagged(notebook: Notebook, tag: str) -> int | None:
    return next(
        (
            place
            for place, cell in enumerate(notebook.cells)
            if cell.cell_type == "code" and tag in tags_of(cell)
        ),
        None,
    )


def _assigned(line: ast.stmt) -> Iterator[str]:
    match line:
        case ast.Assign(targets=targets):
            for target in targets:
                yield from _names(target)
        case ast.AnnAssign(target=target):
            yield from _names(target)
        case _:
            pass


def _names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _names(part)
        case _:
            pass


def _literal(value: Any) -> str:
    """Write a value as Python, also where its repr is none."""
    match value:
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case list():
            return f"[{', '.join(map(_literal, cast('list[Any]', value)))}]"
        case dict():
            items = cast("dict[Any, Any]", value).items()
            return f"{{{', '.join(f'{_literal(key)}: {_literal(held)}' for key, held in items)}}}"
        case _:
            return repr(value)
