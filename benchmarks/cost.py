"""What CPU does a request cost the client, and how many times the floor's and the peers'?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .arena import FLOOR, OURS, PEERS, Contestant, Entry, alternate, ratio, result

__all__ = ["SHAPES", "Shape", "measure"]


@dataclass(frozen=True, slots=True)
class Shape:
    """
    A kind of load.

    Attributes:
        outstanding: Requests under way at once.
        outputs: Streams of each.
        requests: How many make a round of the floor and of ours, about half a second: more than are
            outstanding, so that some are sent while others are awaited.
        peer_requests: How many make one of a peer.
    """

    outstanding: int
    outputs: int
    requests: int
    peer_requests: int

    def __str__(self) -> str:
        return f"{self.outstanding} outstanding, {self.outputs} outputs"


SHAPES: Final = (
    Shape(1, 0, requests=600, peer_requests=200),
    Shape(100, 0, requests=2000, peer_requests=300),
    Shape(1000, 0, requests=4000, peer_requests=1200),
    Shape(100, 20, requests=400, peer_requests=150),
)


def enter(shape: Shape, contestants: Sequence[Contestant]) -> dict[str, Entry]:
    """Give each contestant its entry for `shape`."""
    return {
        one.name: Entry(
            one,
            shape.peer_requests if one in PEERS else shape.requests,
            shape.outstanding,
            shape.outputs,
        )
        for one in contestants
    }


def measure(tell: Callable[[str], None], *, curve: bool = False) -> dict[str, Any]:
    """
    Measure each shape with all contestants.

    Returns:
        By shape: "contestants", the figures of each, and "ratios", medians over the rounds:
        "ours/floor", and "PEER/ours" for each peer.
    """
    answer: dict[str, Any] = {}
    for shape in SHAPES:
        entries = enter(shape, (FLOOR, OURS, *PEERS))
        alternate(entries, curve=curve, tell=tell)
        ours = entries[OURS.name]
        ratios = {"ours/floor": ratio(ours, entries[FLOOR.name])}
        ratios |= {f"{peer.name}/ours": ratio(entries[peer.name], ours) for peer in PEERS}
        answer[str(shape)] = {
            "contestants": {name: result(entry) for name, entry in entries.items()},
            "ratios": ratios,
        }
        for name, entry in entries.items():
            if not entry.cannot:
                tell(f"{shape}: {name:<24}{entry.median('cpu'):8.0f} us CPU")
        for name, value in ratios.items():
            if value is not None:
                tell(f"{shape}: {name:<34}{value:6.2f}")
    return answer
