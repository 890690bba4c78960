"""`wire` gives what `Session` gives, and one bad message costs no more than itself."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import Session, json_packer, json_unpacker

from conkernelclient.errors import ProtocolError
from conkernelclient.protocol.wire import DELIMITER, LARGE, Wire, json_of
from tests.messages import DATE, KEY, frames, header, packed, settings
from tests.protocol.odd import ODD_TEXTS, same

pytestmark = pytest.mark.filterwarnings(
    "ignore:Interpreting naive datetime:DeprecationWarning",  # what Session says to such dates
    "ignore:Message serialization failed:UserWarning",  # and to what JSON cannot hold
)

ODD_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.integers(min_value=-(2**70), max_value=-(2**62)),
    st.floats(),
    ODD_TEXTS,
)
ODD_PARTS = st.recursive(
    ODD_SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD_TEXTS, inner, max_size=4),
    max_leaves=12,
)
ODD_DICTS = st.dictionaries(ODD_TEXTS, ODD_PARTS, max_size=5)
ODD_OBJECTS = st.dictionaries(
    st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
    st.one_of(
        ODD_SCALARS,
        st.binary(),
        st.datetimes(),
        st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=30)))),
        st.dates(),
        st.tuples(st.integers(), st.text()),
        st.frozensets(st.integers()),
    ),
    max_size=4,
)


def session() -> Session:
    return Session(key=KEY, packer="json", unpacker="json")


def dumped(part: Any) -> bytes:
    """JSON with all that `json` can write: NaN, any integer, lone surrogates as escapes."""
    return json.dumps(part).encode()


@given(
    extra=ODD_DICTS,
    parent=ODD_DICTS,
    metadata=ODD_DICTS,
    content=ODD_DICTS,
    buffers=st.lists(st.binary(), max_size=2),
    date_text=st.sampled_from(
        [DATE, "2026-01-02T03:04:05+01:30", "2026-01-02T03:04:05.5", "never"]
    ),
    version=st.sampled_from(["5.0", "5.3", "5.4"]),
)
def test_unpack_gives_the_dict_of_deserialize(
    extra: Any, parent: Any, metadata: Any, content: Any, buffers: Any, date_text: Any, version: Any
) -> None:
    """For the same bytes, on random messages that hold each oddity."""
    head = {**extra, **header("stream", date=date_text, version=version)}
    sent = frames([*map(dumped, (head, parent, metadata, content)), *buffers])
    try:
        wanted = session().deserialize(sent[2:])
    except (ValueError, OverflowError):  # dateutil refuses such a day; here it stays a text
        return
    got = Wire(settings()).unpack(sent).message
    wanted["buffers"] = [bytes(buffer) for buffer in wanted["buffers"]]
    assert same({**got, "buffers": [bytes(buffer) for buffer in got["buffers"]]}, wanted)


@given(content=ODD_OBJECTS, metadata=ODD_OBJECTS)
def test_pack_gives_the_message_of_serialize(content: Any, metadata: Any) -> None:
    """What the kernel reads is the same, and so is what cannot be sent."""
    message = session().msg("any_request", content, metadata=metadata)
    try:
        wanted = session().serialize(message)
    except ValueError:
        with pytest.raises(ValueError):
            Wire(settings()).pack(message)
        return
    got = Wire(settings()).pack(message)
    assert [
        same(json_unpacker(bytes(a)), json_unpacker(bytes(b)))
        for a, b in zip(got[2:], wanted[2:], strict=True)
    ] == [True] * 4
    assert got[1] == Wire(settings()).sign(got[2:])


@given(ODD_DICTS)
def test_what_pack_makes_unpack_reads(content: Any) -> None:
    """There and back, as another client of the same kernel would see it."""
    message = session().msg("any_request", content)
    try:
        sent = Wire(settings()).pack(message)
    except UnicodeEncodeError:
        return  # a lone surrogate: `json` in Session cannot send it either
    wanted = json_unpacker(json_packer(content))
    assert same(Wire(settings()).unpack([bytes(frame) for frame in sent]).content, wanted)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: [b"topic"], "without the delimiter"),
        (lambda f: [], "without the delimiter"),
        (lambda f: f[:5], "3 parts"),
        (lambda f: [*f[:2], b"", *f[3:]], "Unsigned"),
        (lambda f: [*f[:2], b"0" * 64, *f[3:]], "Invalid Signature"),
        (lambda f: [*f[:6], f[6] + b" "], "Invalid Signature"),
        (lambda f: [*f[:4], *f], "two messages in one"),
        (lambda f: [*packed("comm_msg", {}), b"buffer", *f], "two messages in one"),
        (lambda f: frames([b"no json", *f[4:]]), "cannot be read"),
        (lambda f: frames([b"[1]", *f[4:]]), "header is no object"),
        (lambda f: frames([*f[3:6], b"[1]"]), "content is no object"),
        (lambda f: frames([b'{"msg_type": "x"}', *f[4:]]), "cannot be read"),
        (lambda f: frames([b'{"msg_type": "x", "msg_id": 7}', *f[4:]]), "strings"),
        (lambda f: frames([b'{"msg_type": 7, "msg_id": "x"}', *f[4:]]), "strings"),
        (
            lambda f: frames([b'{"msg_type": "pyin", "msg_id": "x", "version": "x"}', *f[4:]]),
            "read",
        ),
    ],
)
def test_a_bad_message_raises_protocol_error_and_costs_nothing(spoil: Any, words: str) -> None:
    """The next good one is read."""
    wire = Wire(settings())
    good = packed("stream", {"name": "stdout", "text": "x"})
    with pytest.raises(ProtocolError, match=words):
        wire.unpack(spoil(good))
    assert wire.unpack(good).content["text"] == "x"


def test_a_replay_is_rejected_until_the_ring_has_turned() -> None:
    """The history is a ring of fixed size."""
    wire = Wire(settings(history_size=2))
    first, *others = (packed("stream", {}) for _ in range(4))
    wire.unpack(first)
    with pytest.raises(ProtocolError, match="Duplicate"):
        wire.unpack(first)
    for other in others:
        wire.unpack(other)
    wire.unpack(first)
    with pytest.raises(ProtocolError, match="Duplicate"):
        wire.unpack(others[-1])


def test_without_a_history_replays_pass() -> None:
    """As with `digest_history_size=0`."""
    wire = Wire(settings(history_size=0))
    message = packed("stream", {})
    assert wire.unpack(message).msg_id == wire.unpack(message).msg_id


def test_without_a_key_nothing_is_signed_or_checked() -> None:
    """An empty key is the caller's choice."""
    wire = Wire(settings(auth=None))
    assert wire.sign([b"x"]) == b""
    message = packed("stream", {})
    message[2] = b""
    assert wire.unpack(message).msg_type == "stream"
    assert wire.unpack(message).msg_type == "stream"


