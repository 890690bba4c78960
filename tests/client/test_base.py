"""The groups of a client's methods know each other by `client.base` alone."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Final

import grimp
import pytest

from conkernelclient import ConKernelClient
from conkernelclient.client import base
from conkernelclient.client.lifecycle import Lifecycle

ROOM: Final = Path(base.__file__).parent
# From the client's own class to the first that has traits and sockets.
GROUPS: Final = ConKernelClient.__mro__[1 : ConKernelClient.__mro__.index(Lifecycle)]
MODULES: Final = {group.__module__ for group in GROUPS}


def declared() -> list[str]:
    """What `base` says that the groups find in a client."""
    tree = ast.parse(inspect.getsource(base))
    (body,) = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    fields = [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return names + [field.id for field in fields if isinstance(field, ast.Name)]


def is_for_types(test: ast.expr) -> bool:
    """Whether this condition holds for type checkers alone."""
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_group_imports_another(module: str) -> None:
    """Nor the client that joins them: each takes from `base` what it needs, also its types."""
    graph = grimp.build_graph("conkernelclient", cache_dir=None)
    imported = graph.find_modules_directly_imported_by(module)
    assert base.__name__ in imported
    assert not imported & (MODULES | {"conkernelclient.client.client", Lifecycle.__module__})


def test_there_are_several_groups_and_a_running_program_has_no_class_between_them() -> None:
    """traitlets looks through all traits for each class that has any, when it is made."""
    assert len(GROUPS) >= 5
    assert {group.__bases__ for group in GROUPS} == {(object,)}


def test_what_base_declares_is_there() -> None:
    """A type checker believes it, and would not notice if nobody had it."""
    names = declared()
    assert {"run", "_request", "default_timeout"} <= set(names)
    assert [name for name in names if not hasattr(ConKernelClient, name)] == []


def test_the_trick_of_typing_stands_in_one_place() -> None:
    """Elsewhere a type checker sees no other program than the one that runs."""
    tricks = {
        path.name
        for path in ROOM.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.If) and is_for_types(node.test) and node.orelse
    }
    assert tricks == {"base.py"}
