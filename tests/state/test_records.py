"""What was published for a request is recorded, within bounds, and taken once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.errors import ProtocolError, TransportError
from conkernelclient.state import records as module
from conkernelclient.state.records import Records
from tests.messages import incoming, status


def test_a_record_is_complete_with_its_idle_and_is_taken_once() -> None:
    """In the order in which its messages came; those of others are none of its."""
    records = Records()
    assert records.open("a") == []
    sent = [status("busy", "a"), incoming("stream", "a", text="x"), status("idle", "a")]
    for message in sent:
        record, gone = records.add(message)
        assert record is records.find("a")
        assert gone == []
    assert records.add(incoming("stream", "nobody's", text="x")) == (None, [])
    record = records.find("a")
    assert record.is_complete
    assert records.take(record) == sent
    assert "a" not in records
    assert records.size == 0
    with pytest.raises(KeyError, match="taken already"):
        records.find("a")


def test_it_is_complete_with_nothing_but_an_idle() -> None:
    """Also if a kernel sends states that are none."""
    records = Records()
    records.open("a")
    for state in ("busy", "starting", ["idle"]):
        records.add(incoming("status", "a", execution_state=state))
    assert not records.find("a").is_complete


@pytest.mark.parametrize("bound", [{"limit": 2}, {"max_bytes": 250}])
def test_the_oldest_go_first_and_that_is_said(bound: dict[str, int]) -> None:
    """Whoever asks for one of them is told that there was one."""
    records = Records(**bound)
    gone = []
    for name in "abc":
        gone += records.open(name)
        gone += records.add(incoming("stream", name))[1]  # 100 bytes
    assert [record.msg_id for record in gone] == ["a"]
    assert not gone[0].is_kept
    assert (records.evictions, records.size) == (1, 200)
    with pytest.raises(ProtocolError, match="had to go: only the last") as caught:
        records.find("a")
    assert caught.value.msg_id == "a"
    assert [name for name in "abc" if name in records] == ["b", "c"]
    assert records.take(gone[0]) != []  # whoever had it has what was in it
    assert records.size == 200


def test_that_some_had_to_go_is_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may never ask for any."""
    monkeypatch.setattr(module, "EVICTED_REMEMBERED", 2)
    records = Records(limit=1)
    for name in "abcd":
        records.open(name)
    with pytest.raises(KeyError):
        records.find("a")
    with pytest.raises(ProtocolError):
        records.find("c")


def test_what_is_incomplete_when_the_kernel_ends_says_why_and_the_first_reason_stays() -> None:
    """What is complete, and what is spared, is left as it is."""
    records = Records()
    for name in "abc":
        records.open(name)
    records.add(status("idle", "a"))
    assert records.fail(lambda: TransportError("first"), spared=["c"]) == ["b"]
    assert records.fail(lambda: TransportError("second")) == ["b", "c"]
    reasons = [records.find(name).failure for name in "abc"]
    assert reasons[0] is None
    assert [str(make()) for make in reasons if make] == ["first", "second"]


@given(
    st.lists(st.tuples(st.sampled_from("oat"), st.sampled_from("abcde")), max_size=60),
    st.integers(1, 4),
)
def test_its_size_is_that_of_what_it_holds(steps: list[tuple[str, str]], limit: int) -> None:
    """Whatever is opened, added and taken in whatever order."""
    records = Records(limit=limit, max_bytes=500)
    for what, name in steps:
        if what == "o" and name not in records:
            records.open(name)
        elif what == "a":
            records.add(incoming("stream", name))
        elif name in records:
            records.take(records.find(name))
        kept = [records.find(one) for one in "abcde" if one in records]
        assert records.size == sum(message.size for one in kept for message in one.messages)
        assert len(kept) <= limit
        assert records.size <= 500
