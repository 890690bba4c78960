"""The parts of a result become content blocks of a model's API."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from conkernelclient.agent.blocks import EMPTY, to_anthropic, to_mcp, to_openai
from conkernelclient.outputs.parts import ErrorPart, ImagePart, Part, TextPart

PARTS: list[Part] = [TextPart("a"), ImagePart(b"png", "image/png"), ErrorPart("E: m")]
DATA = base64.b64encode(b"png").decode()


def openai_chat(parts: Any) -> Any:
    return to_openai(parts, "chat")


ALL = [to_mcp, to_anthropic, to_openai, openai_chat]


def test_text_errors_and_images_are_blocks_in_their_order() -> None:
    """In the form that each API documents."""
    image: Any = {"type": "image", "data": DATA, "mimeType": "image/png"}
    text: Any = [{"type": "text", "text": "a"}, {"type": "text", "text": "E: m"}]
    assert to_mcp(PARTS) == [text[0], image, text[1]]
    source = {"type": "base64", "media_type": "image/png", "data": DATA}
    assert to_anthropic(PARTS) == [text[0], {"type": "image", "source": source}, text[1]]
    url = f"data:image/png;base64,{DATA}"
    assert to_openai(PARTS) == [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "detail": "auto", "image_url": url},
        {"type": "input_text", "text": "E: m"},
    ]
    image = {"type": "image_url", "image_url": {"url": url}}
    assert openai_chat(PARTS) == [text[0], image, text[1]]


@pytest.mark.parametrize("adapt", ALL)
def test_blocks_are_json_and_never_none(adapt: Any) -> None:
    """Some services refuse a message without content, and none takes empty text."""
    assert json.loads(json.dumps(adapt(PARTS))) == adapt(PARTS)
    (block,) = adapt([])
    assert block["text"] == EMPTY


@pytest.mark.parametrize("adapt", ALL)
@pytest.mark.parametrize(
    ("image", "line"),
    [
        (
            ImagePart(None, "image/png", "/x/i.png", "[image/png: /x/i.png]"),
            "[image/png: /x/i.png]",
        ),
        (ImagePart(None, "image/png", "/x/i.png"), "/x/i.png"),
        (ImagePart(b"II", "image/tiff"), "[image/tiff]"),
    ],
)
def test_an_image_that_a_model_cannot_take_is_a_line(adapt: Any, image: Part, line: str) -> None:
    """One in a file, or of another type."""
    (block,) = adapt([image])
    assert block["text"] == line


def test_an_unknown_api_is_named() -> None:
    """Before anything is made."""
    with pytest.raises(ValueError, match='"responses" or "chat", not \'x\''):
        to_openai(PARTS, "x")  # type: ignore[arg-type]
