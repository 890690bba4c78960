"""
Which values have nothing to show but their text?

IPython asks eleven formatters about each result. For a plain value of Python all of them but one
have no answer, unless somebody has told them one; to see that takes a twentieth of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from .compat import FORMATTERS, DisplayFormatter

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["Formatter"]

# Values of these classes themselves: nobody can give them a `_repr_html_`.
PLAIN: Final[frozenset[type]] = frozenset(
    {bool, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple, type(None)}
)
KEYS: Final[dict[type, frozenset[Any]]] = {
    plain: frozenset([*plain.__mro__, *(("builtins", it.__name__) for it in plain.__mro__)])
    for plain in PLAIN
}


class Formatter(DisplayFormatter):
    """Formats what is displayed, as IPython's does."""

    def format(
        self,
        obj: Any,
        include: Container[str] | None = None,
        exclude: Container[str] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give an object's data and metadata, each by MIME type."""
        kind = cast("type[Any]", type(obj))
        keys = KEYS.get(kind)
        if keys is None or include or exclude or not self._has_text_alone(obj, keys):
            return super().format(obj, include, exclude)
        text = self.formatters["text/plain"](obj)
        return {} if text is None else {"text/plain": text}, {}

    def _has_text_alone(self, obj: Any, keys: frozenset[Any]) -> bool:
        others = [self.ipython_display_formatter, self.mimebundle_formatter]
        others += [it for name, it in self.formatters.items() if name != "text/plain"]
        return all(
            type(it) in FORMATTERS
            and keys.isdisjoint(it.type_printers)
            and keys.isdisjoint(it.deferred_printers)
            and id(obj) not in it.singleton_printers
            for it in others
        )
