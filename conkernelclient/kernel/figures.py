"""
Whose figures does matplotlib draw in the notebook, while several cells run?

Each cell has figures of its own, which are shown at its end; `plt.gcf()` never finds another
cell's. Figures that outlive their cell, as `close_figures = False` wants it, and those of other
backends are shared. Nothing here imports matplotlib: it begins when that registers with the shell.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, UserDict
from typing import TYPE_CHECKING, Any, Final

from .cells import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable, ValuesView

__all__ = ["Figures", "Show", "separate", "watching"]

BACKEND: Final = "matplotlib_inline.backend_inline"
NAMES: Final = ("inline", f"module://{BACKEND}")


class Figures(UserDict[Any, Any]):
    """
    The open figures by their numbers, the active one last, as the code sees them that asks.

    Args:
        shared: Those that are no cell's own.
        is_per_cell: Whether cells have figures of their own just now.
    """

    def __init__(self, shared: OrderedDict[Any, Any], is_per_cell: Callable[[], bool]) -> None:
        self._shared = shared
        self._is_per_cell = is_per_cell

    @property
    def data(self) -> OrderedDict[Any, Any]:  # type: ignore[override]
        """The figures."""
        cell = CURRENT.get()
        if cell is None:
            return self._shared
        own: OrderedDict[Any, Any] = cell.kept.setdefault("figures", OrderedDict())
        if self._is_per_cell():
            return own
        while own:  # made before the cell has said that they are to stay
            self._shared.update((own.popitem(last=False),))
        return self._shared

    def values(self) -> ValuesView[Any]:
        """Give them all, in order."""
        return self.data.values()

    def move_to_end(self, number: Any) -> None:
        """Make one the active one."""
        self.data.move_to_end(number)

    def clear(self) -> None:
        """Forget them all."""
        self.data.clear()


class Show:
    """What the backend calls `show`, whose notes of what to draw are each cell's own."""

    def __init__(self, show: Callable[..., None]) -> None:
        self._show = show
        self._outside: dict[str, Any] = {}

    def __call__(self, *args: Any, **options: Any) -> None:
        """Show all figures."""
        self._show(*args, **options)

    def _notes(self) -> dict[str, Any]:
        cell = CURRENT.get()
        return self._outside if cell is None else cell.kept

    @property
    def _draw_called(self) -> bool:
        return self._notes().get("is_to_draw", False)

    @_draw_called.setter
    def _draw_called(self, value: bool) -> None:
        self._notes()["is_to_draw"] = value

    @property
    def _to_draw(self) -> list[Any]:
        return self._notes().setdefault("to_draw", [])

    @_to_draw.setter
    def _to_draw(self, value: list[Any]) -> None:
        self._notes()["to_draw"] = value


def watching(register: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
    """Give what registers a callback with the shell, and sees when it is the backend's."""

    def register_and_look(event: str, function: Any) -> None:
        register(event, function)
        if getattr(function, "__module__", None) == BACKEND:
            separate(sys.modules[BACKEND])

    return register_and_look


def separate(backend: Any) -> None:
    """Give each cell its own figures, once for the process."""
    if isinstance(backend.show, Show):
        return

    def is_per_cell() -> bool:
        settings: dict[str, Any] = backend.matplotlib.rcParams
        name = dict[str, Any].get(settings, "backend")  # its own would choose a backend
        return name in NAMES and backend.InlineBackend.instance().close_figures

    before = backend.Gcf.figs
    figures = Figures(OrderedDict(), is_per_cell)
    figures.update(before)  # by a backend before; the cell that asks for this one shows them
    backend.Gcf.figs = figures
    backend.show = Show(backend.show)
