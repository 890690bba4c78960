"""Each cell shows its own figures, at its end."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.kernel.cells import CURRENT
from conkernelclient.kernel.figures import Figures, Show
from tests.clients import client_of

from .conftest import ended, raw, value_of
from .parts import cell

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

MEET = "met.add({0})\nwhile len(met) < 2: await asyncio.sleep(0.001)\n"
DRAW = "plt.gcf().set_label('figure {0}'); plt.plot([{0}])\n"
# What a display of a figure says, in the place of its picture.
NAMED = """
import asyncio
{0}
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
plt.figure(); plt.close('all')
get_ipython().display_formatter.formatters['image/png'].for_type(
    Figure, lambda it: it.get_label().encode() * 0 or None)
get_ipython().display_formatter.formatters['text/plain'].for_type(
    Figure, lambda it, printer, cycle: printer.text(it.get_label()))
"""


def shown(result: Any) -> list[str]:
    return [
        it["data"]["text/plain"] for it in result.outputs if it["output_type"] == "display_data"
    ]


@pytest.mark.parametrize("mode", ["task", "thread"])
@pytest.mark.parametrize("asked", ["%matplotlib inline", ""], ids=["magic", "environment"])
async def test_cells_that_end_together_show_their_own_figures(
    mortal: ConKernelManager, mode: str, asked: str
) -> None:
    """ipykernel shows all in the one that ends first; and `gcf` of one is not the other's."""
    async with client_of(mortal, window=None) as kc:
        await raw(kc, NAMED.format(asked))
        await raw(kc, "met = set()")
        code = DRAW + MEET + DRAW
        meta = {"run_mode": mode}
        runs = [kc.run(code.replace("{0}", str(i)), metadata=meta) for i in range(2)]
        assert [shown(it) for it in await ended(*runs)] == [["figure 0"], ["figure 1"]]
        assert await value_of(kc, "plt.get_fignums()") == "[]"


async def test_figures_that_are_not_closed_are_all_cells_own(mortal: ConKernelManager) -> None:
    """As those of a backend that draws nothing in the notebook."""
    async with client_of(mortal) as kc:
        await raw(kc, NAMED.format("%matplotlib inline"))
        keep = "%config InlineBackend.close_figures = False\n"
        assert shown(await raw(kc, f"plt.plot([1])\n{keep}plt.gcf().set_label('a')")) == ["a"]
        assert await value_of(kc, "plt.gcf().get_label()") == "'a'"
        await raw(kc, "plt.close('all'); plt.switch_backend('agg'); plt.figure(7)")
        await raw(kc, "%config InlineBackend.close_figures = True")
        assert await value_of(kc, "plt.get_fignums()") == "[7]"


async def test_nothing_imports_matplotlib_before_a_cell_does(mortal: ConKernelManager) -> None:
    """Not all have it."""
    async with client_of(mortal) as kc:
        code = "import sys; [it for it in sys.modules if it.startswith('matplotlib')]"
        assert await value_of(kc, code) == "[]"


def test_figures_follow_the_cell_and_are_shared_where_they_stay() -> None:
    """In the order in which they became active."""
    is_per_cell = True
    figures = Figures(OrderedDict(old=0), lambda: is_per_cell)
    assert list(figures) == ["old"]
    token = CURRENT.set(cell())
    try:
        figures[1], figures[2] = "a", "b"
        figures.move_to_end(1)
        assert (list(figures), list(reversed(figures.values()))) == ([2, 1], ["a", "b"])
        is_per_cell = False
        assert list(figures) == ["old", 2, 1]
        is_per_cell = True
        assert len(figures) == 0
        figures[3] = "c"
        figures.clear()
        assert len(figures) == 0
    finally:
        CURRENT.reset(token)
    assert list(figures) == ["old", 2, 1]


def test_what_is_to_be_drawn_is_noted_by_cell() -> None:
    """And outside of cells once more."""
    calls: list[Any] = []
    show = Show(lambda *args, **options: calls.append((args, options)))
    show._draw_called, show._to_draw = True, [1]
    token = CURRENT.set(cell())
    try:
        assert (show._draw_called, show._to_draw) == (False, [])
        show._draw_called = True
    finally:
        CURRENT.reset(token)
    assert (show._draw_called, show._to_draw) == (True, [1])
    show(True, block=False)
    assert calls == [((True,), {"block": False})]