@pytest.mark.parametrize(
    ("content", "wanted"),
    [(None, {}), ({"a": 1}, {"a": 1}), (b'{"a":2}', {"a": 2}), ('{"a": "\xe9"}', {"a": "\xe9"})],
)
def test_content_may_be_packed_already(content: Any, wanted: Any) -> None:
    """As a relayed message has it."""
    for wire in (Wire(settings()), Wire(settings(is_json=False))):
        message = {**session().msg("x_request"), "content": content}
        assert json.loads(bytes(wire.pack(message, b"ident")[-1])) == wanted
        assert wire.pack(message, [b"a", b"b"])[:3] == [b"a", b"b", DELIMITER]


def test_content_of_another_type_is_refused() -> None:
    """With the error of `Session.serialize`."""
    with pytest.raises(TypeError, match="Content incorrect type"):
        Wire(settings()).pack({**session().msg("x_request"), "content": 5})


def test_a_session_of_another_packer_is_honoured() -> None:
    """msgpack, say: nothing goes through JSON."""
    import msgpack

    theirs = Session(key=KEY, packer="msgpack")
    wire = Wire(settings(pack=theirs.pack, unpack=theirs.unpack, is_json=False, auth=theirs.auth))
    message = theirs.msg("x_request", {"a": b"raw"})
    sent = [bytes(frame) for frame in wire.pack(message)]
    assert msgpack.unpackb(sent[-1]) == {"a": b"raw"}
    assert wire.unpack(sent).content == {"a": b"raw"}
    assert same(wire.unpack(theirs.serialize(theirs.msg("y"))).message["content"], {})


