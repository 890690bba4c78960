"""A display that a later run updates changes in the runs that show it."""

from __future__ import annotations

import gc
from typing import Any

from conkernelclient.outputs.displays import Displays
from conkernelclient.outputs.reduce import Reducer
from tests.outputs.made import display


def shown(displays: Displays, reducer: Reducer, message: Any) -> None:
    """As a run does with each of its messages that is a display."""
    reducer.feed(message)
    displays.note(reducer, message)


def texts(reducer: Reducer) -> list[str]:
    return [output["data"]["text/plain"] for output in reducer.outputs]


def test_each_run_that_shows_it_follows_and_no_other_display_does() -> None:
    """Also the one whose message it is."""
    displays, one, two, other = Displays(), Reducer(), Reducer(), Reducer()
    shown(displays, one, display("old", "d"))
    shown(displays, two, display("old", "d"))
    shown(displays, two, display("mine", "e"))
    shown(displays, other, display("plain"))
    shown(displays, other, display("new", "d", "update_display_data"))
    assert (texts(one), texts(two), texts(other)) == (["new"], ["new", "mine"], ["plain"])


def test_a_new_display_of_the_same_id_updates_those_before_it() -> None:
    """In other runs as in its own."""
    displays, one, two = Displays(), Reducer(), Reducer()
    shown(displays, one, display("old", "d"))
    shown(displays, two, display("new", "d"))
    assert (texts(one), texts(two)) == (["new"], ["new"])


def test_a_large_display_that_nobody_has_read_follows_as_well() -> None:
    """It is read then: an update may be for it."""
    displays, one, other = Displays(), Reducer(), Reducer()
    large = display("old", "d")
    large.is_deferred = True
    shown(displays, one, large)
    assert one.is_behind
    shown(displays, other, display("new", "d", "update_display_data"))
    assert texts(one) == ["new"]


def test_it_keeps_no_run_alive() -> None:
    """A program that drops its runs drops their outputs."""
    displays = Displays()
    for _ in range(1_500):
        shown(displays, Reducer(), display("x", "d"))
    gc.collect()
    assert [len(held) for held in displays._holders.values()] == [0]


def test_the_ids_of_runs_that_are_gone_are_forgotten() -> None:
    """A program may make a display in each of a million cells."""
    displays = Displays()
    for number in range(5_000):
        shown(displays, Reducer(), display("x", f"d{number}"))
    assert len(displays._holders) <= 2_000
