"""
How are the frames, series and indexes of pandas written and read, so that they are equal again?

Column by column, each by what its dtype holds: arrays of numpy, codes and categories, values and a
mask. That needs no pyarrow, and keeps what Arrow does not know, such as columns of two levels or of
objects. Kernels run this module's text as well; see `codec`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .codec import Parts

if TYPE_CHECKING or "dump" not in globals():  # this is no kernel
    from .arrays import (
        _array,
        _arrow,
        _objects,
        _read_arrow,
        _read_objects,
        _writing,
        library,
    )
    from .codec import (
        NESTED,
        OTHERS,
        READERS,
        Lacking,
        Unsendable,
        _decode,
        _encode,
        _read_zone,
        _zone,
    )

__all__: list[str] = []

WHOLE = [f"{kind}{bits}" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)]
MASKED = ("boolean", "Float32", "Float64", *WHOLE)
INDEXES = ("Index", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "IntervalIndex")


# Writing


def _frame(value: Any, depth: int, parts: Parts) -> Any:
    _writing("pandas")
    inside = depth + 1
    ends = [_index(value.index, inside, parts), _index(value.columns, inside, parts)]
    dtypes = {*value.dtypes}
    if len(dtypes) == 1 and _is_plain(*dtypes):
        body = ["a", _array(value.to_numpy(), inside, parts)]
    else:
        count = value.shape[1]
        body = ["c", [_column(value.iloc[:, n].array, inside, parts) for n in range(count)]]
    return ["pdF", *ends, body, _encode(value.attrs, inside, parts)]


def _series(value: Any, depth: int, parts: Parts) -> Any:
    _writing("pandas")
    inside = depth + 1
    index, name = _index(value.index, inside, parts), _encode(value.name, inside, parts)
    column = _column(value.array, inside, parts)
    return ["pdS", index, name, column, _encode(value.attrs, inside, parts)]


def _index(value: Any, depth: int, parts: Parts) -> Any:
    pandas = _writing("pandas")
    names = _encode(list(value.names), depth + 1, parts)
    if type(value) is pandas.RangeIndex:
        return ["pdI", "r", [value.start, value.stop, value.step], names]
    if type(value) is pandas.MultiIndex:
        levels = [_index(level, depth + 1, parts) for level in value.levels]
        codes = [_array(library("numpy").asarray(code), depth, parts) for code in value.codes]
        return ["pdI", "m", [levels, codes], names]
    if type(value) not in [getattr(pandas, name) for name in (*INDEXES, "CategoricalIndex")]:
        raise Unsendable(f"an index of type {type(value).__name__} cannot travel: reset_index()")
    return ["pdI", "x", [_column(value.array, depth, parts), _frequency(value)], names]


def _frequency(index: Any) -> str | None:
    """Give the frequency of an index of times, which is more than its values say."""
    pandas = _writing("pandas")
    step = getattr(index, "freq", None)
    if step is None or isinstance(index, pandas.PeriodIndex):
        return None
    if pandas.tseries.frequencies.to_offset(step.freqstr) != step:
        raise Unsendable(f"the frequency {step} cannot travel: set the index's freq to None")
    return step.freqstr


def _is_plain(dtype: Any) -> bool:
    """Whether it is a dtype of numpy, not of objects."""
    return type(dtype).__module__.split(".")[0] == "numpy" and dtype.kind != "O"


def _column(array: Any, depth: int, parts: Parts) -> Any:
    """Write one of pandas' arrays."""
    dtype = array.dtype
    kind = type(dtype).__name__
    # Times without a zone have numpy's own dtype; what else is of numpy, one of these two.
    if kind in ("NumpyEADtype", "PandasDtype") or isinstance(dtype, library("numpy").dtype):
        return ["n", _array(array.to_numpy(), depth, parts)]
    if dtype.name in MASKED:
        return ["k", dtype.name, *_masked(array, depth, parts)]
    if kind in COLUMNS and type(dtype).__module__.split(".")[0] == "pandas":
        return [kind, *COLUMNS[kind](array, depth, parts)]
    raise Unsendable(f"a column of dtype {dtype} cannot travel: convert it with astype()")


def _masked(array: Any, depth: int, parts: Parts) -> Any:
    numpy_dtype = array.dtype.numpy_dtype
    data = array.to_numpy(dtype=numpy_dtype, na_value=numpy_dtype.type(0))
    return [_array(data, depth, parts), _array(array.isna(), depth, parts)]


