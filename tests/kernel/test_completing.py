"""A completion disturbs no cell, and is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jedi
from jedi.inference import flow_analysis

from conkernelclient.kernel import completing
from conkernelclient.kernel.completing import remembering
from tests.clients import LONG, client_of

from .conftest import begun, ended, raw, value_of

if TYPE_CHECKING:
    import pytest

    from conkernelclient import ConKernelManager

UNSURE = object()


class Context:
    """What a condition stands in."""

    def __init__(self, *, is_stub: bool) -> None:
        self._is_stub = is_stub

    def is_stub(self) -> bool:
        return self._is_stub


def test_a_condition_of_a_stub_is_decided_once() -> None:
    """One of a user's code each time, as it may change with what runs; so is what is not sure."""
    asked: list[Any] = []
    answers: dict[Any, Any] = {"sure": True, "unsure": UNSURE}

    def check(_context: Any, node: Any) -> Any:
        asked.append(node)
        return answers[node]

    once = remembering(check, UNSURE)
    stub, code = Context(is_stub=True), Context(is_stub=False)
    assert [once(code, "sure"), once(code, "sure"), once(stub, "sure")] == [True] * 3
    assert [once(stub, "sure"), once(stub, "unsure"), once(stub, "unsure")] == [
        True,
        UNSURE,
        UNSURE,
    ]
    assert asked == ["sure"] * 3 + ["unsure"] * 2


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is forgotten, and decided anew."""
    monkeypatch.setattr(completing, "MOST", 2)
    asked: list[Any] = []
    once = remembering(lambda _context, node: asked.append(node) or True, UNSURE)
    for node in ("a", "b", "c", "c", "a"):
        once(Context(is_stub=True), node)
    assert asked == ["a", "b", "c", "a"]


def test_the_names_are_jedi_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the builtins, of a module that has conditions, and of a literal."""

    def names(code: str) -> list[str]:
        return [it.name for it in jedi.Interpreter(code, [{}]).complete()]

    codes = ("", "impor", "import asyncio\nasyncio.", "'a'.", "import os; os.p")
    before = [names(code) for code in codes]
    check = remembering(flow_analysis._check_if, flow_analysis.UNSURE)  # type: ignore[attr-defined]
    monkeypatch.setattr(flow_analysis, "_check_if", check)
    for _ in range(2):
        assert [names(code) for code in codes] == before


async def test_a_completion_leaves_the_warnings_filters_alone(km: ConKernelManager) -> None:
    """What a completion reads of a user's object sees those of the cell that runs."""
    code = """
import time, warnings
class Asked:
    def __dir__(self):
        seen.append(warnings.filters)
        return ["attribute"]
asked, seen, gate = Asked(), [], False
"""
    cell = """
with warnings.catch_warnings():
    warnings.simplefilter("error")
    while not gate: time.sleep(0.001)
    same = [it is warnings.filters for it in seen]
"""
    async with client_of(km, window=None) as kc:
        await raw(kc, code)
        running = await begun(kc, cell)
        for text in ("asked.attr", "asked.att"):
            content = (await kc.complete(text, len(text), reply=True, timeout=LONG))["content"]
            assert content["status"] == "ok", content
            assert "attribute" in "".join(content["matches"])
        await raw(kc, "gate = True", run_mode="thread")
        await ended(running)
        assert await value_of(kc, "len(same) > 0 and all(same)") == "True"
