"""The names that a cell reads and writes are known, or it is told why they are not."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conkernelclient.sidecar.document.names import names_of

NAMES = "xyzfg"


def read(source: str) -> str:
    """What is read of x, y, z, f and g."""
    return "".join(sorted(names_of(source).reads & set(NAMES)))


def written(source: str) -> str:
    """What is written, with a question mark behind what may be."""
    names = names_of(source)
    return "".join(n if n in names.certain else f"{n}?" for n in sorted(names.writes))


@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("x = y", "y", "x"),
        ("x = 1; y = x", "", "xy"),
        ("y = x; x = 1", "x", "xy"),
        ("x += 1", "x", "x"),
        ("x: y = z", "yz", "x"),
        ("x: y", "y", ""),
        ("del x", "x", "x?"),
        ("x = 1; del x; x", "x", "x?"),
        ("x.a = y", "xy", "x?"),
        ("x[0].b[y] += 1", "xy", "x?"),
        ("x, *y = z", "z", "xy"),
        ("import x.a, y.b as z", "", "xz"),
        ("from y import x as z", "", "z"),
        ("if x: y = 1", "x", "y?"),
        ("if x:\n y = 1\nelse:\n y = 2", "x", "y"),
        ("if x:\n y = 1\ny", "xy", "y?"),
        ("(x := y) and (z := 1)", "y", "xz?"),
        ("y if (x := z) else x", "yz", "x"),
        ("for x in y: z = x", "y", "x?z?"),
        ("for x in y: pass\nelse: z = x", "xy", "x?z?"),
        ("while x: y = 1\nelse: z = 1", "x", "y?z?"),
        ("try: import x\nexcept E: x = None", "", "x"),
        ("try: y = 1\nexcept E as x: z = x\nfinally: y", "y", "x?y?z?"),
        ("try: y = 1\nexcept* E: pass\nelse: z = y", "", "y?z?"),
        ("with x as y: z = y", "x", "yz"),
        ("async with x as y: pass\nawait z\nasync for f in g: pass", "gxz", "f?y"),
        ("match x:\n case [y, *z]: f\n case {'a': g, **x}: pass", "fx", "g?x?y?z?"),
        ("match x:\n case int() as y if y: pass", "x", "y?"),
        ("[x for x in y if z]", "yz", ""),
        ("[x for x in x for y in x]", "x", ""),
        ("{x: y for x, y in z}", "z", ""),
        ("any((x := y) for y in z)", "z", "x?"),
        ("[[x := 1 for y in z] for z in y]", "y", "x?"),
        ("lambda x, y=z: x + f", "fz", ""),
        ("@f\ndef x(y: z = 1): return y", "fz", "x"),
        ("def f(): return f(x)", "x", "f"),
        ("def f(): return g()\ndef g(): return f()", "", "fg"),
        ("def f(): return x\nx = 1", "x", "fx"),
        ("x = 1\ndef f(): return x", "", "fx"),
        ("def f():\n x = 1\n def g(): return x + y\n return g", "y", "f"),
        ("def f():\n x = 1\n def g():\n  nonlocal x\n  x += z", "z", "f"),
        ("def f():\n for x in y: pass\n import z\n return x + z", "y", "f"),
        ("def f():\n x += 1\n return [x for y in z]", "z", "f"),
        ("async def f(*x, **y):\n async with z as g: pass", "z", "f"),
        ("def f():\n try: pass\n except E as x: x\n class y: z = x", "", "f"),
        ("def f():\n match x:\n  case [y]: return y", "x", "f"),
        ("class x(y, metaclass=z): f = g; x = f", "gyz", "x"),
        ("class x:\n y = y\n def f(self): return y + z", "yz", "x"),
        ("class x:\n def f(self): return x", "", "x"),
        ("@x\nclass y:\n [z := 1 for g in f]", "fx", "y"),
        ("def f(x):\n class y:\n  x = x\n  def g(self): return x + z", "z", "f"),
        ("class x:\n y = 1\n z = [y for f in [1]]\n class g: f = y", "y", "x"),
        ("class x:\n def f(): return x\n y = f()", "x", "x"),
        ("print(f'{x!r:{y}}')", "xy", ""),
    ],
)
def test_reads_and_writes_are_those_of_the_language(source: str, reads: str, writes: str) -> None:
    """Each kind of statement and scope."""
    assert (read(source), written(source)) == (reads, writes)
    assert names_of(source).unknown == ()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("exec('x = 1')", "line 1: exec"),
        ("x = 1\ny = [eval(z) for z in x]", "line 2: eval"),
        ("def f():\n return globals()['x']", "line 2: globals"),
        ("class x:\n def f(self): lambda: exec('')", "line 2: exec"),
        ("locals()['x'] = 1", "line 1: locals()"),
        ("vars()", "line 1: vars()"),
        ("from x import *", "line 1: from x import *"),
        ("from ..y import *", "line 1: from ..y import *"),
        ("import __main__", "line 1: import __main__"),
        ("get_ipython().run_cell('x')", "line 1: get_ipython"),
        ("def f():\n global x, y\n x = 1", "line 2: global x in a function"),
        ("x = ", "line 1: it is no valid Python"),
        ("x = 1\n  y = 2", "line 2: it is no valid Python"),
        ("(" * 300 + ")" * 300, "line 1: it is no valid Python"),
        ("1" + "+1" * 3_000, "line 1: it is nested too deeply to be read"),
        ("-" * 100_000 + "1", "line 1: it is nested too deeply to be read"),
        ("x = 1\0", "line 1: it is no valid Python"),
    ],
)
def test_what_is_not_in_the_text_is_told(source: str, reason: str) -> None:
    """With its line, and why."""
    assert names_of(source).unknown[0] == reason


def test_a_name_of_the_cells_own_hides_exec() -> None:
    """And so do a function's."""
    assert names_of("exec = 1\nexec").unknown == ()
    assert names_of("def f(eval): return eval(1)").unknown == ()
    assert names_of("def f(): locals(); vars(f)\nvars(f)").unknown == ()


