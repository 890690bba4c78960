"""
How does a magic run whose code awaits?

As a coroutine that the cell awaits: the call of the magic in the transformed code is put behind
`await`, if there is a coroutine for it here, or if the magic is a coroutine function itself.
"""

from __future__ import annotations

import ast
import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

from .compat import CellMagics, capture_output, parse_argstring
from .measuring import code_of, profiled, run_code, timed, timed_often

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

__all__ = ["AWAITING", "awaited", "run_awaiting"]

CALL: Final = "get_ipython().run_cell_magic("
LINE_CALL: Final = "get_ipython().run_line_magic("
SCOPES: Final = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.GeneratorExp)


def awaited(shell: Any, transformed: str) -> str:
    """Give the code of a cell so that it awaits its magics, if they are to be awaited."""
    if LINE_CALL in transformed and _may_await(transformed):
        return _with_awaited_lines(shell, transformed)
    if not transformed.startswith(CALL):
        return transformed
    parts = _parts(transformed)
    if parts is None:
        return transformed
    name, line, body = parts
    if inspect.iscoroutinefunction(shell.find_cell_magic(name)):
        return f"await {transformed}"
    if name in AWAITING and _awaits(shell, name, line, body):
        return f"await get_ipython().run_awaiting_magic({name!r}, {line!r}, {body!r})\n"
    return transformed


def _parts(transformed: str) -> tuple[str, str, str] | None:
    """Give name, line and body, if the code is the call of one cell magic."""
    try:
        match ast.parse(transformed).body:
            case [ast.Expr(ast.Call(args=[ast.Constant(name), ast.Constant(line), body]))]:
                return str(name), str(line), str(ast.literal_eval(body))
            case _:
                pass
    except (SyntaxError, ValueError):
        pass
    return None


def _with_awaited_lines(shell: Any, transformed: str) -> str:
    try:
        tree = ast.parse(transformed)
    except (SyntaxError, ValueError):
        return transformed
    lines = transformed.encode().splitlines(keepends=True)
    old = LINE_CALL.encode()
    for call in reversed(list(_line_calls(tree))):
        match call.args:
            case [ast.Constant(str(name)), ast.Constant(str(line))] if (
                name in AWAITING and name != "capture" and _awaits(shell, name, line, None)
            ):
                row, column = lines[call.lineno - 1], call.col_offset
                if row[column:].startswith(old):
                    new = b"await get_ipython().run_awaiting_magic("
                    lines[call.lineno - 1] = row[:column] + new + row[column + len(old) :]
            case _:
                pass
    return b"".join(lines).decode()


def _line_calls(node: ast.AST) -> Iterator[ast.Call]:
    """Give the calls that the cell itself makes, in their order."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, SCOPES):  # an async function may await them as well
            if isinstance(child, ast.Call):
                yield child
            yield from _line_calls(child)


def _may_await(code: str) -> bool:
    return "await" in code or "async" in code


def _awaits(shell: Any, name: str, line: str, body: str | None) -> bool:
    """Whether the code of a magic awaits, in its body or its line."""
    try:
        codes = [] if name == "capture" or not _may_await(line) else [code_of(shell, name, line)]
        codes += [] if body is None or not _may_await(body) else [body]
        return any(
            shell.should_run_async(it, transformed_cell=shell.transform_cell(it)) for it in codes
        )
    except Exception:  # of a user's transformer, or wrong options; the magic itself will tell
        return False


async def run_awaiting(shell: Any, name: str, line: str, body: str | None) -> Any:
    """Run a magic of `AWAITING`, and give its value."""
    value = await AWAITING[name](shell, line, body)
    is_quiet = body is None and shell.displayhook.semicolon_at_end_of_expression(line)
    return None if is_quiet else value


async def _capture(shell: Any, line: str, body: str | None) -> None:
    args = parse_argstring(CellMagics.capture, shell.var_expand(line))
    options = (not args.no_stdout, not args.no_stderr, not args.no_display)
    with capture_output(*options) as captured:
        value = await run_code(shell, body or "")
        if value is not None:
            sys.displayhook(value)
    if args.output:
        shell.user_ns[args.output] = captured


AWAITING: Final[Mapping[str, Callable[[Any, str, str | None], Awaitable[Any]]]] = {
    "capture": _capture,
    "time": timed,
    "timeit": timed_often,
    "prun": profiled,
}
