"""A kernel finds our functions whatever its user has named, and its answers are read with care."""

from __future__ import annotations

import dis
import json
import subprocess
import sys
from types import CodeType
from typing import Any, Final

import pytest

from conkernelclient.values import codec, remote
from conkernelclient.values.calling import USER_NAMES, answering, listing, storing, value_in

# A kernel with a user's names, which evaluates as IPython does; all of it in a bare interpreter.
KERNEL: Final = """
import json, sys
sys.modules["IPython"] = None
taken, expressions = json.load(sys.stdin)
names = dict.fromkeys(taken, "csv")
names["__builtins__"] = {}
before = set(sys.__dict__)
shown = [eval(expression, names) for expression in expressions]
bundles = [one._repr_mimebundle_() for one in shown]
kept = sorted(set(sys.__dict__) - before)
print(json.dumps([bundles, sorted(names), kept, len({type(one) for one in shown})]))
"""
LOOK_UPS: Final = ("LOAD_NAME", "LOAD_GLOBAL")
TAKEN: Final = ["type", "sys", "exec", "dict", "globals", "dump", "answer", "codec", "__name__"]


def evaluated(*expressions: str) -> tuple[list[Any], set[str], list[str]]:
    """What a kernel shows for these, its user's names afterwards, and what it keeps in `sys`."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", KERNEL],
        input=json.dumps([TAKEN, expressions]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown, names, kept, classes = json.loads(done.stdout)
    assert classes == 1, "the text ran once"
    return [value_in(bundle) for bundle in shown], set(names), kept


def test_a_kernel_answers_whatever_names_are_taken() -> None:
    """Without builtins of the user's, and with nothing but the standard library."""
    values, names, kept = evaluated(answering("[type, 1]"), listing(), answering("sys"))
    assert values == [
        (True, ["csv", 1]),
        (True, {name: "str" for name in TAKEN if name[0] != "_"}),
        (True, "csv"),
    ]
    assert names == {*TAKEN, "__builtins__"}
    assert len(kept) == 1
    assert kept[0].startswith("_conkernel_")


def test_a_kernel_sets_what_the_text_holds() -> None:
    """Where there are no buffers it says so first."""
    text = codec.dump({"x": b"'\"\n", "sys": 2})
    values, names, _ = evaluated(storing("m"), storing("m", text), answering("[x, sys]"))
    assert values == [(True, False), (True, True), (True, [b"'\"\n", 2])]
    assert names == {*TAKEN, "__builtins__", "x"}


def test_a_value_that_cannot_travel_is_answered_by_why() -> None:
    """The expression may end in a comment, and may stand on several lines."""
    values, _, _ = evaluated(answering("(lambda: 0)  # a function"), answering("1 +\n1  # two"))
    assert [is_there for is_there, _ in values] == [False, True]
    assert "type function" in values[0][1]
    assert values[1][1] == 2


def looked_up(code: CodeType) -> set[str]:
    """The names that this code looks up outside of itself."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in LOOK_UPS}
    return names.union(*(looked_up(one) for one in code.co_consts if isinstance(one, CodeType)))


def test_an_expression_looks_up_no_name_that_a_user_can_take() -> None:
    """It begins with literals."""
    assert looked_up(compile("(lambda: taken)()", "kernel", "eval")) == {"taken"}
    for expression in (answering("0"), storing("m"), listing(), USER_NAMES):
        assert looked_up(compile(expression, "kernel", "eval")) == set()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"text/plain": 5},
        {"text/plain": "5"},
        {"text/plain": remote.MARK},
        {"text/plain": remote.MARK + "+{["},
        {"text/plain": remote.MARK + '+["B",0]'},
        {"text/plain": remote.MARK + '+["B",0]', remote.PART + "0": 5},
        {"text/plain": remote.MARK + "+" + "[" * 200_000},
    ],
)
def test_what_is_no_answer_of_ours_is_an_error(data: dict[str, Any]) -> None:
    """Of a kind that the caller names; nothing is made of it."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        value_in(data)
    with pytest.raises(TypeError):
        value_in([])  # type: ignore[arg-type]
