"""Arrays of numpy and tables of polars and pyarrow are equal again, and rubbish is refused."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from conkernelclient.values import arrays
from conkernelclient.values.codec import Lacking, Unsendable, dump, load

DTYPES = (
    hnp.scalar_dtypes()
    | hnp.unicode_string_dtypes()
    | hnp.byte_string_dtypes()
    | hnp.array_dtypes(hnp.scalar_dtypes())
)


def again(value: Any) -> Any:
    """What is read of what is written, with the memory beside the text as it comes by messages."""
    parts: list[Any] = []
    text = dump(value, parts)
    return load(text, [bytes(part) for part in parts])


def same(one: Any, other: Any) -> bool:
    """Whether two arrays are of one dtype, shape and content."""
    assert (one.dtype, one.shape) == (other.dtype, other.shape)
    return one.tobytes() == other.tobytes()


@given(hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, min_side=0)), st.booleans())
def test_any_array_without_objects_is_equal_again(array: Any, is_turned: bool) -> None:
    """Of any dtype, shape and order, also with its memory in the text; and it can be written to."""
    value = array.T if is_turned else array
    assert same(again(value), value)
    assert again(value).flags.writeable
    assert same(load(dump(value)), value)


def test_order_and_gaps_of_memory() -> None:
    """An array in columns stays in columns; one with gaps comes without."""
    matrix = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    assert again(matrix).flags.f_contiguous
    assert same(again(matrix), matrix)
    assert same(again(matrix[::2, 1::2]), matrix[::2, 1::2])
    assert same(again(matrix[:, ::-1]), matrix[:, ::-1])


def test_objects_travel_if_each_of_them_does() -> None:
    """Text in bulk, what is missing between it, and anything else one by one."""
    texts: list[Any] = [f"text {n}" for n in range(5000)]
    texts[7], texts[4000] = None, 1.5
    for items in (texts, texts[:3], [None] * 5, [1, "a", (2, b"x")], []):
        array = np.empty(len(items), object)
        array[:] = items
        assert again(array).tolist() == items
    assert again(np.array([["a", None], [1, 2.0]], object)).tolist() == [["a", None], [1, 2.0]]
    with pytest.raises(Unsendable, match="object"):
        dump(np.array([object()]))


def test_arrays_that_are_more_than_their_memory_do_not_travel() -> None:
    """What would be lost is named."""
    for value in (
        np.ma.masked_array([1], [True]),
        np.zeros(2, np.dtype({"names": ["a"], "formats": ["i1"], "offsets": [3], "itemsize": 9})),
        np.zeros(2, [("a", object)]),
        np.array(["a"], np.dtypes.StringDType()),
        np.matrix([1]) if hasattr(np, "no_such") else np.rec.array([(1,)], [("a", int)]),
    ):
        try:
            copy = again(value)
        except Unsendable as error:
            assert "travel" in str(error) or "no literal" in str(error)  # noqa: PT017
        else:
            assert same(copy, value)


def test_an_array_lies_within_other_values() -> None:
    """As often as need be."""
    value = {"a": [np.arange(3), (np.array("x"),)]}
    copy = again(value)
    assert copy["a"][0].tolist() == [0, 1, 2]
    assert copy["a"][1][0].item() == "x"


TABLE = pa.table(
    {
        "whole": [1, None, 3],
        "text": ["a", None, "ü"],
        "nested": [[1], [], None],
        "time": pa.array([0, 1, None], pa.timestamp("us", "Europe/Berlin")),
        "kinds": pa.array(["x", "y", "x"]).dictionary_encode(),
    }
)


@pytest.mark.parametrize(
    "value",
    [
        TABLE,
        TABLE.slice(1),
        TABLE.slice(0, 0),
        TABLE.to_batches()[0],
        TABLE.slice(0, 0).to_batches()[0] if TABLE.slice(0, 0).to_batches() else TABLE,
        TABLE.column("nested"),
        pa.chunked_array([[1], [2, None]]),
        pa.chunked_array([], pa.int8()),
        TABLE.column("kinds").chunk(0),
        pa.array([], pa.string()),
        pa.array([None, None]),
    ],
)
def test_what_is_of_arrow_is_equal_again(value: Any) -> None:
    """Of the same type, with the same schema."""
    copy = again(value)
    assert isinstance(copy, type(value))
    assert copy.equals(value)
    if isinstance(value, pa.Table):
        assert copy.schema.equals(value.schema, check_metadata=True)


FRAME = pl.DataFrame(
    {"whole": [1, None, 3], "text": ["a", None, "ü"], "nested": [[1], [], None]},
    schema_overrides={"whole": pl.Int16},
).with_columns(pl.col("text").cast(pl.Categorical).alias("kinds"))


@pytest.mark.parametrize(
    "value", [FRAME, FRAME[:0], pl.DataFrame(), FRAME["nested"], pl.Series([1.5, None])]
)
def test_what_is_of_polars_is_equal_again(value: Any) -> None:
    """With its dtypes and names."""
    copy = again(value)
    assert type(copy) is type(value)
    assert copy.equals(value, null_equal=True)
    if isinstance(value, pl.DataFrame):
        assert copy.schema == value.schema
    else:
        assert (copy.name, copy.dtype) == (value.name, value.dtype)


def test_objects_in_polars_do_not_travel() -> None:
    """Polars' words are told."""
    with pytest.raises(Unsendable, match=r"polars|travel"):
        dump(pl.DataFrame({"o": [object()]}))


