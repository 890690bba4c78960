"""
How does a cell magic run whose body awaits?

As a coroutine that the cell awaits: the call of the magic in the transformed code is put behind
`await`, if there is a coroutine for it here, or if the magic is a coroutine function itself.
"""

from __future__ import annotations

import ast
import inspect
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from .compat import CellMagics, capture_output, format_time, parse_argstring

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["AWAITING", "awaited", "run_awaiting"]

CALL: Final = "get_ipython().run_cell_magic("
FLAGS: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def awaited(shell: Any, transformed: str) -> str:
    """Give the code of a cell so that it awaits its magic, if that is to be awaited."""
    if not transformed.startswith(CALL):
        return transformed
    parts = _parts(transformed)
    if parts is None:
        return transformed
    name, line, body = parts
    if inspect.iscoroutinefunction(shell.find_cell_magic(name)):
        return f"await {transformed}"
    if name in AWAITING and _awaits(shell, body):
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


def _awaits(shell: Any, body: str) -> bool:
    if "await" not in body and "async" not in body:
        return False
    try:
        return shell.should_run_async(body, transformed_cell=shell.transform_cell(body))
    except Exception:  # of a user's transformer; the magic itself will tell
        return False


async def run_awaiting(shell: Any, name: str, line: str, body: str) -> Any:
    """Run a magic of `AWAITING`, and give its value."""
    return await AWAITING[name](shell, shell.var_expand(line), body)


async def _capture(shell: Any, line: str, body: str) -> None:
    args = parse_argstring(CellMagics.capture, line)
    options = (not args.no_stdout, not args.no_stderr, not args.no_display)
    with capture_output(*options) as captured:
        value = await _run(shell, body)
        if value is not None:
            sys.displayhook(value)
    if args.output:
        shell.user_ns[args.output] = captured


async def _time(shell: Any, line: str, body: str) -> Any:
    args, _rest = parse_argstring(CellMagics.time, line, partial=True)
    began, used = time.perf_counter(), time.process_time()
    try:
        return await _run(shell, body)
    except Exception:
        if not args.no_raise_error:
            raise
        shell.showtraceback()
        return None
    finally:
        seconds, computing = time.perf_counter() - began, time.process_time() - used
        words = f"CPU times: total: {format_time(computing)}\nWall time: {format_time(seconds)}\n"
        sys.stdout.write(words)


async def _run(shell: Any, body: str) -> Any:
    """Run the body as a cell's own code, and give the value of its last expression."""
    code = shell.transform_cell(body)
    name = shell.compile.cache(code, shell.execution_count, raw_code=body)
    tree = shell.transform_ast(shell.compile.ast_parse(code, filename=name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    await _evaluated(shell, compile(tree, name, "exec", FLAGS))
    if last is None:
        return None
    return await _evaluated(shell, compile(ast.Expression(last.value), name, "eval", FLAGS))


async def _evaluated(shell: Any, code: Any) -> Any:
    value = eval(code, shell.user_global_ns, shell.user_ns)
    return await value if code.co_flags & inspect.CO_COROUTINE else value


AWAITING: Final[Mapping[str, Callable[[Any, str, str], Awaitable[Any]]]] = {
    "capture": _capture,
    "time": _time,
}
