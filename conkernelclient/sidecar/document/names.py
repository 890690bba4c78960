"""
Which names does a cell read that other cells may have written, and which does it write?

By its syntax tree alone: nothing is run. A name that the cell has surely bound by the time that it
reads it is its own. What a function's body reads counts as read where the function is defined,
unless more definitions or imports follow that bind it. `x.a = 1` and `x[0] = 1` write `x`;
what a call changes in its arguments is not seen. Where names are not in the text, as with `exec`,
that is reported.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .magics import as_python, magic_of
from .scopes import Ordered, Scope, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .scopes import Comprehension

__all__ = ["Names", "names_of"]

BY_THEMSELVES: Final = frozenset({"exec", "eval", "globals", "get_ipython"})
WITHOUT_ARGUMENTS: Final = frozenset({"locals", "vars"})  # at top level they are `globals`
KEPT: Final = 4_096  # a notebook is asked again and again, and few of its cells have changed
DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Names:
    """
    The names of one cell.

    Attributes:
        reads: Those that it may read before it has bound them itself, builtins among them.
        writes: Those that it may bind, change or delete.
        certain: Those of `writes` that are bound whenever it runs to its end.
        unknown: Why there may be others, a reason each: "line 2: exec".
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    certain: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


@functools.lru_cache(maxsize=KEPT)
def names_of(source: str) -> Names:
    """Give the names of a cell's source, which is Python, or IPython's; the last are kept."""
    python, unknown = as_python(source)
    if python is None:
        return Names(unknown=tuple(unknown))
    try:
        tree = ast.parse(python)
        flow = _Flow()
        flow.run(tree.body)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        return Names(unknown=(f"line {line or 1}: it is no valid Python",))
    except (RecursionError, MemoryError):  # Python's parser has raised either
        return Names(unknown=("line 1: it is nested too deeply to be read",))
    reasons = dict.fromkeys([*unknown, *flow.unknown])
    return Names(
        frozenset(flow.reads), frozenset(flow.writes), frozenset(flow.certain), tuple(reasons)
    )


