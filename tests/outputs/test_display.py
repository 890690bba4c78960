"""A display is told by its content, in words."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from conkernelclient.outputs.text import for_model
from tests.outputs.stored import png, shown

REPR = "<IPython.core.display.HTML object>"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"text/plain": "   a  b\n0  1  2", "text/html": "<table>"}, "   a  b\n0  1  2"),
        ({"text/plain": REPR, "text/html": "<b>bold</b> &amp; <i>more</i>"}, "bold & more"),
        ({"text/plain": REPR, "text/html": "<p>h</p>", "text/markdown": "# m"}, "# m"),
        ({"text/plain": REPR, "text/latex": "$x$", "application/json": {"a": 1}}, "$x$"),
        ({"text/plain": REPR, "application/json": {"a": ["é"]}, "text/html": "h"}, '{"a": ["é"]}'),
        ({"text/html": ["<p>a", "</p><p>b</p>"]}, "a\nb"),
        ({"text/plain": REPR, "text/csv": "a,b"}, "a,b"),
        ({"text/plain": REPR, "application/geo+json": {"type": "P"}}, '{"type": "P"}'),
        ({"text/plain": "<Figure at 0x7f>"}, "<Figure at 0x7f>"),
        ({"text/plain": REPR, "text/html": "<script>x</script>"}, REPR),
        ({"text/plain": "", "text/markdown": "m"}, "m"),
    ],
)
def test_a_display_is_shown_by_its_content_before_an_objects_repr(data: Any, text: str) -> None:
    """In the order that `conkernelclient.outputs.display` gives."""
    assert for_model([shown(data)]) == text + "\n"


def test_an_image_is_described_by_type_pixels_and_bytes() -> None:
    """With its repr, and without pixels where its header tells none."""
    image = base64.b64encode(png(640, 480)).decode()
    data = {"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": image}
    assert for_model([shown(data)]) == (
        "<Figure size 640x480 with 1 Axes>\n[image/png, 640x480 pixels, 33 bytes]\n"
    )
    assert for_model([shown({"image/webp": "UklGRg=="})]) == "[image/webp, 4 bytes]\n"
    assert for_model([shown({"image/svg+xml": "<svg é/>"})]) == "[image/svg+xml, 9 bytes]\n"
    assert for_model([shown({"image/svg+xml": "<svg/>"})]) == "[image/svg+xml, 6 bytes]\n"
