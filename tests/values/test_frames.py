"""Frames, series and indexes of pandas are equal again, in all that pandas compares."""

from __future__ import annotations

import datetime
import json
import sys
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as hpd
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal

from conkernelclient.values.codec import Unsendable, dump, load

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
FIXED = datetime.timezone(datetime.timedelta(hours=-3))
DAYS = pd.date_range("2020-03-28", periods=4, freq="D", tz=BERLIN)


def again(value: Any) -> Any:
    """What is read of what is written, with the memory beside the text as it comes by messages."""
    parts: list[Any] = []
    text = dump(value, parts)
    return load(text, [bytes(part) for part in parts])


def same(one: Any, other: Any) -> None:
    """Compare all that pandas can."""
    compare: Any = {pd.DataFrame: assert_frame_equal, pd.Series: assert_series_equal}.get(
        type(other), assert_index_equal
    )
    compare(one, other)
    if not isinstance(other, pd.Index):
        assert one.attrs == other.attrs
        assert_index_equal(one.index, other.index, exact=True)


COLUMNS: dict[str, Any] = {
    "float": [1.5, np.nan, -0.0, np.inf],
    "int8": np.array([1, 2, 3, 4], "i1"),
    "bool": [True, False, True, True],
    "complex": [1j, 2, 3, 4],
    "str": pd.Series(["a", None, "", "ü" * 3]),
    "object": pd.Series([1, "a", None, (2,)], dtype=object),
    "texts": pd.Series(["a", "b", None, "c"], dtype=object),
    "string": pd.array(["a", pd.NA, "", "b"], dtype="string"),
    "python strings": pd.array(["a", pd.NA, "", "b"], dtype="string[python]"),
    "time": pd.Series(pd.to_datetime(["2020", None, "2021", "2022"])),
    "seconds": np.array(["2020", "NaT", "2021", "2022"], "M8[s]"),
    "zoned": pd.Series(DAYS[[0, 1, 2, 3]]).where([True, False, True, True]),
    "fixed": pd.Series(pd.to_datetime(["2020"] * 4)).dt.tz_localize(FIXED),
    "delta": pd.to_timedelta([1, None, 3, 4], unit="s"),
    "category": pd.Categorical(["a", None, "b", "a"], categories=["c", "b", "a"], ordered=True),
    "numbers": pd.Categorical([1.5, 2.5, None, 1.5]),
    "period": pd.period_range("2020-01", periods=4, freq="M"),
    "interval": pd.IntervalIndex.from_breaks([0.0, 1, 2, 3, 4], closed="both"),
    "Int64": pd.array([1, None, 2**62, -1], dtype="Int64"),
    "UInt8": pd.array([1, None, 255, 0], dtype="UInt8"),
    "Float32": pd.array([1.5, None, 0, -1], dtype="Float32"),
    "boolean": pd.array([True, None, False, True], dtype="boolean"),
    "arrow": pd.array([[1], None, [], [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "arrow decimals": pd.array([1, None, 3, 4], dtype=pd.ArrowDtype(pa.int8())),
    "stamps": pd.Series([DAYS[0], pd.NaT, pd.NA, pd.Timedelta(5)], dtype=object),
}
INDEXES: dict[str, Any] = {
    "range": pd.RangeIndex(2, 10, 2, name="r"),
    "whole": pd.Index([3, 1, 1, 2], dtype="int32"),
    "text": pd.Index(["a", None, "b", "b"], name=("a", 1)),
    "objects": pd.Index([1, "a", None, (1,)], dtype=object, tupleize_cols=False),
    "days": DAYS,
    "no step": pd.DatetimeIndex(["2020", "2019", "2021", None]),
    "hours": pd.timedelta_range("1h", periods=4, freq="2h"),
    "months": pd.period_range("2020-01", periods=4, freq="M", name="m"),
    "interval": COLUMNS["interval"],
    "category": pd.CategoricalIndex(["b", "a", None, "b"], name="c"),
    "levels": pd.MultiIndex.from_arrays([["a", "a", None, "b"], DAYS], names=["x", None]),
    "nullable": pd.Index(COLUMNS["Int64"]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_each_dtype_is_equal_again(name: str) -> None:
    """In a frame beside another one, alone in a frame, as a series, and with nothing in it."""
    frame = pd.DataFrame({name: COLUMNS[name], "other": range(4)})
    same(again(frame), frame)
    for value in (frame[[name]], frame[name], frame[:0], frame[[name]][::2]):
        same(again(value), value)


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_of_each_kind_is_equal_again(name: str) -> None:
    """Alone, as that of the rows, and as that of the columns."""
    index = INDEXES[name]
    same(again(index), index)
    frame = pd.DataFrame({"a": range(4), "b": list("abcd")}, index=index)
    same(again(frame), frame)
    columns = pd.DataFrame(np.arange(8.0).reshape(2, 4), columns=index)
    same(again(columns), columns)


def test_all_at_once_with_columns_of_two_levels_and_attributes() -> None:
    """The names of columns may come twice."""
    frame = pd.DataFrame(COLUMNS, index=INDEXES["levels"])
    frame.attrs = {"unit": "m", "of": [1]}
    same(again(frame), frame)
    frame.columns = pd.MultiIndex.from_product([["a"], range(frame.shape[1])], names=["x", "y"])
    same(again(frame), frame)
    twice = pd.DataFrame([[1, "a", 2]], columns=["x", "x", "y"])
    same(again(twice), twice)
    for empty in (pd.DataFrame(), pd.DataFrame(index=[1, 2]), pd.DataFrame(columns=["a"])):
        same(again(empty), empty)


def test_what_comes_can_be_changed() -> None:
    """It is the receiver's own."""
    frame = again(pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]}))
    frame.loc[0, "a"] = 5
    frame["b"] *= 2
    assert frame.to_numpy().tolist() == [[5, 3], [2, 5]]


@settings(max_examples=30)
@given(
    hpd.data_frames(
        [
            hpd.column("i", dtype=int),
            hpd.column("f", dtype=float),
            hpd.column("t", dtype="M8[ns]"),
            hpd.column("s", elements=st.text(max_size=5), dtype=object),
            hpd.column("b", dtype=bool),
        ],
        index=hpd.indexes(dtype=int) | hpd.range_indexes(),
    )
)
def test_any_frame_is_equal_again(frame: Any) -> None:
    """Of rows of whatever number and content."""
    same(again(frame), frame)


@pytest.mark.parametrize(
    "stamp",
    [
        pd.Timestamp("2020-10-25 01:30", tz="UTC").tz_convert(BERLIN),
        pd.Timestamp("2020-10-25 00:30", tz="UTC").tz_convert(BERLIN),
        pd.Timestamp(1, unit="ns"),
        pd.Timestamp("1600-01-01").as_unit("s"),
        pd.Timedelta(-5, "ms"),
    ],
    ids=str,
)
def test_a_moment_is_equal_again(stamp: Any) -> None:
    """With its unit, and on its side of a clock that is set back."""
    copy = again(stamp)
    assert (copy, copy.unit) == (stamp, stamp.unit)
    assert getattr(copy, "fold", 0) == getattr(stamp, "fold", 0)
    assert getattr(copy, "tz", None) == getattr(stamp, "tz", None)


def test_what_is_missing_is_the_very_same() -> None:
    """Pandas compares it by identity."""
    assert again([pd.NaT, pd.NA])[0] is pd.NaT
    assert again([pd.NaT, pd.NA])[1] is pd.NA


class Frame(pd.DataFrame):
    """A frame of another library."""


def test_what_would_not_be_equal_does_not_travel_and_says_what_to_do() -> None:
    """Another library's frames, sparse columns, steps of calendars."""
    holidays = pd.offsets.CustomBusinessDay(holidays=["2020-01-02"])
    for value, reason in (
        (Frame({"a": [1]}), "type Frame is no literal"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "astype"),
        (pd.DataFrame({"a": [object()]}), "type object"),
        (pd.date_range("2020", periods=3, freq=holidays), "set the index's freq to None"),
    ):
        with pytest.raises(Unsendable, match=reason):
            dump(value)


TAGS = st.sampled_from(["pdF", "pdS", "pdI", "pdC", "pdT", "pdD", "pdN", "nd", "nO", "l", "p"])
LEAVES = (
    st.none()
    | st.integers()
    | st.sampled_from(
        [
            "r",
            "m",
            "x",
            "n",
            "k",
            "a",
            "c",
            "Int64",
            "StringDtype",
            "PeriodDtype",
            "D",
            "ns",
            "NAType",
        ]
    )
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(TAGS, st.lists(inner, max_size=5)).map(lambda two: [two[0], *two[1]])
    ),
)


@given(JUNK)
def test_rubbish_is_a_value_or_a_ValueError(node: Any) -> None:
    """No other error comes out of what a kernel made up."""
    try:
        load(json.dumps(node))
    except ValueError as error:
        assert str(error)  # noqa: PT017  (either way is right)


@given(st.data())
def test_a_frame_with_a_part_of_it_replaced_is_a_value_or_a_ValueError(data: Any) -> None:
    """Also where the rest of it is right."""
    node = json.loads(dump(pd.DataFrame({name: COLUMNS[name] for name in ("float", "category")})))
    place, key = node, 0
    while isinstance(place[key], list) and place[key] and data.draw(st.booleans()):
        place, key = place[key], data.draw(st.integers(0, len(place[key]) - 1))
    place[key] = data.draw(JUNK)
    try:
        load(json.dumps(node))
    except ValueError as error:
        assert str(error)  # noqa: PT017  (either way is right)


def test_without_pyarrow_strings_are_kept_in_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the same strings, and missing where they were."""
    parts: list[Any] = []
    value = pd.Series(["a", None, "b"], dtype=pd.StringDtype("pyarrow", np.nan))
    text = dump(value, parts)
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # type: ignore[arg-type]
    copy = load(text, parts)
    assert copy.dtype.storage == "python"
    assert copy.isna().tolist() == [False, True, False]
    assert copy[0] == "a"
