"""A companion hears what happens to its connection, and need not care."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from conkernelclient.connection.companion import Companion
from conkernelclient.testing import FakeKernel
from tests.clients import opened

NEWS = {
    name: len(inspect.signature(hook).parameters) - 1
    for name, hook in vars(Companion).items()
    if not name.startswith("_")
}


class Diary(Companion):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def __getattribute__(self, name: str) -> Any:
        if name in NEWS:
            return lambda *args: self.heard.append((name, *args))
        return super().__getattribute__(name)


@pytest.mark.parametrize("name", NEWS)
def test_what_it_does_not_care_for_does_nothing(name: str) -> None:
    """So that each overrides what it needs."""
    companion: Any = Companion()
    assert getattr(companion, name)(*["shell"] * NEWS[name]) is None


async def test_it_hears_of_each_thing_in_the_life_of_a_connection() -> None:
    """From the kernel's coming to the last channel's end."""
    kernel = FakeKernel()
    with kernel:
        kc = kernel.client()
        diary = Diary()
        kc._connection.join(diary)
        await opened(kc)
        assert ("connected", "shell") in diary.heard
        assert ("connected", "iopub") in diary.heard
        diary.heard.clear()
        assert (await kc.execute("1", reply=True))["content"]["status"] == "ok"
        kc._connection.suspend()
        assert ("suspended",) in diary.heard
        kc.stop_channels()
        assert diary.heard[-1] == ("closed",)
