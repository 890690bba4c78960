"""How does a notebook show outputs that are the value of a cell?"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from .display import in_words
from .mime import dict_of, joined
from .terminal import fold
from .text import as_text
from .widgets import WIDGET_VIEW, model_of, widget_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .widgets import States

__all__ = ["as_bundle"]

PLAIN: Final = "text/plain"
MARKED: Final = 'style="background: #fdd; color: #000"'  # what is on stderr, as front ends do it


def as_bundle(
    outputs: Sequence[Mapping[str, Any]], note: str, widgets: States | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Give one MIME bundle that shows `outputs`, and its metadata.

    Args:
        outputs: nbformat outputs.
        note: How the run stands, if that is to be said; shown after the outputs.
        widgets: What widgets show at last, by their models: no front end of ours reaches these.
    """
    shown = [_without_widget(it, widgets or {}) for it in outputs]
    if len(shown) == 1 and not note and "data" in shown[0]:
        only = shown[0]
        return {PLAIN: in_words(only["data"]), **only["data"]}, dict(only["metadata"])
    plain = as_text(map(_with_words, shown)).removesuffix("\n")
    html = list(map(_as_html, shown))
    if note:
        plain = f"{plain}\n{note}" if plain else note
        html.append(_pre(note))
    return {PLAIN: plain, "text/html": "\n".join(html)}, {}


def _without_widget(output: Mapping[str, Any], widgets: States) -> Mapping[str, Any]:
    """Give a widget as the text that it shows."""
    model = model_of(output["data"]) if "data" in output else None
    if model is None:
        return output
    data = {mime: it for mime, it in output["data"].items() if mime != WIDGET_VIEW}
    text = widget_text(widgets, model)
    return {**output, "data": data if text is None else {PLAIN: text}}


def _with_words(output: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a display that has no plain text some words."""
    if "data" not in output or PLAIN in output["data"]:
        return output
    return {**output, "data": {PLAIN: in_words(output["data"])}}


def _as_html(output: Mapping[str, Any]) -> str:
    match output["output_type"]:
        case "stream":
            return _pre(joined(output["text"]), MARKED if output["name"] == "stderr" else "")
        case "error":
            text = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
            return _pre(text, MARKED)
        case _:
            return _display(output["data"], output["metadata"])


def _display(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Give a display as HTML, the richest that it has, in the order of the notebook's front end."""
    if "text/html" in data:
        return f"<div>{joined(data['text/html'])}</div>"
    for mime, content in data.items():
        if mime == "image/svg+xml":
            return f"<div>{joined(content)}</div>"
        if mime.startswith("image/"):
            source = f"data:{mime};base64,{''.join(joined(content).split())}"
            return f'<div><img src="{escape(source)}"{_size(metadata.get(mime))}></div>'
    if "text/latex" in data:
        return f"<div>{escape(joined(data['text/latex']))}</div>"
    return _pre(in_words(data))


def _size(metadata: object) -> str:
    """Give the attributes of an image's size, which a display may ask for: a sharp one is small."""
    known = dict_of(metadata)
    sizes = ((name, known.get(name)) for name in ("width", "height"))
    return "".join(f' {name}="{size}"' for name, size in sizes if type(size) in (int, float))


def _pre(text: str, attributes: str = "") -> str:
    return f"<pre {attributes}>{escape(fold(text))}</pre>".replace("<pre >", "<pre>")
