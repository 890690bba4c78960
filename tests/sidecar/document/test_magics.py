"""Cells in IPython's syntax are read; what a magic may do to names is told."""

from __future__ import annotations

import ast
import sys

import pytest

from conkernelclient.sidecar.document.magics import as_python, magic_of
from conkernelclient.sidecar.document.names import names_of


@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("%matplotlib inline\nx = y", "y", "x"),
        ("!pip install z\nx = y", "y", "x"),
        ("x = !ls", "", "x"),
        ("%time x = y", "y", "x"),
        ("%%time\nx = y\nz = x", "y", "xz"),
        ("y?\nx = 1", "", "x"),
        ("y??", "", ""),
        ("%%html\n<b>{x}</b>", "", ""),
        ("%%bash\necho $x", "", ""),
        ("%%writefile a.py\nx = y", "", ""),
        (">>> x = y", "y", "x"),
        ("  x = y", "y", "x"),
    ],
)
def test_what_leaves_names_alone_is_known(source: str, reads: str, writes: str) -> None:
    """And code that is timed counts as if it stood there."""
    names = names_of(source)
    assert names.unknown == ()
    assert "".join(sorted(names.reads & set("xyz"))) == reads
    assert "".join(sorted(names.writes)) == writes


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\n%run other.py", "line 2: %run"),
        ("%store -r x", "line 1: %store"),
        ("%%capture out\nx = 1", "line 1: %%capture"),
        ("%%bash --out x\nls", "line 1: %%bash"),
        ("!echo {x}", "line 1: !echo {x}"),
        ("y = !echo $x", "line 1: !echo $x"),
        ("%cd {x}", "line 1: %cd"),
        ("%unheard of", "line 1: %unheard"),
        ("%%time\nexec(x)", "line 2: exec"),
        ("get_ipython().run_line_magic(x, y)", "line 1: get_ipython().run_line_magic"),
        ("get_ipython().run_line_magic()", "line 1: %"),
        ("get_ipython().run_cell_magic()", "line 1: %%"),
        ("get_ipython().user_ns['x'] = 1", "line 1: get_ipython"),
        ("f = get_ipython", "line 1: get_ipython"),
    ],
)
def test_what_may_run_any_code_is_told(source: str, reason: str) -> None:
    """With its line in the cell."""
    assert names_of(source).unknown == (reason,)


def test_without_ipython_its_syntax_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And Python is read all the same."""
    monkeypatch.setitem(sys.modules, "IPython.core.inputtransformer2", None)
    assert as_python("x = 1") == ("x = 1", [])
    (told,) = names_of("%time x = 1").unknown
    assert told == "line 1: it is no valid Python, and IPython is not there to read it"


def test_what_ipython_cannot_transform_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises."""

    def fail(*_: object) -> str:
        raise ValueError("no")

    path = "IPython.core.inputtransformer2.TransformerManager.transform_cell"
    monkeypatch.setattr(path, fail)
    assert names_of("%x").unknown == ("line 1: IPython cannot read it: ValueError",)


def test_other_calls_are_no_magics() -> None:
    """Of another object, or another method."""
    for source in ("f()", "a.system('x')", "get_ipython().ask_exit()", "a().system('x')"):
        call = ast.parse(source, mode="eval").body
        assert isinstance(call, ast.Call)
        assert magic_of(call) is None
