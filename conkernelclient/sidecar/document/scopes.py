"""
Which names does a function, a class body or a comprehension take from outside?

The rules are Python's ("Naming and binding"): a function's names are those that it binds anywhere;
those of a class body are its own from where they are bound, and no function in it sees them; the
targets of a comprehension are its own, and its first iterable is evaluated outside.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Comprehension", "Ordered", "Scope", "root_of"]

Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def root_of(node: ast.AST) -> str | None:
    """Give the name at the start of `x.a[0].b`; None where there is something else."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


class Ordered(ast.NodeVisitor):
    """Visits what is evaluated first before what is bound to it."""

    def visit_Assign(self, node: ast.Assign) -> None:
        """Visit the value, then the targets."""
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Visit the value, then the name."""
        self.visit(node.value)
        self.visit(node.target)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """Take it as a comprehension."""
        self.visit_comprehension_of(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """Take it as a comprehension."""
        self.visit_comprehension_of(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Take it as a comprehension."""
        self.visit_comprehension_of(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """Take it as a comprehension."""
        self.visit_comprehension_of(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """Bind what a pattern captures."""
        self.generic_visit(node)
        if node.name is not None:
            self.bind_pattern(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """Bind what a pattern captures."""
        if node.name is not None:
            self.bind_pattern(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Bind what a pattern captures."""
        self.generic_visit(node)
        if node.rest is not None:
            self.bind_pattern(node.rest)

    def visit_comprehension_of(self, node: Comprehension) -> None:
        """Take a comprehension of whatever kind."""
        raise NotImplementedError

    def bind_pattern(self, name: str) -> None:
        """Bind a name that a pattern captures."""
        raise NotImplementedError

    @staticmethod
    def outer_parts(
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
    ) -> Iterator[ast.expr]:
        """Give what is evaluated where a function is defined: decorators, defaults, annotations."""
        arguments = node.args
        yield from getattr(node, "decorator_list", ())
        yield from arguments.defaults
        yield from (default for default in arguments.kw_defaults if default is not None)
        if not isinstance(node, ast.Lambda):
            yield from (argument.annotation for argument in _all(arguments) if argument.annotation)
            if node.returns is not None:
                yield node.returns


def _all(arguments: ast.arguments) -> list[ast.arg]:
    more = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]


class Scope(Ordered):
    """
    What has names of its own.

    Args:
        kind: "function", "class" or "comprehension".
        node: The definition, lambda, class or comprehension.

    Attributes:
        bound: Its own names.
        now: What a class body or comprehension takes from outside while it runs.
        later: What functions in it take from outside of it.
        walrus: What a comprehension binds outside of itself.
        globals_written: Where functions declare names global, and which of these they bind.
    """

    def __init__(self, kind: str, node: ast.AST) -> None:
        self.kind = kind
        self.bound: set[str] = set()
        self.walrus: set[str] = set()
        self.globals_written: list[tuple[ast.AST, list[str]]] = []
        self._reads: set[str] = set()
        self._inner: set[str] = set()  # what functions in it read
        self._outside: set[str] = set()  # declared global or nonlocal
        self._globals: list[ast.Global] = []
        self._mentioned: list[tuple[ast.AST, str]] = []
        self._type_parameters(node)
        self._enter(node)
        for declared in self._globals:
            if names := [name for name in declared.names if name in self.bound]:
                self.globals_written.append((declared, names))
        self.bound -= self._outside

    @property
    def now(self) -> set[str]:
        """What it reads by itself, and has not of its own."""
        return self._reads if self.kind == "class" else self._reads - self.bound

    @property
    def later(self) -> set[str]:
        """What functions in it read; a class's names are not seen by them."""
        return self._inner if self.kind == "class" else self._inner - self.bound

    @property
    def free(self) -> set[str]:
        """All that it takes from outside."""
        return self.now | self.later

    def mentions(self, names: Collection[str]) -> list[tuple[ast.AST, str]]:
        """Give where it, or what is in it, reads one of `names` from outside."""
        free = self.free
        return [(node, name) for node, name in self._mentioned if name in names and name in free]

    def _enter(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self.bound |= {argument.arg for argument in _all(node.args)}
                self._visit_all(node.body)
            case ast.ClassDef():
                self.bound |= {"__module__", "__qualname__"}
                self._visit_all(node.body)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                self._generators(node.generators)
                self.visit(node.elt)
            case ast.DictComp():
                self._generators(node.generators)
                self._visit_all([node.key, node.value])
            case _:  # `type X = ...`
                self._visit_all(cast("Any", node).value)

    def _type_parameters(self, node: ast.AST) -> None:
        for parameter in getattr(node, "type_params", ()):
            self.bound.add(parameter.name)
            self.generic_visit(parameter)

    def _generators(self, generators: list[ast.comprehension]) -> None:
        """Visit all but the first iterable, which is evaluated outside."""
        for number, generator in enumerate(generators):
            self.visit(generator.target)
            if number:
                self.visit(generator.iter)
            self._visit_all(generator.ifs)

    def _visit_all(self, nodes: Any) -> None:
        for node in cast("list[ast.AST]", nodes if isinstance(nodes, list) else [nodes]):
            self.visit(node)

    def _take(self, scope: Scope, *, is_now: bool) -> None:
        """Take what an inner scope has from outside of it."""
        self._mentioned += scope.mentions({name for _, name in scope._mentioned})
        self.globals_written += scope.globals_written
        if is_now:
            self._reads |= scope.now  # what is in a class body does not see its names either
        self._inner |= scope.later if is_now else scope.free

    def _read(self, name: str) -> None:
        if self.kind != "class" or name not in self.bound or name in self._outside:
            self._reads.add(name)

    def _bind(self, name: str) -> None:
        self.bound.add(name)

    def visit_Name(self, node: ast.Name) -> None:
        """Read or bind it."""
        if isinstance(node.ctx, ast.Load):
            self._mentioned.append((node, node.id))
            self._read(node.id)
        else:
            self._bind(node.id)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Read what it changes."""
        if isinstance(node.target, ast.Name):
            self._read(node.target.id)
        self.visit(node.value)
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Bind a name, of a comprehension outside of it."""
        self.visit(node.value)
        if self.kind == "comprehension":
            self.walrus.add(node.target.id)
        else:
            self._bind(node.target.id)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind what is imported."""
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind what is imported."""
        self.visit_Import(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Bind the exception."""
        if node.name is not None:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        """These are the module's."""
        self._globals.append(node)
        self._outside.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        """These are the enclosing function's."""
        self._outside.update(node.names)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Take what it reads from outside of it."""
        self._visit_all(list(self.outer_parts(node)))
        self._bind(node.name)
        self._take(Scope("function", node), is_now=False)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Take what it reads from outside of it."""
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Take what it reads from outside of it, as if it were called at once."""
        self._visit_all(list(self.outer_parts(node)))
        scope = Scope("function", node)
        self._take(scope, is_now=True)
        self._reads |= scope.later

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Take what its body reads from outside of it."""
        words = [word.value for word in node.keywords]
        self._visit_all([*node.decorator_list, *node.bases, *words])
        self._take(Scope("class", node), is_now=True)
        self._bind(node.name)

    def visit_comprehension_of(self, node: Comprehension) -> None:
        """Take what it reads from outside of it."""
        self.visit(node.generators[0].iter)
        scope = Scope("comprehension", node)
        self._take(scope, is_now=True)
        if self.kind == "comprehension":
            self.walrus |= scope.walrus
        else:
            self.bound |= scope.walrus

    def bind_pattern(self, name: str) -> None:
        """Bind a name that a pattern captures."""
        self._bind(name)
