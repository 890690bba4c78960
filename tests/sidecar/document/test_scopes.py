"""What a scope takes from outside is told apart: at once, or when its functions are called."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from conkernelclient.sidecar.document.scopes import Ordered, Scope, root_of


def scope(source: str) -> Scope:
    """The scope of a definition, or of an expression."""
    node: Any = ast.parse(source).body[0]
    node = node.value if isinstance(node, ast.Expr) else node
    kinds = {ast.ClassDef: "class", ast.FunctionDef: "function", ast.Lambda: "function"}
    return Scope(kinds.get(type(node), "comprehension"), node)


def test_a_class_reads_at_once_and_its_functions_later() -> None:
    """And they do not see its names."""
    found = scope("class A:\n x = y\n def f(self): return x + z\n w = x")
    assert (found.now, found.later) == ({"y"}, {"x", "z"})


def test_a_functions_names_are_its_own_wherever_it_binds_them() -> None:
    """But for those that it declares others'."""
    found = scope("def f(a):\n b; b = a; c\n global d\n d = 1")
    assert found.free == {"c"}
    assert [names for _, names in found.globals_written] == [["d"]]


def test_a_comprehensions_first_iterable_is_not_its_own() -> None:
    """Its targets are, and `:=` binds outside of it."""
    found = scope("[(w := x) for x in outer for y in x + inner if y]")
    assert (found.free, found.walrus) == ({"inner"}, {"w"})


def test_mentions_are_those_that_reach_outside() -> None:
    """A name that is bound in between is another."""
    assert [name for _, name in scope("lambda: exec + eval").mentions({"exec"})] == ["exec"]
    assert scope("lambda exec: lambda: exec").mentions({"exec"}) == []


@pytest.mark.parametrize(
    ("source", "root"), [("x", "x"), ("x.a[0].b", "x"), ("x().a", None), ("(1).a", None)]
)
def test_the_root_of_a_target_is_the_name_at_its_start(source: str, root: str | None) -> None:
    """If there is one."""
    assert root_of(ast.parse(source, mode="eval").body) == root


def test_who_goes_in_order_says_what_binds() -> None:
    """There is no default."""
    with pytest.raises(NotImplementedError):
        Ordered().visit(ast.parse("[x for x in y]"))
    with pytest.raises(NotImplementedError):
        Ordered().visit(ast.parse("match x:\n case y: pass"))
