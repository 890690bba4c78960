"""What is told is written once, as JSON that every language reads."""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import Any

import pytest

from conkernelclient.sidecar.document.edits import EditCell
from conkernelclient.sidecar.server import encoding
from conkernelclient.sidecar.server.encoding import Encoder, encoded
from conkernelclient.sidecar.session.session_events import Edited, Missed, OutputsChanged, Snapshot


def changed(revision: int, text: str = "x") -> OutputsChanged:
    """An event with outputs."""
    return OutputsChanged(revision, "a", 0, [{"output_type": "stream", "text": text}], 1)


def test_dataclasses_are_objects() -> None:
    """As in a tuple."""
    event = Edited(3, (EditCell("a", "é"),), "b")
    assert json.loads(encoded(event)) == {
        "revision": 3,
        "change": [{"cell_id": "a", "source": "é", "type": "edit_cell"}],
        "by": "b",
        "type": "edited",
    }


ODD: list[tuple[Any, Any]] = [
    (math.nan, None),
    ([math.inf, 1.5], [None, 1.5]),
    ("\ud800", "\ud800"),
    (2**70, 2**70),
    ({"a": (math.nan, "\udfff")}, {"a": [None, "\udfff"]}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    (MappingProxyType({"a": "\ud800"}), {"a": "\ud800"}),
    (EditCell("a", "\ud800"), {"cell_id": "a", "source": "\ud800", "type": "edit_cell"}),
]


@pytest.mark.parametrize(("value", "read"), ODD)
def test_what_json_has_not_is_written_otherwise(value: Any, read: Any) -> None:
    """Numbers that are none are null, half of a character is an escape."""
    text = encoded(value)
    assert json.loads(text, parse_constant=pytest.fail) == read
    text.encode()


def test_what_is_no_json_at_all_is_an_error() -> None:
    """It is ours."""
    with pytest.raises(TypeError):
        encoded({"a": object()})


def test_an_event_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An equal one is another."""
    written: list[Any] = []
    monkeypatch.setattr(encoding, "encoded", lambda told: written.append(told) or encoded(told))
    encoder, event = Encoder(), changed(1)
    assert encoder.text(event) is encoder.text(event)
    assert len(written) == 1
    encoder.text(changed(1))
    assert len(written) == 2


def test_what_is_for_one_front_end_is_not_kept() -> None:
    """A snapshot is large."""
    encoder = Encoder()
    for told in (Snapshot(1, {}), Missed(2)):
        assert encoder.text(told) is not encoder.text(told)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By number, and by size."""
    encoder = Encoder()
    events = [changed(number) for number in range(200)]
    texts = [encoder.text(event) for event in events]
    pairs = list(zip(events, texts, strict=True))
    assert all(encoder.text(event) is text for event, text in pairs[-encoding.KEPT :])
    assert not any(encoder.text(event) is text for event, text in pairs[: -encoding.KEPT])
    monkeypatch.setattr(encoding, "KEPT_CHARACTERS", 10_000)
    large = changed(1, "x" * 20_000)
    assert encoder.text(large) is not encoder.text(large)
    assert encoder.text(events[-1]) is not texts[-1]
