"""
How many messages a second go through an action with two handlers, and through kernel-sidecar's?

A stub kernel answers each request with many lines of text, faster than a client reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .arena import OURS, Contestant, Entry, alternate, ratio

__all__ = ["measure"]

MODELS: Final = Contestant(OURS.name, "sidecar_ours")
DICTS: Final = Contestant(f"{OURS.name}, dicts", "sidecar_ours_dicts")
THEIRS: Final = Contestant("kernel-sidecar", "sidecar_theirs", "kernel-sidecar")
OUTPUTS: Final = 400  # fewer than the 1,000 beyond which kernel-sidecar's socket drops messages
MESSAGES: Final = OUTPUTS + 4  # with busy, execute_input, the reply and idle
REQUESTS: Final = 20
LEAST: Final = 5.0  # times as many as with kernel-sidecar


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """
    Measure ours, with models and with dicts, and kernel-sidecar, in turns.

    Returns:
        "contestants", for each: "messages_per_s", and "cpu_us", the CPU of its process for one
        message, medians of five rounds, or "cannot"; "ratios": medians over the rounds of how many
        times as many messages a second ("wall"), and how much less CPU ("cpu"), by name of ours.
    """
    entries = {
        one.name: Entry(one, REQUESTS, outstanding=1, outputs=OUTPUTS)
        for one in (MODELS, DICTS, THEIRS)
    }
    alternate(entries, source="benchmarks.replay", tell=tell)
    theirs = entries[THEIRS.name]
    ratios = {
        ours.name: {name: ratio(theirs, entries[ours.name], name) for name in ("wall", "cpu")}
        for ours in (MODELS, DICTS)
    }
    figures = {name: _figures(entry) for name, entry in entries.items()}
    for name, figure in figures.items():
        if "cannot" not in figure:
            tell(
                f"{name:<24}{figure['messages_per_s']:9,.0f} messages/s"
                f"{figure['cpu_us']:7.0f} us CPU each"
            )
    for name, times in ratios.items():
        if times["wall"] is not None and times["cpu"] is not None:
            tell(
                f"{name:<24}{times['wall']:9.1f} times as many (at least {LEAST:g}), "
                f"CPU {times['cpu']:.1f} times less"
            )
    return {"contestants": figures, "ratios": ratios}


def _figures(entry: Entry) -> dict[str, Any]:
    if entry.cannot:
        return {"cannot": entry.cannot}
    wall, cpu = entry.median("wall", 1), entry.median("cpu")
    assert wall is not None
    assert cpu is not None
    return {"messages_per_s": MESSAGES / wall, "cpu_us": cpu / MESSAGES}
