"""The events of a run are found in one place."""

from __future__ import annotations

import dataclasses

from conkernelclient import events
from conkernelclient.outputs import events as made


def test_each_event_is_exported_and_nothing_else() -> None:
    """Those that messages make, the last one, and the type of them all."""
    of_messages = set(made.__all__) - {"MessageEvent", "event_of"}
    assert set(events.__all__) == of_messages | {"Finished", "Event"}
    for name in of_messages:
        assert getattr(events, name) is getattr(made, name)


def test_each_can_be_taken_apart() -> None:
    """By `match` and by its fields."""
    for name in events.__all__:
        if name != "Event":
            assert dataclasses.is_dataclass(getattr(events, name))