TAGS = st.sampled_from(["nd", "nO", "pl", "pa", "B", "b", "T", "l", "p", "m"])
LEAVES = st.none() | st.integers() | st.sampled_from(["<f8", "O", "V0", "C", "Table", "YQ=="])
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.tuples(TAGS, st.lists(inner, max_size=4)).map(lambda two: [two[0], *two[1]]),
)
REAL = [json.loads(dump(value)) for value in (np.arange(3), TABLE, FRAME, np.array([b"x"]))]


@given(JUNK, st.lists(st.binary(max_size=20), max_size=2))
def test_rubbish_is_a_value_or_a_ValueError(node: Any, parts: list[bytes]) -> None:
    """No other error comes out of what a kernel made up."""
    try:
        load(json.dumps(node), parts)
    except ValueError as error:
        assert str(error)  # noqa: PT017  (either way is right)


@pytest.mark.parametrize("value", [TABLE, FRAME], ids=["arrow", "polars"])
@given(data=st.data())
def test_a_stream_with_bytes_changed_is_a_table_or_a_ValueError(value: Any, data: Any) -> None:
    """What is read outside of its memory would end the process."""
    parts: list[Any] = []
    text = dump(value, parts)
    torn = bytearray(parts[0])
    for _ in range(data.draw(st.integers(1, 4))):
        torn[data.draw(st.integers(0, len(torn) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        assert str(load(text, [torn]))
    with pytest.raises(ValueError, match="no value"):
        load(text, [torn[: len(torn) // 3]])


@pytest.mark.parametrize(
    ("name", "value"),
    [("numpy", np.arange(3)), ("polars", FRAME), ("pyarrow", TABLE)],
    ids=["numpy", "polars", "pyarrow"],
)
def test_a_library_that_is_missing_or_too_old_is_named(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the way out, on the side that reads."""
    text = dump(value)
    monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]
    with pytest.raises(Lacking) as missing:
        load(text)
    assert missing.value.told("here").startswith(
        f"the value needs {name}, which is not installed here: install it"
    )
    monkeypatch.setitem(sys.modules, name, SimpleNamespace(__version__="0.1.dev"))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, f"{name}.ipc", SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(Lacking) as old:
        load(text)
    assert "or later, which is 0.1.dev there" in old.value.told("there")


@pytest.mark.parametrize(
    ("version", "numbers"), [("2.1.0rc1", (2, 1, 0)), ("14", (14,)), ("", ()), ("x.1", ())]
)
def test_a_version_is_read_as_far_as_it_is_numbers(version: str, numbers: Any) -> None:
    """What is none counts as older than all."""
    assert arrays.version_of(SimpleNamespace(__version__=version)) == numbers
    assert arrays.version_of(SimpleNamespace()) == ()
