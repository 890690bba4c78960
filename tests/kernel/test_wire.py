"""What `pack` gives a front end reads, what a front end sends `unpack` reads, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import Session, json_unpacker

from conkernelclient.kernel import wire as module
from conkernelclient.kernel.wire import DELIMITER, Wire, without_surrogates
from tests.kernel.parts import session
from tests.messages import KEY, frames, packed
from tests.protocol.odd import ODD_TEXTS, same

pytestmark = pytest.mark.filterwarnings(
    "ignore:Interpreting naive datetime:DeprecationWarning",  # what Session says to such dates
    "ignore:Message serialization failed:UserWarning",  # and to what JSON cannot hold
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.integers(min_value=-(2**70), max_value=-(2**62)),
    st.floats(),
    ODD_TEXTS,
)
PARTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD_TEXTS, inner, max_size=4),
    max_leaves=12,
)
DICTS = st.dictionaries(ODD_TEXTS, PARTS, max_size=5)
FINE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(sent: list[Any], **more: Any) -> dict[str, Any]:
    """A message as jupyter_client reads it."""
    reader = session(**more)
    idents, parts = reader.feed_identities(sent)
    return {**reader.deserialize(parts), "idents": idents}


# To the front end


@given(DICTS, st.lists(st.binary(), max_size=2))
def test_session_reads_any_content(content: dict[str, Any], buffers: list[bytes]) -> None:
    """What JSON cannot hold comes as `null`, or with replacement characters; nothing is lost."""
    message = read(Wire(session()).pack("stream", content, idents=[b"topic"], buffers=buffers))
    assert message["idents"] == [b"topic"]
    assert message["msg_type"] == message["header"]["msg_type"] == "stream"
    assert message["parent_header"] == message["metadata"] == {}
    assert message["buffers"] == buffers
    wanted = without_surrogates(content)
    assert message["content"].keys() == wanted.keys()


@given(st.dictionaries(st.text(), FINE, max_size=5))
def test_session_reads_what_was_packed(content: dict[str, Any]) -> None:
    """The same values of the same types."""
    sent = Wire(session()).pack("stream", content)
    assert same(json_unpacker(sent[-1]), content)


@given(
    st.dictionaries(
        st.text() | st.integers() | st.booleans() | st.none(),
        st.binary()
        | st.datetimes()
        | st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=30))))
        | st.tuples(st.integers(), st.text())
        | st.just(b"x")
        | st.just(float("nan"))
        | st.just(2**70),
        max_size=4,
    )
)
def test_what_session_alone_knows_is_packed_as_by_session(content: dict[Any, Any]) -> None:
    """Dates, bytes, tuples, keys that are no strings."""
    theirs = session()
    try:
        wanted = theirs.serialize(theirs.msg("stream", content))[-1]
    except ValueError:
        with pytest.raises(ValueError):
            Wire(session()).pack("stream", content)
        return
    assert same(json_unpacker(Wire(session()).pack("stream", content)[-1]), json_unpacker(wanted))


def test_a_header_is_as_session_makes_it() -> None:
    """With an id that is never the same, and a date of now."""
    ours = session(username='a "name"', session="an id")
    wire = Wire(ours)
    first, second = read(wire.pack("stream", {})), read(wire.pack("status", {}))
    wanted = ours.msg_header("stream")
    assert first["header"].keys() == wanted.keys()
    for name in ("username", "session", "msg_type"):
        assert first["header"][name] == wanted[name]
    assert first["header"]["version"] == module.PROTOCOL_VERSION
    assert first["msg_id"] != second["msg_id"]
    assert abs(datetime.now(UTC) - first["header"]["date"]) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ['x"y\\', "lone \ud800", "\n", "é"])
def test_no_text_of_a_front_end_tears_a_header(text: str) -> None:
    """The reply to an unknown message has that message's type in its own."""
    ours = session(username=text, session='an "id"')
    header = read(Wire(ours).pack(text, {}))["header"]
    assert header["msg_type"] == header["username"] == text.replace("\ud800", "\ufffd")
    assert header["session"] == 'an "id"'
    assert header["msg_id"].startswith('an "id"_')


