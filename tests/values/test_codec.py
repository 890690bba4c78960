"""The text of a value keeps its form, and says of what cannot travel why."""

from __future__ import annotations

import ast
import datetime
import enum
import inspect
import json
import math
import pathlib
import subprocess
import sys
from collections import namedtuple
from typing import Any, Final

import pytest

from conkernelclient.values import codec
from conkernelclient.values.calling import TEXTS

# Other Pythons, and older releases of this library, read it.
FORMS: Final = {
    "null": None,
    "true": True,
    "-1": -1,
    "1.5": 1.5,
    "NaN": math.nan,
    '"a"': "a",
    '["i","0x8000000000000000"]': 2**63,
    '["u","eda080"]': "\ud800",
    '["b","AAE="]': b"\0\1",
    '["c",1.0,-2.0]': 1 - 2j,
    '["e"]': ...,
    '["p",[1,2]]': [1, 2],
    '["l",[1,"a"]]': [1, "a"],
    '["t",["p",[1]]]': (1,),
    '["s",["p",[1]]]': {1},
    '["f",["p",[1]]]': frozenset({1}),
    '["d",["p",["a"]],["p",[1]]]': {"a": 1},
    '["r",["p",[0,5,2]]]': range(0, 5, 2),
    '["da",2024,2,29]': datetime.date(2024, 2, 29),
    '["tm",[1,2,3,4],0,null]': datetime.time(1, 2, 3, 4),
    '["td",-1,5,7]': datetime.timedelta(-1, 5, 7),
    '["dt",[1,1,1],[0,0,0,0],1,["o",0,3600,0,null]]': datetime.datetime(
        1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1)), fold=1
    ),
    '["path","PurePosixPath","/a"]': pathlib.PurePosixPath("/a"),
}


@pytest.mark.parametrize("text", FORMS)
def test_a_value_has_one_text_and_is_read_back_from_it(text: str) -> None:
    """A kernel that keeps the text of an older client reads what a new one writes."""
    assert codec.dump(FORMS[text]) == text
    assert repr(codec.load(text)) == repr(FORMS[text])


def test_large_bytes_go_beside_the_text_if_there_is_room() -> None:
    """Without room for them they are in it; small ones always are."""
    parts: list[bytes] = []
    large, small = b"x" * (codec.LARGE + 1), b"y" * codec.LARGE
    text = codec.dump([large, small, large], parts)
    assert parts == [large, large]
    assert len(text) < 2 * codec.LARGE
    assert codec.load(text, [memoryview(part) for part in parts]) == [large, small, large]
    assert codec.load(codec.dump(large)) == large


class Color(enum.IntEnum):
    RED = 1


class Odd(list[Any]):
    def __iter__(self) -> Any:
        raise RuntimeError


def deep(levels: int) -> Any:
    """Lists within lists."""
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "a value of type object is no literal: send numbers"),
        (Color.RED, "type Color"),
        ([{"a": namedtuple("Point", "x")(1)}], "type Point"),
        (deep(codec.DEEPEST + 2), "levels deep, or holds itself"),
        (datetime.datetime(1, 1, 1, tzinfo=type("Zone", (datetime.tzinfo,), {})()), "type Zone"),
    ],
    ids=["an object", "an enum", "inside", "too deep", "a zone"],
)
def test_what_cannot_travel_is_named(value: Any, why: str) -> None:
    """By `Unsendable`, whatever the value's own code raises."""
    with pytest.raises(codec.Unsendable, match=why):
        codec.dump(value)


def test_what_a_subclass_overrides_is_passed_by() -> None:
    """Its base's content travels."""
    assert codec.load(codec.dump(Odd([1, 2]))) == [1, 2]


@pytest.mark.parametrize("text", ["", "{}", "[]", '["?"]', '["B",0]', '["p",[[1]]]', '["d",1,2]'])
def test_what_is_no_value_is_a_ValueError(text: str) -> None:
    """Nothing is made of a text that another program wrote."""
    with pytest.raises(ValueError, match="no value in this text"):
        codec.load(text)


@pytest.mark.parametrize("module", TEXTS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_kernel_needs_python_3_8_and_the_standard_library(module: Any) -> None:
    """Its text imports nothing else, but for what has run before it there."""
    tree = ast.parse(inspect.getsource(module), feature_version=(3, 8))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            before = [text.__name__.rpartition(".")[2] for text in TEXTS[: TEXTS.index(module)]]
            assert node.module in before
    assert "__future__" in names
    assert names <= sys.stdlib_module_names


def test_no_two_texts_define_the_same_name() -> None:
    """A kernel runs them in one namespace."""
    defined: list[str] = []
    for module in TEXTS:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined.append(node.name)
            elif isinstance(node, ast.Assign):
                targets = (ast.walk(target) for target in node.targets)
                defined += [it.id for each in targets for it in each if isinstance(it, ast.Name)]
    shared = {"TYPE_CHECKING", "__all__"}
    assert sorted({name for name in defined if defined.count(name) > 1} - shared) == []


def test_its_text_alone_reads_and_writes_in_a_bare_interpreter() -> None:
    """No package of ours is there, nor any other."""
    program = "\n".join(
        (
            "import json, sys",
            "source, text = json.load(sys.stdin)",
            "kept = {'__name__': 'kept'}",
            "exec(source, kept)",
            "print(kept['dump'](kept['load'](text)))",
        )
    )
    text = codec.dump(list(FORMS.values()))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        input=json.dumps([inspect.getsource(codec), text]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (text + "\n", "")
