"""Values that go into a kernel and come back, and the names that its user may have taken."""

from __future__ import annotations

import datetime
import enum
import json
import math
import os
import pathlib
import sys
import time
import zoneinfo
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conkernelclient import ConKernelManager, errors
from conkernelclient.errors import ExecutionError, ProtocolError
from conkernelclient.testing import FakeKernel, Reply
from conkernelclient.values import codec, remote
from conkernelclient.values.calling import USER_NAMES
from tests.clients import client_of
from tests.conftest import KERNEL

pytestmark = pytest.mark.anyio

UTC = datetime.UTC
FIXED = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
NAMED = datetime.timezone(datetime.timedelta(hours=1), "here")
ODD: list[Any] = [
    *(None, True, False, 0, 1, 1.0, -0.0, math.nan, math.inf, -math.inf, 2**63, -(2**63) - 1),
    *(10**5000, 2j, complex(-0.0, math.nan), "", "\ud800", "\ud83d\ude00", "\U0001f600", "\0"),
    *(b"", bytes(range(256)), b"x" * 5000, (), (1,), [], [[]], [True, 1, 1.0], {}, set(), {1, "a"}),
    *(frozenset({frozenset(), (1, b"a")}), {2: 1, (1, None): [3], "a": {}, 1.5: b""}, ..., [...]),
    *(range(3), range(5, -(2**70), -2), pathlib.Path("/a/b"), pathlib.PureWindowsPath("c:\\x")),
    *(datetime.date(1, 1, 1), datetime.datetime(2024, 2, 29, 1, 2, 3, 4, fold=1)),
    *(datetime.datetime(2024, 1, 1, tzinfo=zone) for zone in (UTC, FIXED, NAMED)),
    datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
    *(datetime.time(23, 59, tzinfo=FIXED), datetime.timedelta(-1, 5, 7)),
    *(["p", [1]], ["B", 0], {"p": [1]}, ["\ud83d", "\ude00"]),
]
TAKEN = [
    "type",
    "repr",
    "getattr",
    "globals",
    "isinstance",
    "len",
    "get_ipython",
    "json",
    "str",
    "__import__",
    "sys",
    "exec",
    "dict",
    "eval",
    "list",
    "lambda_",
    "object",
    "Exception",
    "__builtins__",
    "__loader__",
    "__name__",
]


def shape(value: Any) -> Any:
    """What equality does not see: types, signs of zero, the order of dicts, names of zones."""
    kind = type(value)
    if kind in (list, tuple):
        return kind, [shape(item) for item in value]
    if kind in (set, frozenset):
        return kind, sorted(repr(shape(item)) for item in value)
    if kind is dict:
        return kind, [(shape(key), shape(item)) for key, item in value.items()]
    return (kind, value) if kind in (int, str, bytes) else (kind, repr(value))


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.datetimes()
    | st.timedeltas()
)
# Sets and dicts are made of lists: a strategy that draws unique items shows itself at length.
KEYS = st.recursive(
    ATOMS,
    lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=3).map(frozenset),
    max_leaves=4,
)
VALUES = st.recursive(
    KEYS | st.lists(KEYS, max_size=3).map(set),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(dict[Any, Any])
    ),
    max_leaves=8,
)


@example({frozenset({float("nan")}), frozenset({float("nan")})})
@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_what_is_written_reads_back_exactly(value: Any) -> None:
    """Types, signs and orders stay, with large bytes in the text or beside it."""
    assert shape(codec.load(codec.dump(value))) == shape(value)
    parts: list[bytes] = []
    assert shape(codec.load(codec.dump(value, parts), parts)) == shape(value)


TAGS = st.sampled_from([*codec.NESTED, *codec.READERS, "B", "o", "z"])
JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | TAGS,
    lambda inner: st.tuples(TAGS, st.lists(inner, max_size=3)).map(lambda two: [two[0], *two[1]]),
)