def test_the_parent_travels_as_the_bytes_that_came() -> None:
    """Whatever is in it."""
    raw = json.dumps({"msg_id": "é\ud800", "n": 2**70}).encode()
    assert Wire(session()).pack("stream", {}, raw, metadata=b'{"a":1}')[3:5] == [raw, b'{"a":1}']


def test_a_lone_surrogate_is_a_replacement_character() -> None:
    """In keys, values, lists and tuples, where JSON has none."""
    content = {"a\udc80": ["\ud800", ("x\udfff", 1)], "b": "fine"}
    sent = Wire(session()).pack("stream", content)
    assert orjson.loads(sent[-1]) == {"a\ufffd": ["\ufffd", ["x\ufffd", 1]], "b": "fine"}


def test_content_is_packed_as_deep_as_json_goes() -> None:
    """Deeper than our own look for surrogates, and not beyond Python's end."""
    deep: Any = []
    for _ in range(600):
        deep = [deep]
    assert json_unpacker(Wire(session()).pack("stream", {"deep": deep})[-1]) == {"deep": deep}
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises((RecursionError, ValueError)):
        Wire(session()).pack("stream", {"deep": deep})


def test_what_nobody_can_pack_is_an_error_of_who_sends_it() -> None:
    """As with Session."""
    with pytest.raises((TypeError, ValueError)):
        Wire(session()).pack("stream", {"a": object()})


def test_without_a_key_nothing_is_signed() -> None:
    """Nor looked at, when it comes."""
    wire = Wire(Session(key=b""))
    sent = wire.pack("stream", {"a": 1}, idents=[b"x"])
    assert sent[2] == b""
    for _ in range(2):
        assert wire.unpack(sent).message["content"] == {"a": 1}


def test_another_packer_is_used_whole() -> None:
    """A session that speaks no JSON."""
    ours = session(packer="pickle", unpacker="pickle")
    wire = Wire(ours)
    parent = wire.pack("execute_request", {}, idents=[b"i"])[3]
    sent = wire.pack("stream", {"a": 1}, parent, idents=[b"i"], metadata=b'{"b":2}', buffers=[b"c"])
    message = read(sent, packer="pickle", unpacker="pickle")
    assert (message["idents"], message["content"]) == ([b"i"], {"a": 1})
    assert (message["metadata"], message["buffers"]) == ({"b": 2}, [b"c"])
    assert message["parent_header"]["msg_type"] == "execute_request"
    assert wire.msg_id_of(sent) == message["msg_id"]
    assert read(wire.pack("stream", {}), packer="pickle", unpacker="pickle")["parent_header"] == {}


# From the front end


@given(
    content=DICTS,
    metadata=DICTS,
    parent=DICTS,
    buffers=st.lists(st.binary(), max_size=3),
    idents=st.lists(st.binary().filter(lambda it: it != DELIMITER), max_size=2),
    packer=st.sampled_from(["json", "orjson"]),
)
def test_unpack_reads_what_session_serializes(packer: str, **message: Any) -> None:
    """Any content that JSON can hold, with its buffers and idents."""
    theirs = session(packer=packer, unpacker=packer)
    made = theirs.msg("execute_request", message["content"], metadata=message["metadata"])
    made["parent_header"] = message["parent"]
    try:
        sent = theirs.serialize(made, message["idents"])
    except ValueError:
        return  # a lone surrogate, which Session cannot send either
    ours = session()
    incoming = Wire(ours).unpack([*sent, *message["buffers"]])
    at = len(message["idents"]) + 2
    assert incoming.idents == message["idents"]
    assert (incoming.msg_id, incoming.msg_type) == (made["msg_id"], "execute_request")
    assert incoming.raw_header == sent[at]
    for name, part in zip(("parent_header", "metadata", "content"), sent[at + 1 :], strict=True):
        assert same(incoming.message[name], ours.unpack(part))
    assert [bytes(it) for it in incoming.message["buffers"]] == message["buffers"]


