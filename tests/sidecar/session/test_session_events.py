"""What a front end is told is data, and says of itself what it is."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from conkernelclient.sidecar.session import session_events
from conkernelclient.sidecar.session.session_events import Missed, SessionEvent, Snapshot, Told


@pytest.mark.parametrize("kind", get_args(SessionEvent))
def test_each_event_has_its_number_first_and_its_type(kind: type) -> None:
    """The type is its name, as it is sent to front ends."""
    fields = dataclasses.fields(kind)
    assert fields[0].name == "revision"
    name = "".join(f"_{one.lower()}" if one.isupper() else one for one in kind.__name__)
    assert (fields[-1].name, fields[-1].default) == ("type", name.lstrip("_"))


def test_all_that_is_told_is_exported() -> None:
    """With snapshots, and what was missed."""
    kinds = {*get_args(SessionEvent), Snapshot, Missed}
    assert set(get_args(Told)) == kinds
    assert {kind.__name__ for kind in kinds} <= set(session_events.__all__)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Missed(1).events = 2  # type: ignore[misc]