class _Flow(Ordered):
    """Goes through a cell's statements in the order in which they run."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.certain: set[str] = set()
        self.unknown: list[str] = []
        self._deferred: set[str] = set()  # what functions will read when they are called

    def run(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if not isinstance(statement, DEFINITIONS) or getattr(statement, "decorator_list", ()):
                self._called()
            self.visit(statement)
        self._called()

    def _called(self) -> None:
        """From here on the functions so far may be called."""
        for name in self._deferred:
            self._read(name)
        self._deferred.clear()

    def _read(self, name: str) -> None:
        if name not in self.certain:
            self.reads.add(name)

    def _write(self, name: str, *, is_certain: bool = True) -> None:
        self.writes.add(name)
        if is_certain:
            self.certain.add(name)

    def report(self, node: ast.AST, what: str) -> None:
        self.unknown.append(f"line {getattr(node, 'lineno', 1)}: {what}")

    def _branches(self, *branches: Callable[[], None]) -> None:
        """Each of these may run instead of the others: certain is what all bind."""
        before, ends = set(self.certain), list[set[str]]()
        for branch in branches:
            self.certain = set(before)
            branch()
            ends.append(self.certain)
        self.certain = set.intersection(*ends)

    def _block(self, *parts: ast.AST | list[ast.stmt] | list[ast.expr] | None) -> None:
        for part in parts:
            for node in part if isinstance(part, list) else [part] if part else []:
                self.visit(node)

    def _nothing(self) -> None:
        pass

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._write(node.id)
            return
        if node.id in BY_THEMSELVES and node.id not in self.certain:
            self.report(node, node.id)
        self._read(node.id)
        if isinstance(node.ctx, ast.Del):
            self._write(node.id, is_certain=False)
            self.certain.discard(node.id)

    def visit_Call(self, node: ast.Call) -> None:
        if (magic := magic_of(node)) is not None:
            if magic.reason is not None:
                self.report(node, magic.reason)
            self._take(names_of(magic.code))
            return
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in WITHOUT_ARGUMENTS and not node.args and not node.keywords:
            self.report(node, f"{name}()")
        self.generic_visit(node)

    def _take(self, inner: Names) -> None:
        """Take the names of code that a magic runs."""
        for name in inner.reads:
            self._read(name)
        self.writes |= inner.writes
        self.certain |= inner.certain
        self.unknown += inner.unknown

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        self._block(*node.items)
        self.run(node.body)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        self.visit_With(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._change(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._change(node)

    def _change(self, node: ast.Attribute | ast.Subscript) -> None:
        self.generic_visit(node)
        name = root_of(node)
        if name is not None and not isinstance(node.ctx, ast.Load):
            self._write(name, is_certain=False)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target.id)
        self._block(node.value, node.target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._block(node.annotation, node.value)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self._block(node.target)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "__main__":
                self.report(node, "import __main__")
            self._write(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.report(node, f"from {'.' * node.level}{node.module or ''} import *")
            else:
                self._write(alias.asname or alias.name)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._block(*self.outer_parts(node))
        scope = self._scope("function", node)
        self._write(node.name)
        self._deferred |= scope.free - self.certain

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._block(node.decorator_list, node.bases, [word.value for word in node.keywords])
        scope = self._scope("class", node)
        for name in scope.now:
            self._read(name)
        if _calls(node.body) and node.name in scope.later:  # before the class has its name
            self._read(node.name)
        self._write(node.name)
        self._deferred |= scope.later - self.certain

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._block(*self.outer_parts(node))
        for name in self._scope("function", node).free:
            self._read(name)

    def _scope(self, kind: str, node: ast.AST) -> Scope:
        """Look at what has names of its own."""
        scope = Scope(kind, node)
        for place, name in scope.mentions(BY_THEMSELVES - self.certain):
            self.report(place, name)
        for place, names in scope.globals_written:
            self.report(place, f"global {', '.join(names)} in a function")
            for name in names:
                self._write(name, is_certain=False)
        for name in scope.walrus:  # of a comprehension
            self._write(name, is_certain=False)
        return scope

    def visit_comprehension_of(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        for name in self._scope("comprehension", node).free:
            self._read(name)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._branches(lambda: self.run(node.body), lambda: self.run(node.orelse))

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self._branches(lambda: self.visit(node.body), lambda: self.visit(node.orelse))

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self._branches(lambda: self._block(node.values[1:]), self._nothing)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._branches(lambda: self._loop(node.target, node.body), self._nothing)
        self._branches(lambda: self.run(node.orelse), self._nothing)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self.visit_For(node)

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._branches(lambda: self.run(node.body), self._nothing)
        self._branches(lambda: self.run(node.orelse), self._nothing)

    def _loop(self, target: ast.expr, body: list[ast.stmt]) -> None:
        self.visit(target)
        self.run(body)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        def whole() -> None:
            self.run(node.body)
            self.run(node.orelse)

        self._branches(whole, *(lambda h=h: self._handle(h) for h in node.handlers))
        self.run(node.finalbody)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.visit_Try(node)

    def _handle(self, node: ast.ExceptHandler) -> None:
        self._block(node.type)
        if node.name is not None:
            self._write(node.name)
        self.run(node.body)
        if node.name is not None:  # Python deletes it at the end
            self.certain.discard(node.name)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._branches(self._nothing, *(lambda c=c: self._case(c) for c in node.cases))

    def _case(self, case: ast.match_case) -> None:
        self._block(case.pattern, case.guard)
        self.run(case.body)

    def bind_pattern(self, name: str) -> None:
        self._write(name)

    def visit_TypeAlias(self, node: ast.AST) -> None:
        scope = self._scope("function", node)
        self._write(node.name.id)  # type: ignore[attr-defined]
        self._deferred |= scope.free - self.certain


def _calls(body: list[ast.stmt]) -> bool:
    """Tell whether a class body calls something by itself."""
    return any(
        isinstance(node, ast.Call)
        for statement in body
        if not isinstance(statement, DEFINITIONS)
        for node in ast.walk(statement)
    )
