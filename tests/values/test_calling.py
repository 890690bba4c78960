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
from conkernelclient.values.calling import (
    LACKS,
    USER_NAMES,
    answering,
    calling,
    inspecting_,
    key_of_texts,
    listing,
    storing,
    teaching,
    value_in,
)

# A kernel with a user's names, which evaluates as IPython does; all of it in a bare interpreter.
KERNEL: Final = """
import json, sys
sys.modules["IPython"] = None
taken, expressions = json.load(sys.stdin)
names = dict.fromkeys(taken, "csv")
names["__builtins__"] = {}
before = set(sys.__dict__)
shown = [eval(expression, names) for expression in expressions]
assert shown.pop(0) is shown.pop(0) is None
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
        input=json.dumps([TAKEN, [teaching(), teaching(), *expressions]]),
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
    values, names, _ = evaluated(
        storing(("m", None, None)), storing(("m", text, None)), answering("[x, sys]")
    )
    assert values == [(False, LACKS), (True, True), (True, [b"'\"\n", 2])]
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


EXPRESSIONS: Final = (
    teaching(),
    answering("0"),
    storing(("m", None, None)),
    calling("len", ("m", "", None)).replace("len", "0"),
    inspecting_("0", 100, with_text=True),
    listing(),
    USER_NAMES,
)


def test_an_expression_looks_up_no_name_that_a_user_can_take() -> None:
    """It begins with literals."""
    assert looked_up(compile("(lambda: taken)()", "kernel", "eval")) == {"taken"}
    for expression in EXPRESSIONS:
        assert looked_up(compile(expression, "kernel", "eval")) == set()


def test_a_function_is_called_with_what_was_brought_and_inspected() -> None:
    """A function of the user's, by whatever expression gives it."""
    arguments = codec.dump(([3], {"key": 4}))
    call = calling("(lambda a, key: [a, key])", ("m", arguments, None))
    values, _, _ = evaluated(call, inspecting_("sys", 100, with_text=True))
    assert values[0] == (True, [3, 4])
    assert (values[1][1]["type"], values[1][1]["text"]) == ("str", "'csv'")


def test_a_kernel_that_was_taught_nothing_says_so_before_it_evaluates() -> None:
    """By a KeyError that names the texts."""
    with pytest.raises(KeyError, match=key_of_texts()):
        eval(answering("1 / 0"), {})


def test_a_pickle_is_executed_only_if_it_was_asked_for() -> None:
    """With its memory beside it."""
    bundle = remote.answer({1, 2}, is_pickled=True)._repr_mimebundle_()
    assert value_in(bundle, may_unpickle=True) == (True, {1, 2})
    with pytest.raises(ValueError, match="nobody asked"):
        value_in(bundle)
    with pytest.raises(ValueError, match="gives no value"):
        value_in({"text/plain": remote.MARK + '&["l",[["b","YQ=="]]]'}, may_unpickle=True)


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
        {"text/plain": remote.MARK + "+1", remote.SIZES: "1"},
    ],
)
def test_what_is_no_answer_of_ours_is_an_error(data: dict[str, Any]) -> None:
    """Of a kind that the caller names; nothing is made of it."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        value_in(data)
    with pytest.raises(TypeError):
        value_in([])  # type: ignore[arg-type]