def test_a_global_that_a_function_writes_is_written_perhaps() -> None:
    """Whoever calls it writes it."""
    assert written("def f():\n global x\n x = 1") == "fx?"
    assert names_of("def f():\n global x\n return x").unknown == ()


expressions = st.recursive(
    st.sampled_from([*"xyz", "1", "f()", "g()"]),
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("[{} for {} in [{}]]".format, inner, st.sampled_from("xyz"), inner),
        st.builds("({} := {})".format, st.sampled_from("xyz"), inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(lambda {}: {})(1)".format, st.sampled_from("xyz"), inner),
    ),
    max_leaves=4,
)


def indented(block: str) -> str:
    """As the body of a statement."""
    return "\n".join(f" {line}" for line in block.splitlines())


statements = st.recursive(
    st.one_of(
        st.builds("{} = {}".format, st.sampled_from("xyz"), expressions),
        st.builds("{} += {}".format, st.sampled_from("xyz"), expressions),
        st.builds("{}".format, expressions),
        st.builds("del {}".format, st.sampled_from("xyz")),
    ),
    lambda inner: st.one_of(
        st.builds("{}\n{}".format, inner, inner),
        st.builds(lambda e, a: f"if {e}:\n{indented(a)}", expressions, inner),
        st.builds(lambda n, a: f"for {n} in [1, 2]:\n{indented(a)}", st.sampled_from("xyz"), inner),
        st.builds(
            lambda a, b: f"try:\n{indented(a)}\nexcept Exception as z:\n{indented(b)}", inner, inner
        ),
        st.builds(lambda n, a: f"def {n}():\n{indented(a)}", st.sampled_from("fg"), inner),
        st.builds(lambda n, a: f"class {n}:\n{indented(a)}", st.sampled_from("fg"), inner),
    ),
    max_leaves=6,
)


class Watched(dict[str, Any]):
    """
    A cell's namespace that sees what is read and written in it.

    But for what Python writes past it: `global x`, and `:=` in a comprehension.
    """

    def __init__(self) -> None:
        super().__init__(x=0, y=1, z=2, f=lambda: 3, g=lambda: 4)
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.own: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name not in self.own:
            self.reads.add(name)
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.writes.add(name)
        self.own.add(name)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self.writes.add(name)
        self.own.discard(name)
        super().__delitem__(name)


@settings(max_examples=2_000 if os.environ.get("FULL") else 150, deadline=None)
@given(statements)
def test_what_a_cell_does_when_it_runs_is_what_was_said(source: str) -> None:
    """All that it reads and writes is known before; what is certain is bound when it has ended."""
    names, seen = names_of(source), Watched()
    assert names.unknown == ()
    has_ended = False
    with contextlib.suppress(Exception):
        exec(source, seen)
        has_ended = True
    assert seen.reads & set(NAMES) <= names.reads
    assert seen.writes & set(NAMES) <= names.writes
    if has_ended:
        assert names.certain <= seen.own