@given(st.text(max_size=20) | JUNK.map(json.dumps))
@settings(max_examples=200, deadline=None)
def test_reading_anything_gives_a_value_or_a_ValueError(text: str) -> None:
    """No other error comes out of text that a kernel made up."""
    try:
        codec.load(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017  (either way is right)


@given(VALUES)
@settings(max_examples=40, deadline=None)
async def test_any_value_passes_through_a_kernel_exactly(km: ConKernelManager, value: Any) -> None:
    """What is set is what `get` and `eval` give."""
    async with client_of(km) as kc:
        await kc.set(any_value=value)
        assert shape(await kc.get("any_value")) == shape(value)
        assert shape(await kc.eval("[any_value]")) == shape([value])


async def test_odd_values_pass_through_a_kernel_exactly(km: ConKernelManager) -> None:
    """Each type that travels comes back as it went, one by one and all at once."""
    async with client_of(km) as kc:
        await kc.set(odd=ODD)
        assert shape(await kc.get("odd")) == shape(ODD)
        same = "[type(x).__name__ for x in odd]"
        assert await kc.eval(same) == [type(value).__name__ for value in ODD]


LARGE = {"bytes": os.urandom(1_000_000), "integers": list(range(100_000))}


@pytest.mark.parametrize("kind", LARGE)
async def test_large_values_go_and_come_in_well_under_a_second(
    km: ConKernelManager, kind: str
) -> None:
    """Nothing of their size is compiled; the best of five counts on a shared machine."""
    value, set_in, get_in = LARGE[kind], math.inf, math.inf
    async with client_of(km) as kc:
        for _ in range(5):
            start = time.perf_counter()
            await kc.set(large=value)
            middle = time.perf_counter()
            got = await kc.get("large")
            end = time.perf_counter()
            assert got == value
            set_in, get_in = min(set_in, middle - start), min(get_in, end - middle)
        await kc.run("del large")
    assert set_in < 0.5
    assert get_in < 0.5


# ipykernel tells each request's parent by the same method, so that alone its buffers are left out.
NO_BUFFERS = """
kernel = get_ipython().kernel
def bare(*args):
    return {**type(kernel).get_parent(kernel, *args), "buffers": []}
kernel.get_parent = bare
"""


async def test_a_kernel_without_buffers_is_given_text(km: ConKernelManager) -> None:
    """Where the kernel keeps no buffers, the values go as one string literal."""
    values = [b"x" * 5000, "'\"\n"]
    async with client_of(km) as kc:
        await kc.run(NO_BUFFERS)
        try:
            await kc.set(plain=values)
        finally:
            await kc.run("del kernel.get_parent, kernel, bare")
        assert await kc.get("plain") == values


class Color(enum.IntEnum):
    RED = 1


class Word(str):
    __slots__ = ()


deep: list[Any] = []
for _ in range(5000):
    deep = [deep]
ring: list[Any] = []
ring.append(ring)
BAD = {
    "an enum": Color.RED,
    "a default dict": defaultdict(int),
    "an ordered dict": OrderedDict(a=1),
    "a named tuple": namedtuple("P", "x")(1),
    "an object": object(),
    "too deep": deep,
    "holds itself": ring,
    "inside": {"a": [object()]},
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_travel_is_named_and_nothing_is_set(
    km: ConKernelManager, name: str
) -> None:
    """One bad value keeps the good ones out as well."""
    async with client_of(km) as kc:
        with pytest.raises(ProtocolError, match="nothing was set"):
            await kc.set(good=1, bad=BAD[name])
        assert not {"good", "bad"} & set(await kc.variables())


async def test_a_subclass_that_shows_as_its_base_comes_as_its_base(km: ConKernelManager) -> None:
    """A str's subclass travels as str."""
    async with client_of(km) as kc:
        await kc.set(word=Word("a"))
        assert await kc.eval("type(word) is str and word") == "a"


def nested(levels: int) -> Any:
    """Give dicts within dicts, which take the deepest stack to read."""
    value: Any = 0
    for _ in range(levels):
        value = {"in": value}
    return value


async def test_the_deepest_value_that_may_travel_does(km: ConKernelManager) -> None:
    """The limit of depth comes before the limits of the interpreters."""
    async with client_of(km) as kc:
        await kc.set(deepest=[nested(codec.DEEPEST - 1)])
        assert await kc.get("deepest") == [nested(codec.DEEPEST - 1)]


async def test_too_deep_a_value_of_the_kernel_is_a_ProtocolError(km: ConKernelManager) -> None:
    """The kernel says why, and serves on."""
    async with client_of(km) as kc:
        await kc.execute("deep = []\nfor level in range(5000): deep = [deep]", reply=True)
        with pytest.raises(ProtocolError, match="deep"):
            await kc.get("deep")
        assert await kc.eval("1") == 1


@pytest.mark.parametrize("is_known", [False, True], ids=["unasked before", "asked before"])
async def test_a_user_may_take_every_name(is_known: bool) -> None:
    """Reading, setting and listing take nothing from the user's variables."""
    manager = ConKernelManager(kernel_name=KERNEL)
    await manager.start_kernel()
    try:
        async with client_of(manager) as kc:
            if is_known:
                assert await kc.eval("1") == 1
            taken = dict.fromkeys(TAKEN, "csv")
            result = await kc.run(f"(lambda names: names.update({taken!r}))(globals())")
            assert result.status == "ok"
            for name in TAKEN:
                assert await kc.get(name) == "csv"
            await kc.set(own=[b"x" * 5000])
            assert await kc.eval("own") == [b"x" * 5000]
            known = await kc.variables()
            assert {known[name] for name in TAKEN if name[0] != "_"} == {"str"}
    finally:
        await manager.shutdown_kernel(now=True)


# Names and what they hold, outputs, inputs and their count.
LOOK = (
    "(sorted((name, id(value)) for name, value in globals().items()), sorted(Out), In[:],"
    " get_ipython().execution_count, repr(_), repr(__))"
)


async def test_nothing_is_left_in_the_users_namespace(km: ConKernelManager) -> None:
    """Names, outputs, inputs and their count stay as they were, but for what is set."""
    async with client_of(km) as kc:
        await kc.run("'first'")
        await kc.run("'second'")
        await kc.set(mine=0)
        before = await kc.eval(LOOK)
        assert before[-2:] == ("'second'", "'first'")
        await kc.set(mine=0)  # a small int is the same object
        assert await kc.get("mine") == 0
        assert await kc.eval("[1]") == [1]
        await kc.variables()
        assert await kc.eval(LOOK) == before
        await kc.set(other=[1, b"x" * 5000])
        await kc.get("other")
        names = dict(before[0])
        assert dict((await kc.eval(LOOK))[0]).keys() == names.keys() | {"other"}
        await kc.eval(f"{USER_NAMES}.pop('other')")
        assert await kc.eval(LOOK) == before


async def test_variables_survive_odd_objects(km: ConKernelManager) -> None:
    """A metaclass and a proxy whose code raises are not run."""
    code = """
class Meta(type):
    @property
    def __name__(cls): raise RuntimeError
class Odd(metaclass=Meta):
    def __getattribute__(self, name): raise RuntimeError
odd_one = Odd()
"""
    async with client_of(km) as kc:
        await kc.execute(code, reply=True)
        assert (await kc.variables())["odd_one"] == "Odd"
        with pytest.raises(ProtocolError):
            await kc.get("odd_one")
        await kc.execute("del odd_one, Odd, Meta", reply=True)


ANSWERS: dict[str, Any] = {
    "minus signs": {"status": "ok", "data": {"text/plain": "-" * 200_000}},
    "a set of lists": {"status": "ok", "data": {"text/plain": "{[]}"}},
    "no text": {"status": "ok", "data": {}},
    "a number": {"status": "ok", "data": {"text/plain": 5}},
    "data is a list": {"status": "ok", "data": []},
    "no status": {},
    "a list": [],
    "null": None,
    "our mark and rubbish": {"status": "ok", "data": {"text/plain": remote.MARK + "+{["}},
    "our mark alone": {"status": "ok", "data": {"text/plain": remote.MARK}},
    "brackets": {"status": "ok", "data": {"text/plain": remote.MARK + "+" + "[" * 200_000}},
    "a bad part": {
        "status": "ok",
        "data": {"text/plain": remote.MARK + '+["B",0]', remote.PART + "0": 5},
    },
    "unhashable": {"status": "ok", "data": {"text/plain": remote.MARK + '+["s",["l",[["l",[]]]]]'}},
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_kernel_that_answers_oddly_is_a_ProtocolError(name: str) -> None:
    """Eval, get, set and variables raise what their docstrings say, and no more."""
    script = [Reply({"user_expressions": {"value": ANSWERS[name]}})]
    with FakeKernel(script) as kernel:
        kc = await kernel.client().start_channels()
        try:
            for asked in (kc.eval("x"), kc.get("x"), kc.set(x=1), kc.variables()):
                with pytest.raises(ProtocolError):
                    await asked
        finally:
            kc.stop_channels()


async def test_an_expression_that_raises_is_an_ExecutionError(km: ConKernelManager) -> None:
    """Its name and text are the kernel's."""
    async with client_of(km) as kc:
        with pytest.raises(ExecutionError, match="unknown_name"):
            await kc.eval("unknown_name")


async def test_values_go_in_and_out(km: ConKernelManager) -> None:
    """As they are; what cannot travel, and names that are none, are refused."""
    async with client_of(km) as kc:
        values = {"a": [1, 2.5, None], "b": {"k": (True, b"x")}, "c": {1, 2}, "d": "text'\n\x1b"}
        await kc.set(**values)
        for name, value in values.items():
            assert await kc.get(name) == value
        known = await kc.variables()
        assert {name: known[name] for name in values} == {
            "a": "list",
            "b": "dict",
            "c": "set",
            "d": "str",
        }
        with pytest.raises(errors.ExecutionError, match="NameError"):
            await kc.eval("unknown_name")
        with pytest.raises(errors.ExecutionError, match="SyntaxError"):
            await kc.eval("1 +")
        with pytest.raises(errors.ProtocolError, match="no literal"):
            await kc.eval("object()")
        for bad in ({"x": object()}, {"class": 1}, {"a b": 1}):
            with pytest.raises(errors.ProtocolError):
                await kc.set(**bad)
        with pytest.raises(errors.ProtocolError):
            await kc.get("a.b")


FUNCTIONS = """
import asyncio, contextvars
var = contextvars.ContextVar("var", default=0)
class Box:
    @staticmethod
    def join(*parts, end=""): return "".join(parts) + end
def fail(): raise LookupError("no such thing")
async def later(value):
    await asyncio.sleep(0)
    return [value, var.get()]
async def late_failure():
    await asyncio.sleep(0)
    raise LookupError("later")
async def leaves_a_task(log):
    async def other():
        try:
            await asyncio.sleep(1000)
        finally:
            left.append("ended")
    task = asyncio.ensure_future(other())
    await asyncio.sleep(0)
    return 1
left = []
def odd(): return object()
"""


async def test_a_function_is_called_by_its_name(km: ConKernelManager) -> None:
    """Builtins and attributes too; what it raises or cannot return is told."""
    async with client_of(km) as kc:
        await kc.run(FUNCTIONS)
        assert await kc.call("Box.join", "a", "b", end="!") == "ab!"
        assert await kc.call("sorted", {3, 1}) == [1, 3]
        with pytest.raises(ExecutionError, match="LookupError: no such thing"):
            await kc.call("fail")
        with pytest.raises(ExecutionError, match="NameError"):
            await kc.call("unknown")
        with pytest.raises(ExecutionError, match="AttributeError"):
            await kc.call("Box.unknown")
        with pytest.raises(ExecutionError, match="TypeError"):
            await kc.call("fail", 1)
        with pytest.raises(ProtocolError, match=r"odd\(\): a value of type object"):
            await kc.call("odd")
        with pytest.raises(ProtocolError, match="was not called"):
            await kc.call("Box.join", object())
        for bad in ("", "a b", "f()", "a..b", "class", 5):
            with pytest.raises(ProtocolError, match="no name"):
                await kc.call(bad)  # type: ignore[arg-type]


async def test_a_coroutine_function_is_run_to_its_end(km: ConKernelManager) -> None:
    """In an event loop of its own, whose tasks end with it; the kernel's own goes on."""
    async with client_of(km) as kc:
        await kc.run(FUNCTIONS)
        assert await kc.call("later", {1: 2}) == [{1: 2}, 0]
        with pytest.raises(ExecutionError, match="LookupError: later"):
            await kc.call("late_failure")
        assert await kc.call("leaves_a_task", 0) == 1
        assert await kc.get("left") == ["ended"]
        result = await kc.run("print(await later(3))")
        assert result.text.strip() == "[3, 0]"
        assert await kc.eval("5") == 5


async def test_a_coroutine_that_is_called_in_the_main_shell_can_be_interrupted(
    mortal: ConKernelManager,
) -> None:
    """By its timeout, as the rest of the kernel's code."""
    async with client_of(mortal) as kc:
        await kc.run("import asyncio")
        with pytest.raises(errors.ReplyTimeout):
            await kc.call("asyncio.sleep", 1000, timeout=0.2)
        assert await kc.call("asyncio.sleep", 0, "slept") == "slept"


async def test_a_pickle_is_made_and_read_if_it_is_asked_for(km: ConKernelManager) -> None:
    """What does not travel otherwise does so then."""
    async with client_of(km) as kc:
        await kc.run("import collections, decimal\nodd = decimal.Decimal('1.5')\nbad = lambda: 0")
        with pytest.raises(ProtocolError, match="Decimal"):
            await kc.get("odd")
        assert str(await kc.get("odd", pickle=True)) == "1.5"
        counted = "collections.Counter('aab')"
        assert (await kc.eval(counted, pickle=True)).most_common(1) == [("a", 2)]
        assert len(await kc.eval("[b'x' * 10**6]", pickle=True)) == 1
        with pytest.raises(ProtocolError, match="pickled"):
            await kc.get("bad", pickle=True)


async def test_a_pickle_for_which_nobody_asked_is_not_read() -> None:
    """Whatever the kernel sends."""
    text = remote.MARK + "&" + codec.dump([b"cos\nabort\n(tR."])
    answer = {"status": "ok", "data": {"text/plain": text}}
    with FakeKernel([Reply({"user_expressions": {"value": answer}})]) as kernel:
        kc = await kernel.client().start_channels()
        try:
            with pytest.raises(ProtocolError, match="nobody asked"):
                await kc.get("x")
        finally:
            kc.stop_channels()


async def test_frames_and_arrays_pass_through_a_kernel(km: ConKernelManager) -> None:
    """Equal on arrival, in and out; small ones beside the text, large ones in memory."""
    array = np.arange(200_000.0).reshape(2, -1)
    frame = pd.DataFrame({"f": [1.5, None], "s": ["a", None]}, index=pd.Index([2, 3], name="i"))
    long = pd.DataFrame({"n": range(100_000), "c": pd.Categorical(["x", "y"] * 50_000)})
    values = [array, frame, long, pl.DataFrame({"a": [1, None]}), pa.table({"t": ["x", None]})]
    async with client_of(km) as kc:
        await kc.set(values=values)
        names = "[type(one).__name__ for one in values]"
        assert await kc.eval(names) == [type(one).__name__ for one in values]
        got = await kc.get("values")
        assert np.array_equal(got[0], array)
        pd.testing.assert_frame_equal(got[1], frame)
        assert got[2].equals(long)
        assert got[3].equals(values[3])
        assert got[4].equals(values[4])
        assert await kc.call("len", long) == 100_000


MISSING = """
import sys
kept = sys.modules.get("polars")
sys.modules["polars"] = None
"""


async def test_a_library_that_one_side_lacks_is_named_with_the_way_out(
    km: ConKernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which side it is, too."""
    frame = pl.DataFrame({"a": [1]})
    async with client_of(km) as kc:
        await kc.set(tall=frame)
        await kc.run(MISSING)
        with pytest.raises(ProtocolError, match="polars, which is not installed in the kernel"):
            await kc.set(other=frame)
        assert "other" not in await kc.variables()
        await kc.run("sys.modules['polars'] = kept")
        monkeypatch.setitem(sys.modules, "polars", None)  # type: ignore[arg-type]
        with pytest.raises(ProtocolError, match=r"tall: .* not installed here.*lists and numbers"):
            await kc.get("tall")


INSPECTED = """
import numpy as np, pandas as pd, time, threading
frame = pd.DataFrame({"a": range(1000), "b": ["x" * 100] * 1000})
matrix = np.zeros((3, 4), "i2")
text = "x" * 10**6
several = list(range(10**6))
class Bad:
    def __repr__(self): raise RuntimeError("not today")
    def __len__(self): raise RuntimeError
class Slow:
    def __repr__(self): gate.wait(); return "slow"
gate = threading.Event()
bad, slow = Bad(), Slow()
class Plain: pass
plain = Plain()
plain.inner = 5
"""


async def test_a_variable_is_told_in_few_words(km: ConKernelManager) -> None:
    """Whatever it is; the text keeps to its budget."""
    async with client_of(km) as kc:
        await kc.run(INSPECTED)
        frame = await kc.inspect_variable("frame", max_chars=500)
        assert frame.type.endswith("DataFrame")
        assert (frame.shape, dict(frame.columns)["a"]) == ((1000, 2), "int64")
        assert frame.size is not None
        assert frame.size > 8000
        matrix = await kc.inspect_variable("matrix")
        assert (matrix.shape, matrix.dtype, matrix.size) == ((3, 4), "int16", 24)
        text = await kc.inspect_variable("text", max_chars=200)
        assert (text.type, text.length) == ("str", 10**6)
        several = await kc.inspect_variable("several", max_chars=200)
        assert several.text.startswith("[0, 1, 2, ")
        for variable in (frame, text, several):
            assert len(str(variable)) <= variable.max_chars
        assert (await kc.inspect_variable("plain.inner")).text == "5"
        with pytest.raises(ExecutionError, match="NameError"):
            await kc.inspect_variable("unknown")
        for bad in ({"name": "a b"}, {"name": "text", "max_chars": 5}):
            with pytest.raises(ProtocolError):
                await kc.inspect_variable(**bad)


async def test_a_repr_that_raises_or_takes_long_is_told_in_one_line(km: ConKernelManager) -> None:
    """With all that is known without it."""
    async with client_of(km) as kc:
        await kc.run(INSPECTED)
        bad = await kc.inspect_variable("bad")
        assert (bad.error, bad.length) == ("RuntimeError: not today", None)
        assert str(bad) == "bad: __main__.Bad\nno text: RuntimeError: not today"
        slow = await kc.inspect_variable("slow", timeout=0.2)
        assert slow.type == "__main__.Slow"
        assert slow.error == "the look at its content took longer than 0.2 s"
        await kc.run("gate.set()")
        assert (await kc.inspect_variable("slow")).text == "slow"
