"""An integer beyond 64 bits is found wherever it is."""

from __future__ import annotations

import json

import orjson
import pytest

from conkernelclient.protocol.big_ints import PIECE, load_exactly, may_have_big
from conkernelclient.protocol.wire import Wire
from tests.messages import packed, settings


def test_an_integer_beyond_64_bits_is_found_wherever_it_is() -> None:
    """Also across the border of two pieces."""
    digits = "1234567890123456789012345"
    for before in (0, PIECE - 40, PIECE - 10):
        message = packed("stream", {"name": "x" * before, "number": int(digits)})
        wire = Wire(settings())
        assert wire.unpack(message, wire.check(message)).content["number"] == int(digits)


@pytest.mark.parametrize("number", [2**63, -(2**64), 10**18, 2**70])
def test_it_is_read_as_json_reads_it(number: int) -> None:
    """As is whatever orjson reads rightly."""
    part = json.dumps({"n": number, "f": 1.5}).encode()
    assert load_exactly(part) == {"n": number, "f": 1.5}
    assert may_have_big(part) or orjson.loads(part) == {"n": number, "f": 1.5}


def test_what_cannot_have_one_is_known_at_once() -> None:
    """Eighteen digits fit into 64 bits; letters between digits part them."""
    assert not may_have_big(b'{"n": 123456789012345678}')
    assert not may_have_big(b"123456789 123456789 123456789")
    assert may_have_big(memoryview(b"[1234567890123456789]"))