def _category(array: Any, depth: int, parts: Parts) -> Any:
    codes = _array(array.codes, depth, parts)
    return [codes, _index(array.categories, depth + 1, parts), array.ordered]


def _zoned(array: Any, depth: int, parts: Parts) -> Any:
    return [_array(array.asi8, depth, parts), array.dtype.unit, _pandas_zone(array.dtype.tz)]


def _pandas_zone(zone: Any) -> Any:
    if type(zone).__module__.split(".")[0] == "pytz" and getattr(zone, "zone", None):
        return ["z", zone.zone]
    return _zone(zone)


def _period(array: Any, depth: int, parts: Parts) -> Any:
    return [_array(array.asi8, depth, parts), array.dtype.name[len("period[") : -1]]


def _interval(array: Any, depth: int, parts: Parts) -> Any:
    return [_index(array.left, depth, parts), _index(array.right, depth, parts), array.closed]


def _text(array: Any, depth: int, parts: Parts) -> Any:
    items = array.to_numpy(dtype=object, na_value=None).tolist()
    is_nan = array.dtype.na_value != array.dtype.na_value
    return [array.dtype.storage, is_nan is True, _objects(items, depth, parts)]


def _arrow_column(array: Any, depth: int, parts: Parts) -> Any:
    arrow = _writing("pyarrow")
    chunked = array.__arrow_array__()
    if isinstance(chunked, arrow.Array):
        chunked = arrow.chunked_array([chunked])
    return _arrow(chunked, depth, parts)[1:]


COLUMNS = {
    "CategoricalDtype": _category,
    "DatetimeTZDtype": _zoned,
    "PeriodDtype": _period,
    "IntervalDtype": _interval,
    "StringDtype": _text,
    "ArrowDtype": _arrow_column,
}


def _timestamp(value: Any, _depth: int, _parts: Parts) -> Any:
    return ["pdT", value.asm8.view("i8").item(), value.unit, _pandas_zone(value.tzinfo), value.fold]


def _timedelta(value: Any, _depth: int, _parts: Parts) -> Any:
    return ["pdD", value.asm8.view("i8").item(), value.unit]


def _missing(value: Any, _depth: int, _parts: Parts) -> Any:
    return ["pdN", type(value).__name__]


def _categorical(value: Any, depth: int, parts: Parts) -> Any:
    return ["pdC", *_category(value, depth, parts)]


# Reading


def _read_frame(parts: Sequence[Any], rows: Any, names: Any, body: Any, attrs: Any) -> Any:
    pandas = library("pandas")
    index, columns = (_decode(node, parts) for node in (rows, names))
    if body[0] == "a":
        frame = pandas.DataFrame(_decode(body[1], parts), index=index, copy=False)
    else:
        arrays = [_read_column(node, parts) for node in body[1]]
        series = {n: _as_series(array, index) for n, array in enumerate(arrays)}
        frame = pandas.DataFrame(series, index=index, copy=False)
    frame.columns = columns
    frame.attrs = _decode(attrs, parts)
    return frame


def _as_series(array: Any, index: Any) -> Any:
    return library("pandas").Series(array, index=index, dtype=array.dtype, copy=False)


def _read_series(parts: Sequence[Any], rows: Any, name: Any, column: Any, attrs: Any) -> Any:
    series = _as_series(_read_column(column, parts), _decode(rows, parts))
    series.name = _decode(name, parts)
    series.attrs = _decode(attrs, parts)
    return series


def _read_index(parts: Sequence[Any], kind: Any, content: Any, names: Any) -> Any:
    pandas = library("pandas")
    known = _decode(names, parts)
    if kind == "r":
        return pandas.RangeIndex(*content, name=known[0])
    if kind == "m":
        levels, codes = ([_decode(node, parts) for node in nodes] for nodes in content)
        return pandas.MultiIndex(levels=levels, codes=codes, names=known)
    array = _read_column(content[0], parts)
    index = pandas.Index(array, dtype=array.dtype, name=known[0], copy=False)
    if content[1] is not None:
        index.freq = content[1]
    return index