def test_a_message_of_protocol_4_is_adapted_both_ways() -> None:
    """As `Session` does with `adapt_version`, and without a version in the header."""
    wire = Wire(settings(adapt_version=4))
    sent = wire.pack(
        session().msg("inspect_request", {"code": "a.b", "cursor_pos": 3, "detail_level": 0})
    )
    assert json.loads(bytes(sent[2]))["msg_type"] == "object_info_request"
    assert json.loads(bytes(sent[5]))["oname"] == "a.b"
    old = header("pyout")
    del old["version"], old["date"]
    got = wire.unpack(frames([*map(dumped, (old, {"msg_id": "p"}, {}, {"data": {}}))]))
    assert (got.msg_type, got.parent_id) == ("execute_result", "p")
    assert got.message["header"]["version"] == "5.0"
    assert got.message["header"]["date"].tzinfo is not None


def test_other_settings_do_not_forget_what_was_seen() -> None:
    """A key that is set later, as `load_connection_file` does."""
    wire = Wire(settings(auth=None))
    wire.configure(settings())
    message = packed("stream", {})
    wire.unpack(message)
    wire.configure(settings(history_size=10))
    with pytest.raises(ProtocolError, match="Duplicate"):
        wire.unpack(message)


def test_parents_are_parsed_once_and_never_shared() -> None:
    """What a caller does to one message does not show in the next."""
    wire = Wire(settings())
    parent = header("execute_request")
    one, other = (wire.unpack(packed("stream", {}, parent)).message for _ in range(2))
    one["parent_header"]["msg_id"] = "spoiled"
    assert other["parent_header"]["msg_id"] == parent["msg_id"]
    assert isinstance(other["parent_header"]["date"], datetime)
    for number in range(3000):  # more than are kept
        wire.unpack(packed("stream", {}, {"msg_id": f"p{number}"}))
        if number in (1500, 1600):  # between them it is one of those that go unless they are named
            assert wire.unpack(packed("stream", {}, parent)).parent_id == parent["msg_id"]
    assert wire.unpack(packed("stream", {}, parent)).parent_id == parent["msg_id"]


@pytest.mark.parametrize("parent", [None, [], "x", {}, {"msg_id": None}, {"msg_id": 5}])
def test_a_parent_that_names_no_request_is_nobodys(parent: Any) -> None:
    """It is no error: kernels publish their start so."""
    sent = frames([*map(dumped, (header("status"), parent, {}, {"execution_state": "starting"}))])
    got = Wire(settings()).unpack(sent)
    assert got.parent_id == ""
    assert "nobody" in repr(got)
    assert got.metadata == {}


def test_dates_in_content_stay_texts() -> None:
    """Only headers hold dates."""
    got = Wire(settings()).unpack(packed("stream", {"text": DATE})).message
    assert got["content"]["text"] == DATE
    assert isinstance(got["header"]["date"], datetime)


