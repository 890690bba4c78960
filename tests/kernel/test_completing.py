"""A completion disturbs no cell, and is quick."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jedi
import pytest
from jedi.inference import flow_analysis

from conkernelclient.kernel import completing
from conkernelclient.kernel.completing import looking, remembering, shown
from tests.clients import LONG, client_of

from .conftest import begun, ended, raw, value_of

if TYPE_CHECKING:
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


NAMES = {
    "_": 0,
    "__": 0,
    "_i": 0,
    "_ii": 0,
    "_1": 1,
    "_23": 2,
    "_i23": "two",
    "_own": 3,
    "_a1": 4,
    "name": 5,
}


@pytest.mark.parametrize(
    ("code", "hidden"),
    [
        ("", {"_1", "_23", "_i23"}),
        ("nam", {"_1", "_23", "_i23"}),
        ("_23.b", {"_1", "_i23"}),
        ("len(_i23).", {"_1", "_23"}),
        ("_", set()),
        ("f(_i", set()),
        ("_own ", {"_1", "_23", "_i23"}),
    ],
)
def test_what_cells_were_and_gave_is_looked_at_where_it_is_meant(
    code: str, hidden: set[str]
) -> None:
    """All else is looked at always."""
    assert shown(code, NAMES) == {name: NAMES[name] for name in NAMES if name not in hidden}


def test_a_completer_looks_at_a_user_s_names_again_afterwards() -> None:
    """Also where what was looked at raises."""
    one, other = dict(NAMES), dict(NAMES)
    for completer in (SimpleNamespace(namespace=one, global_namespace=it) for it in (one, other)):
        before = completer.global_namespace
        with pytest.raises(ZeroDivisionError), looking(completer, "nam"):
            assert "_1" not in completer.namespace
            assert "_1" not in completer.global_namespace
            assert (completer.global_namespace is completer.namespace) == (before is one)
            raise ZeroDivisionError
        assert completer.namespace is one
        assert completer.global_namespace is before


async def test_a_completion_knows_what_cells_gave(km: ConKernelManager) -> None:
    """By its number, and its attributes."""
    async with client_of(km, window=None) as kc:
        number = (await raw(kc, "'text'")).execution_count
        for code, match in ((f"_{number}.uppe", "upper"), (f"_i{number}"[:-1], f"_i{number}")):
            content = (await kc.complete(code, len(code), reply=True, timeout=LONG))["content"]
            assert any(match in it for it in content["matches"]), content


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
