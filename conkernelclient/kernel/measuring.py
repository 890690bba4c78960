"""
How long does code take that awaits, and where does it spend its time?

As `%time`, `%timeit` and `%prun` of IPython tell it, with their options. Other cells run meanwhile:
their time is in the clock's, and not in the profile.
"""

from __future__ import annotations

import ast
import cProfile
import inspect
import io
import itertools
import pstats
import sys
import time
import timeit
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from .compat import (
    CellMagics,
    TimeitResult,
    TimeitTemplateFiller,
    UsageError,
    format_time,
    page,
    parse_argstring,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import CodeType

__all__ = ["code_of", "profiled", "run_code", "timed", "timed_often"]

Running: TypeAlias = Coroutine[Any, Any, Any]
FLAGS: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
TIMEIT_OPTIONS: Final = "n:r:tcp:qov:"
PRUN_OPTIONS: Final = "D:l:rs:T:q"
REPEAT: Final = 7  # of `%timeit`, unless it is told
ENOUGH: Final = 0.2  # seconds that a loop of `%timeit` takes at least
TEMPLATE: Final = """
def inner(_it, _timer):
    setup
    _t0 = _timer()
    for _i in _it:
        stmt
    _t1 = _timer()
    return _t1 - _t0
"""


def code_of(shell: Any, name: str, line: str) -> str:
    """Give what of the line of one of these magics is code."""
    if name == "time":
        return " ".join(parse_argstring(CellMagics.time, line, partial=True)[1])
    return _timeit_options(shell, line)[1] if name == "timeit" else _prun_options(shell, line)[1]


def _timeit_options(shell: Any, line: str) -> tuple[Any, str]:
    magics = shell.magics_manager.registry[CellMagics.__name__]
    how = {"posix": False, "strict": False, "preserve_non_opts": True}
    return magics.parse_options(line, TIMEIT_OPTIONS, **how)


def _prun_options(shell: Any, line: str) -> tuple[Any, str]:
    magics = shell.magics_manager.registry[CellMagics.__name__]
    return magics.parse_options(line, PRUN_OPTIONS, list_all=True, posix=False)


async def run_code(
    shell: Any, body: str, around: Callable[[Running], Running] | None = None
) -> Any:
    """Run code as a cell's own, and give the value of its last expression; `around` drives it."""
    code = shell.transform_cell(body)
    name = shell.compile.cache(code, shell.execution_count, raw_code=body)
    tree = shell.transform_ast(shell.compile.ast_parse(code, filename=name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    codes = [compile(tree, name, "exec", FLAGS)]
    if last is not None:
        codes.append(compile(ast.Expression(last.value), name, "eval", FLAGS))
    running = _evaluated(shell, codes)
    return await (running if around is None else around(running))


async def _evaluated(shell: Any, codes: list[CodeType]) -> Any:
    value: Any = None
    for code in codes:
        value = eval(code, shell.user_global_ns, shell.user_ns)
        if code.co_flags & inspect.CO_COROUTINE:
            value = await value
    return value


async def timed(shell: Any, line: str, body: str | None) -> Any:
    """Do as `%time` and `%%time` do."""
    args, rest = parse_argstring(CellMagics.time, line, partial=True)
    if rest and body:
        raise UsageError("Can't use statement directly after '%%time'!")
    began, used = time.perf_counter(), time.process_time()
    try:
        return await run_code(shell, body or " ".join(rest))
    except Exception:
        if not args.no_raise_error:
            raise
        shell.showtraceback()
        return None
    finally:
        seconds, computing = time.perf_counter() - began, time.process_time() - used
        words = f"CPU times: total: {format_time(computing)}\nWall time: {format_time(seconds)}\n"
        sys.stdout.write(words)


async def timed_often(shell: Any, line: str, body: str | None) -> Any:
    """Do as `%timeit` and `%%timeit` do, but for garbage, which is collected."""
    options, code = _timeit_options(shell, line)
    setup, stmt = ("pass", code) if body is None else (code, body)
    timer = time.time if "t" in options else time.process_time if "c" in options else None
    began = time.perf_counter()
    inner = _loop_of(shell, setup, stmt)
    compiling = time.perf_counter() - began

    async def run(number: int) -> float:
        return await inner(itertools.repeat(None, number), timer or timeit.default_timer)

    number = int(getattr(options, "n", 0)) or await _number_for(run)
    repeat = int(getattr(options, "r", REPEAT))
    runs = [await run(number) for _ in range(repeat)]
    best, worst = min(runs) / number, max(runs) / number
    precision = int(getattr(options, "p", 3))
    result = TimeitResult(number, repeat, best, worst, runs, compiling, precision)
    if "q" not in options:
        sys.stdout.write(f"{result}\n")
    if "v" in options:
        shell.user_ns[options.v] = result
    return result if "o" in options else None


def _loop_of(shell: Any, setup: str, stmt: str) -> Callable[..., Awaitable[float]]:
    """Give the function that runs it some times, and tells the seconds."""
    parts = [
        shell.transform_ast(shell.compile.ast_parse(shell.transform_cell(it)))
        for it in (setup, stmt)
    ]
    template: Any = TimeitTemplateFiller(*parts).visit(ast.parse(TEMPLATE))
    function = template.body[0]
    fields = {name: getattr(function, name) for name in function._fields}
    template.body[0] = ast.AsyncFunctionDef(**fields)
    code = compile(ast.fix_missing_locations(template), "<magic-timeit>", "exec")
    names: dict[str, Any] = {}
    exec(code, shell.user_ns, names)
    return names["inner"]


async def _number_for(run: Callable[[int], Awaitable[float]]) -> int:
    number = 1
    while await run(number) < ENOUGH and number < 10**9:
        number *= 10
    return number


class Profiled(Running):
    """A coroutine in whose steps a profiler looks, and not between them."""

    def __init__(self, coroutine: Running, profiler: cProfile.Profile) -> None:
        self._coroutine = coroutine
        self._profiler = profiler

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __iter__(self) -> Profiled:
        return self

    def __next__(self) -> Any:
        """Take a step."""
        return self.send(None)

    def send(self, value: Any) -> Any:
        """Take a step."""
        with self._profiler:
            return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Take a step that begins with an error."""
        with self._profiler:
            return self._coroutine.throw(*error)

    def close(self) -> None:
        """End it, where it awaits."""
        self._coroutine.close()


async def profiled(shell: Any, line: str, body: str | None) -> Any:
    """Do as `%prun` and `%%prun` do; tasks that the code starts are not in the profile."""
    options, code = _prun_options(shell, line)
    profiler = cProfile.Profile()
    whole = code if body is None else f"{code}\n{body}"
    try:
        await run_code(shell, whole, lambda running: Profiled(running, profiler))
        ended = ""
    except SystemExit:
        ended = "*** SystemExit exception caught in code being profiled."
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text).strip_dirs()
    stats.sort_stats(*(options.get("s") or ["time"])).print_stats(
        *map(_limit, options.get("l") or [])
    )
    report = text.getvalue().rstrip()
    _report(profiler, report, options, ended)
    return stats if "r" in options else None


def _report(profiler: cProfile.Profile, report: str, options: Any, ended: str) -> None:
    if "q" not in options:
        page(report)
    sys.stdout.write(ended)
    for path in filter(None, options.get("D") or []):
        profiler.dump_stats(path)
        sys.stdout.write(f"\n*** Profile stats marshalled to file {path!r}.{ended}\n")
    for path in filter(None, options.get("T") or []):
        Path(path).write_text(report, encoding="utf-8")
        sys.stdout.write(f"\n*** Profile printout saved to text file {path!r}.{ended}\n")


def _limit(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