def test_dates_bytes_and_naive_dates_are_packed_as_session_packs_them() -> None:
    """The rules of `json_default`."""
    content = {"d": date(2026, 1, 2), "t": datetime(2026, 1, 2, 3), "b": b"abc", "s": {1}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        message = session().msg("x_request", content)
        assert json.loads(bytes(Wire(settings()).pack(message)[-1])) == json.loads(
            session().serialize(message)[-1]
        )


def test_buffers_may_hold_anything_but_a_message() -> None:
    """A delimiter, or frames that carry no right signature."""
    for buffers in ([b"x", DELIMITER], frames([b"{}"] * 4, key=b"another")):
        message = Wire(settings()).unpack([*packed("comm_msg", {}), *buffers])
        assert [bytes(buffer) for buffer in message.buffers] == buffers


@pytest.mark.parametrize("part", ["header", "parent_header", "metadata", "content"])
@pytest.mark.parametrize("size", [0, LARGE])
def test_an_integer_beyond_64_bits_is_read_in_every_part(part: str, size: int) -> None:
    """Also in those that nobody fills with numbers."""
    number = 2**70
    whole: dict[str, dict[str, Any]] = {
        "header": header("stream"),
        "parent_header": {"msg_id": "p"},
        "metadata": {"x": 1.5},
        "content": {"text": "x" * size},
    }
    whole[part]["number"] = number
    message = Wire(settings()).unpack(frames([json.dumps(p).encode() for p in whole.values()]))
    for _ in range(2):
        assert message.message[part]["number"] == number  # type: ignore[literal-required]
    assert message.header.get("number") == whole["header"].get("number")


@pytest.mark.parametrize("content", [b"[1]", b'{"a": ', b'"text"'])
def test_a_large_content_that_is_none_is_empty_and_counted(content: bytes) -> None:
    """When somebody looks at it."""
    large = content + b" " * LARGE
    good = packed("stream", {})
    wire = Wire(settings())
    message = wire.unpack(frames([*good[3:6], large]))
    assert (message.is_deferred, wire.unreadable) == (True, 0)
    assert (message.content, message.content) == ({}, {})
    assert (message.is_deferred, wire.unreadable) == (False, 1)


def test_what_json_alone_reads_is_read_by_it_in_a_large_content_too() -> None:
    """NaN is no JSON for orjson."""
    good = packed("stream", {})
    message = Wire(settings()).unpack(frames([*good[3:6], b'{"a": NaN}' + b" " * LARGE]))
    assert message.content["a"] != message.content["a"]
    with pytest.raises(AttributeError, match="contents"):
        _ = message.contents  # type: ignore[attr-defined]


def test_a_large_message_is_judged_as_a_small_one() -> None:
    """Signature, replay, shape; with a check of its own, and without one."""
    large = packed("stream", {"name": "stdout", "text": "x" * LARGE})
    forged = [*large[:2], b"0" * 64, *large[3:]]
    wire, unsigned = Wire(settings()), Wire(settings(auth=None))
    for bad in (forged, [*large[:2], b"", *large[3:]]):
        with pytest.raises(ProtocolError, match=r"Signature|Unsigned"):
            wire.unpack(bad)
        with pytest.raises(ProtocolError, match=r"Signature|Unsigned"):
            wire.unpack(bad, wire.check(bad))
        assert unsigned.unpack(bad, unsigned.check(bad)).content["text"] == "x" * LARGE
    assert wire.unpack(large).content["text"] == "x" * LARGE
    with pytest.raises(ProtocolError, match="Duplicate"):
        wire.unpack(large, wire.check(large))
    with pytest.raises(ProtocolError, match="delimiter"):
        wire.check([b"topic"])
    assert (list(json_of(large)), json_of([b"topic"])) == (large[3:7], ())


def test_the_parts_of_a_message_may_be_views_of_any_bytes() -> None:
    """As a transport gives what it did not copy."""
    sent = packed("stream", {"name": "stdout", "text": "x"}, {"msg_id": "p"})
    message = Wire(settings()).unpack([memoryview(bytearray(frame)) for frame in sent])
    assert (message.parent_id, message.content["text"]) == ("p", "x")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"subshell_id": "s"},
        {"subshell_id": None},
        {"number": 2**70},
        {"one": 1, "two": datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2)))},
        {"date": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)},
        {"date": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))},
        {"date": "2026-01-02"},
    ],
)
def test_a_header_is_packed_as_the_session_packs_it(more: dict[str, Any]) -> None:
    """The plain one by a way of its own."""
    theirs = session()
    message = theirs.msg("execute_request", {"code": "1"})
    message["header"].update(more)
    (packed_header,) = Wire(settings()).pack(message)[2:3]
    assert json.loads(packed_header) == json.loads(theirs.serialize(message)[2])


def test_the_size_of_a_message_may_be_known() -> None:
    """It is told, and not counted once more."""
    assert Wire(settings()).unpack(packed("stream", {}), size=1).size == 1
