"""
How does a terminal show outputs?

By rich, which is loaded here alone, and here is loaded when rich asks for it: text with its colours
and without any other control, markdown as such, and a line for each image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markdown import Markdown
from rich.text import Text

from .display import is_binary, line_of, words_of
from .mime import text_of
from .pieces import clean
from .terminal import coloured
from .widgets import model_of, widget_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import RenderableType

    from .widgets import States

__all__ = ["rendered"]


def rendered(
    outputs: Iterable[Mapping[str, Any]], note: str, widgets: States | None = None
) -> Iterator[RenderableType]:
    """
    Give what rich prints, one below the other.

    Args:
        outputs: nbformat outputs.
        note: How the run stands, if that is to be said.
        widgets: What widgets show at last, by their models.
    """
    for output in outputs:
        match output["output_type"]:
            case "stream":
                yield _text(text_of(output["text"]), "red" if output["name"] == "stderr" else "")
            case "error":
                traceback = "\n".join(output["traceback"])
                yield _text(traceback or f"{output['ename']}: {output['evalue']}")
            case _:
                yield from _display(output["data"], widgets or {})
    if note:
        yield Text(clean(note), "dim")


def _display(data: Mapping[str, Any], widgets: States) -> Iterator[RenderableType]:
    model = model_of(data)
    shown = None if model is None else widget_text(widgets, model)
    if shown is not None:
        yield _text(shown)
        return
    words = words_of(data)
    if words.mime == "text/markdown":
        yield Markdown(clean(words.text))
    elif words.text.strip():
        yield _text(words.text)
    for mime, value in data.items():
        if is_binary(mime) or not words.text.strip():
            yield Text(clean(line_of(mime, value)), "dim")


def _text(text: str, style: str = "") -> Text:
    return Text.from_ansi(coloured(text).removesuffix("\n"), style=style)
