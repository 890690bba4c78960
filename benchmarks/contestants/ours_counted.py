"""This library without its looks by the clock: a client that is slowed down makes more of them."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants import ours
from conkernelclient.state import overdue


class Client(ours.Client):
    def __init__(self, info: dict[str, Any]) -> None:
        overdue.TICK = 3600.0
        super().__init__(info)