def test_a_message_that_we_packed_is_read_by_us() -> None:
    """As the one side of a pair of kernels would."""
    wire = Wire(session())
    sent = wire.pack("stream", {"text": "x"}, b'{"msg_id":"p"}', idents=[b"i"])
    message = wire.unpack(sent).message
    assert message["content"] == {"text": "x"}
    assert message["parent_header"] == {"msg_id": "p"}
    assert message["msg_id"] == wire.msg_id_of(sent)


BAD: list[tuple[Any, str]] = [
    (lambda f: [], "not in"),
    (lambda f: [b"topic", b"more"], "not in"),
    (lambda f: f[:2], "unpack"),
    (lambda f: f[:5], "unpack"),
    (lambda f: [*f[:2], b"", *f[3:]], "signature"),
    (lambda f: [*f[:2], b"0" * 64, *f[3:]], "signature"),
    (lambda f: [*f[:2], b"\xff", *f[3:]], "signature"),
    (lambda f: [*f[:6], f[6] + b" "], "signature"),
    (lambda f: frames(f[3:], key=b"another"), "signature"),
    (lambda f: frames([b"no json", *f[4:]]), "."),
    (lambda f: frames([b"\xff\xfe", *f[4:]]), "."),
    (lambda f: frames([*f[3:6], b"{"]), "."),
    (lambda f: frames([*f[3:6], b"[" * 100_000]), "."),
    (lambda f: frames([*f[3:6], b"9" * 10_000]), "."),
    (lambda f: frames([b"[1]", *f[4:]]), "."),
    (lambda f: frames([b"null", *f[4:]]), "."),
    (lambda f: frames([b'"msg_id"', *f[4:]]), "."),
    (lambda f: frames([f[3], b"[]", *f[5:]]), "parent_header is no object"),
    (lambda f: frames([*f[3:5], b"1", f[6]]), "metadata is no object"),
    (lambda f: frames([*f[3:6], b'"x"']), "content is no object"),
    (lambda f: frames([b"{}", *f[4:]]), "msg_id"),
    (lambda f: frames([b'{"msg_id": "x"}', *f[4:]]), "msg_type"),
    (lambda f: frames([b'{"msg_type": "x", "msg_id": 7}', *f[4:]]), "strings"),
    (lambda f: frames([b'{"msg_type": null, "msg_id": "x"}', *f[4:]]), "strings"),
]


@pytest.mark.parametrize(("spoil", "words"), BAD)
def test_a_bad_message_is_an_error_and_costs_nothing(spoil: Any, words: str) -> None:
    """Of the documented kinds; the next good one is read."""
    wire = Wire(session())
    good = packed("execute_request", {"code": "x"})
    with pytest.raises((ValueError, TypeError, KeyError), match=words):
        wire.unpack(spoil(good))
    assert wire.unpack(good).message["content"] == {"code": "x"}


@given(st.lists(st.binary(max_size=20) | st.just(DELIMITER) | st.just(b"{}"), max_size=9))
def test_any_frames_are_an_error_of_the_documented_kinds(sent: list[bytes]) -> None:
    """With a key, and without one."""
    for key in (KEY, b""):
        with pytest.raises((ValueError, TypeError, KeyError)):
            Wire(Session(key=key)).unpack(sent)


def test_the_same_message_is_read_once() -> None:
    """Nobody runs a cell again by sending it again."""
    wire = Wire(session())
    sent = packed("execute_request", {})
    wire.unpack(sent)
    with pytest.raises(ValueError, match="once more"):
        wire.unpack(sent)


def test_the_memory_for_signatures_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones are known."""
    monkeypatch.setattr(module, "DIGESTS", 10)
    wire = Wire(session())
    for _ in range(35):
        wire.unpack(sent := packed("execute_request", {}))
        assert len(wire._digests) <= 10
        with pytest.raises(ValueError, match="once more"):
            wire.unpack(sent)
