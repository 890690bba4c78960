"""
How are the arrays of numpy, and the tables of polars and pyarrow, written and read?

Their memory goes as it stands, beside the text: that of numpy with its dtype and shape, that of the
other two as a stream of Arrow IPC. Nothing is pickled. Kernels run this module's text as well; see
`codec`.
"""

from __future__ import annotations

import io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .codec import Parts

if TYPE_CHECKING or "dump" not in globals():  # this is no kernel
    from .codec import (
        NESTED,
        OTHERS,
        Lacking,
        Unsendable,
        _bytes,
        _decode,
        _encode,
        _items,
        _read_list,
        raw_bytes,
    )

__all__ = ["library", "version_of"]

KINDS = "biufcmMSUV"  # of numpy's dtypes, those whose memory is all that there is
# What each is needed for. Before 14.0.1 pyarrow unpickled what came in a stream.
LEAST = {"numpy": (1, 20), "pandas": (2, 0), "polars": (0, 20), "pyarrow": (14, 0, 1)}


def version_of(module: Any) -> tuple[int, ...]:
    """Give the numbers that a library's version begins with."""
    numbers: list[int] = []
    for part in str(getattr(module, "__version__", "")).split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def library(name: str, least: tuple[int, ...] = ()) -> Any:
    """
    Give a library, loaded.

    Raises Lacking if it is missing, or older than `least` or than what is needed of it at all.
    """
    try:
        found: Any = __import__(name)
        if name == "pyarrow":
            __import__("pyarrow.ipc")
    except ImportError:
        raise Lacking(name) from None
    wanted = max(least, LEAST[name])
    if version_of(found) < wanted:
        needed = ".".join(map(str, wanted))
        is_old = f"is {getattr(found, '__version__', 'of no version')}"
        raise Lacking(f"{name} {needed} or later", is_old)
    return found


def _writing(name: str) -> Any:
    """Give the library of a value that is to be written."""
    try:
        return library(name)
    except Lacking as error:
        raise Unsendable(
            f"it takes {error.needed}, and this one {error.found}: convert the value first"
        ) from None


# numpy


def _array(value: Any, depth: int, parts: Parts) -> Any:
    numpy = _writing("numpy")
    dtype, shape = value.dtype, list(value.shape)
    if dtype.kind == "O":
        return ["nO", shape, _objects(value.reshape(-1).tolist(), depth, parts)]
    form = numpy.lib.format
    # Such as dtypes that hold objects, or are aligned in a way that their description does not say.
    if dtype.kind not in KINDS or dtype.hasobject or _dtype(form.dtype_to_descr(dtype)) != dtype:
        raise Unsendable(f"an array of dtype {dtype} cannot travel: convert it with astype()")
    is_turned = value.flags.f_contiguous and not value.flags.c_contiguous
    flat = numpy.ascontiguousarray(value.T if is_turned else value).reshape(-1)
    data = memoryview(flat.view(numpy.uint8)) if flat.nbytes else b""
    descr = _encode(form.dtype_to_descr(dtype), depth + 1, None)
    return ["nd", descr, shape, "F" if is_turned else "C", _bytes(data, depth, parts)]


def _dtype(descr: Any) -> Any:
    form: Any = library("numpy").lib.format
    return form.descr_to_dtype(descr)


def _objects(items: list[Any], depth: int, parts: Parts) -> Any:
    """Write a list, of which most are strings, as these and the others."""
    others = [number for number, item in enumerate(items) if type(item) is not str]
    if not 0 < len(others) < len(items) // 2:
        return _items(items, depth, parts)
    texts = [item if type(item) is str else "" for item in items]
    rest = [items[number] for number in others]
    return ["m", *(_items(some, depth, parts) for some in (texts, others, rest))]


def _read_objects(parts: Sequence[Any], node: Any) -> list[Any]:
    if node[0] != "m":
        return _read_list(parts, node)
    texts, others, rest = (_read_list(parts, some) for some in node[1:])
    if len(others) != len(rest):
        raise ValueError("two lists differ in number")
    for number, item in zip(others, rest):  # noqa: B905  (Python 3.9 kernels)
        texts[number] = item
    return texts