def _read_column(node: Any, parts: Sequence[Any]) -> Any:
    kind = node[0]
    if kind == "n":
        return _decode(node[1], parts)
    if kind == "k":
        return _read_masked(parts, *node[1:])
    return COLUMN_READERS[kind](parts, *node[1:])


def _read_masked(parts: Sequence[Any], name: Any, data: Any, mask: Any) -> Any:
    if name not in MASKED:
        raise ValueError("no such dtype")
    dtype = library("pandas").api.types.pandas_dtype(name)
    return dtype.construct_array_type()(_decode(data, parts), _decode(mask, parts))


def _read_category(parts: Sequence[Any], codes: Any, categories: Any, is_ordered: Any) -> Any:
    pandas = library("pandas")
    dtype = pandas.CategoricalDtype(_decode(categories, parts), is_ordered)
    return pandas.Categorical.from_codes(_decode(codes, parts), dtype=dtype)


def _read_zoned(parts: Sequence[Any], node: Any, unit: Any, zone: Any) -> Any:
    times = library("pandas").DatetimeIndex(_decode(node, parts).view(f"M8[{unit}]"))
    return times.tz_localize("UTC").tz_convert(_read_pandas_zone(zone)).array


def _read_pandas_zone(node: Any) -> Any:
    """Give a zone: by its name as the one that this pandas has for it."""
    if node is not None and node[0] == "z":
        return library("pandas").DatetimeTZDtype("ns", str(node[1])).tz
    return _read_zone(node)


def _read_period(parts: Sequence[Any], node: Any, step: Any) -> Any:
    pandas = library("pandas")
    return pandas.arrays.PeriodArray(_decode(node, parts), dtype=pandas.PeriodDtype(step))


def _read_interval(parts: Sequence[Any], left: Any, right: Any, closed: Any) -> Any:
    sides = (_decode(node, parts) for node in (left, right))
    return library("pandas").arrays.IntervalArray.from_arrays(*sides, closed=closed)


def _read_text(parts: Sequence[Any], storage: Any, is_nan: Any, node: Any) -> Any:
    pandas = library("pandas", (2, 3) if is_nan else ())
    if storage == "pyarrow":
        try:
            library("pyarrow")
        except Lacking:
            storage = "python"  # the same strings, kept in another way
    dtype = pandas.StringDtype(storage, float("nan")) if is_nan else pandas.StringDtype(storage)
    return pandas.array(_read_objects(parts, node), dtype=dtype)


def _read_arrow_column(parts: Sequence[Any], kind: Any, node: Any) -> Any:
    chunked = _read_arrow(parts, kind, node)
    return library("pandas").arrays.ArrowExtensionArray(chunked)


COLUMN_READERS = {
    "CategoricalDtype": _read_category,
    "DatetimeTZDtype": _read_zoned,
    "PeriodDtype": _read_period,
    "IntervalDtype": _read_interval,
    "StringDtype": _read_text,
    "ArrowDtype": _read_arrow_column,
}


def _read_timestamp(count: Any, unit: Any, zone: Any, fold: Any) -> Any:
    pandas = library("pandas")
    time = pandas.Timestamp(library("numpy").datetime64(count, unit))
    known = _read_pandas_zone(zone)
    time = time if known is None else time.tz_localize("UTC").tz_convert(known)
    return time.replace(fold=1) if fold and not time.fold else time


def _read_timedelta(count: Any, unit: Any) -> Any:
    return library("pandas").Timedelta(library("numpy").timedelta64(count, unit))


def _read_missing(name: Any) -> Any:
    pandas = library("pandas")
    return {"NaTType": pandas.NaT, "NAType": pandas.NA}[name]


OTHERS.extend(
    [
        ("pandas", "DataFrame", _frame),
        ("pandas", "Series", _series),
        ("pandas", "Categorical", _categorical),
        *(("pandas", name, _index) for name in (*INDEXES, "RangeIndex", "MultiIndex")),
        ("pandas", "CategoricalIndex", _index),
        ("pandas", "Timestamp", _timestamp),
        ("pandas", "Timedelta", _timedelta),
        ("pandas", "NaT", _missing),
        ("pandas", "NA", _missing),
    ]
)
NESTED.update({"pdF": _read_frame, "pdS": _read_series, "pdI": _read_index, "pdC": _read_category})
READERS.update({"pdT": _read_timestamp, "pdD": _read_timedelta, "pdN": _read_missing})
