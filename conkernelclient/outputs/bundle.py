"""How does a notebook show outputs that are the value of a cell?"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from .display import in_words
from .mime import joined
from .terminal import fold
from .text import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["as_bundle"]

MARKED: Final = 'style="background: #fdd; color: #000"'  # what is on stderr, as front ends do it


def as_bundle(
    outputs: Sequence[Mapping[str, Any]], note: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Give one MIME bundle that shows `outputs`, and its metadata.

    Args:
        outputs: nbformat outputs.
        note: What is shown if there are none.
    """
    if len(outputs) == 1 and outputs[0]["output_type"] in ("display_data", "execute_result"):
        only = outputs[0]
        return {"text/plain": note, **only["data"]}, dict(only["metadata"])
    plain = as_text(outputs).removesuffix("\n") or note
    html = "\n".join(map(_as_html, outputs)) or _pre(note)
    return {"text/plain": plain, "text/html": html}, {}


def _as_html(output: Mapping[str, Any]) -> str:
    match output["output_type"]:
        case "stream":
            return _pre(joined(output["text"]), MARKED if output["name"] == "stderr" else "")
        case "error":
            text = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
            return _pre(text, MARKED)
        case _:
            return _display(output["data"])


def _display(data: Mapping[str, Any]) -> str:
    """Give a display as HTML, the richest that it has, in the order of the notebook's front end."""
    if "text/html" in data:
        return f"<div>{joined(data['text/html'])}</div>"
    for mime, content in data.items():
        if mime == "image/svg+xml":
            return f"<div>{joined(content)}</div>"
        if mime.startswith("image/"):
            source = f"data:{mime};base64,{''.join(joined(content).split())}"
            return f'<div><img src="{escape(source)}"></div>'
    if "text/latex" in data:
        return f"<div>{escape(joined(data['text/latex']))}</div>"
    return _pre(in_words(data))


def _pre(text: str, attributes: str = "") -> str:
    return f"<pre {attributes}>{escape(fold(text))}</pre>".replace("<pre >", "<pre>")