def _read_object_array(parts: Sequence[Any], shape: Any, node: Any) -> Any:
    numpy = library("numpy")
    items = _read_objects(parts, node)
    array = numpy.empty(len(items), dtype=object)
    for number, item in enumerate(items):  # a slice would look into the items
        array[number] = item
    return array.reshape(shape)


def _read_array(parts: Sequence[Any], descr: Any, shape: Any, order: Any, node: Any) -> Any:
    numpy = library("numpy")
    dtype = _dtype(_decode(descr, ()))
    if dtype.hasobject:
        raise ValueError("objects have no memory of their own")
    data = raw_bytes(node, parts)
    if not len(data):
        array = numpy.zeros(shape, dtype)
        if array.nbytes:
            raise ValueError("the memory is missing")
        return array
    # Of its own, and writable: what came in a buffer of a message is neither.
    memory = data if type(data) is bytearray else bytearray(data)
    return numpy.frombuffer(memory, dtype).reshape(shape, order=order)


# polars


def _polars(value: Any, depth: int, parts: Parts) -> Any:
    polars = _writing("polars")
    is_series = isinstance(value, polars.Series)
    if "Object" in str(value.dtype if is_series else value.schema):
        raise Unsendable("objects in a frame of polars cannot travel: convert them first")
    sink = io.BytesIO()
    try:
        (value.to_frame() if is_series else value).write_ipc_stream(sink)
    except Exception as error:
        raise Unsendable(f"polars cannot write it: {str(error)[:200]}") from None
    return ["pl", is_series, _bytes(sink.getbuffer(), depth, parts)]


def _read_polars(parts: Sequence[Any], is_series: Any, node: Any) -> Any:
    polars = library("polars")
    data = raw_bytes(node, parts)
    try:
        arrow = library("pyarrow")
    except Lacking:
        pass  # polars takes a stream for right
    else:
        arrow.ipc.open_stream(arrow.py_buffer(data)).read_all().validate(full=True)
    try:
        frame = polars.read_ipc_stream(io.BytesIO(data))
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # polars' own, which is no Exception
            raise ValueError(str(error)) from None
        raise
    return frame.to_series() if is_series else frame


# pyarrow


def _arrow(value: Any, depth: int, parts: Parts) -> Any:
    arrow = _writing("pyarrow")
    kind = type(value).__name__
    table = value
    if isinstance(value, (arrow.Array, arrow.ChunkedArray)):
        kind = "Array" if isinstance(value, arrow.Array) else "ChunkedArray"
        chunked = arrow.chunked_array([value]) if kind == "Array" else value
        table = arrow.Table.from_arrays([chunked], names=[""])
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return ["pa", kind, _bytes(memoryview(sink.getvalue()), depth, parts)]


def _read_arrow(parts: Sequence[Any], kind: Any, node: Any) -> Any:
    arrow = library("pyarrow")
    table = arrow.ipc.open_stream(arrow.py_buffer(raw_bytes(node, parts))).read_all()
    table.validate(full=True)  # a stream may say that its memory lies anywhere
    if kind == "Table":
        return table
    if kind == "RecordBatch":
        batches = table.combine_chunks().to_batches()
        empty = [arrow.array([], field.type) for field in table.schema]
        return batches[0] if batches else arrow.record_batch(empty, schema=table.schema)
    column = table.column(0)
    if kind == "ChunkedArray":
        return column
    if column.num_chunks > 1:
        raise ValueError("one array in several pieces")
    return column.chunk(0) if column.num_chunks else arrow.array([], column.type)


OTHERS.extend(
    [
        ("numpy", "ndarray", _array),
        ("polars", "DataFrame", _polars),
        ("polars", "Series", _polars),
        *(("pyarrow", name, _arrow) for name in ("Table", "RecordBatch", "ChunkedArray", "Array")),
    ]
)
NESTED.update({"nd": _read_array, "nO": _read_object_array, "pl": _read_polars, "pa": _read_arrow})
