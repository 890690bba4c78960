"""
How do the parts of a result become content blocks of a model's API?

Each function gives plain dicts, as the API's own clients take them; none of these is imported. An
image that is in a file, or of a type that no model takes, is its line of text. Where there are no
parts a block says so, since some services refuse a message without content.

Sources: Model Context Protocol, revision 2025-06-18, "Tools", "Tool Result"; Anthropic's Messages
API, `tool_result`; OpenAI's Responses API, `function_call_output`, and its Chat Completions API.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..outputs.parts import ImagePart, Part

__all__ = ["EMPTY", "to_anthropic", "to_mcp", "to_openai"]

EMPTY: Final = "[no output]"
TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def to_mcp(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """
    Give the `content` of an MCP tool result, as it is sent.

    `{"type": "text", "text"}` and `{"type": "image", "data", "mimeType"}`, the data in base64. The
    SDK's models read each with `TypeAdapter(ContentBlock).validate_python(block)`.
    """

    def image(part: ImagePart, data: str) -> dict[str, Any]:
        return {"type": "image", "data": data, "mimeType": part.mime_type}

    return _blocks(parts, "text", image)


def to_anthropic(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """
    Give the `content` of a `tool_result` block, or of a user's message.

    `{"type": "text", "text"}` and `{"type": "image", "source": {"type": "base64", "media_type",
    "data"}}`. Whether the tool failed is the block's `is_error`: of an exception in the user's
    code that is for the loop to say.
    """

    def image(part: ImagePart, data: str) -> dict[str, Any]:
        source = {"type": "base64", "media_type": part.mime_type, "data": data}
        return {"type": "image", "source": source}

    return _blocks(parts, "text", image)


def to_openai(
    parts: Iterable[Part], api: Literal["responses", "chat"] = "responses"
) -> list[dict[str, Any]]:
    """
    Give content for one of OpenAI's APIs.

    Args:
        parts: Of a result.
        api: "responses": the `output` of a `function_call_output`, or the content of a message:
            `{"type": "input_text", "text"}` and `{"type": "input_image", "detail", "image_url"}`.
            "chat": the content of a message: `{"type": "text", "text"}` and `{"type": "image_url",
            "image_url": {"url"}}`. A message of the role "tool" takes text alone there: its images
            go into a user's message that follows, or are left out by `parts(images="none")`.

    Raises:
        ValueError: `api` is neither.
    """

    def input_image(part: ImagePart, data: str) -> dict[str, Any]:
        url = f"data:{part.mime_type};base64,{data}"
        return {"type": "input_image", "detail": "auto", "image_url": url}

    def image_url(part: ImagePart, data: str) -> dict[str, Any]:
        url = f"data:{part.mime_type};base64,{data}"
        return {"type": "image_url", "image_url": {"url": url}}

    match api:
        case "responses":
            return _blocks(parts, "input_text", input_image)
        case "chat":
            return _blocks(parts, "text", image_url)
        case _:  # pyright: ignore[reportUnnecessaryComparison]
            raise ValueError(f'api is "responses" or "chat", not {api!r}')


def _blocks(
    parts: Iterable[Part], text_type: str, image: Callable[[ImagePart, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for part in parts:
        if part.kind != "image":
            blocks.append({"type": text_type, "text": part.text})
        elif part.data is not None and part.mime_type in TYPES:
            blocks.append(image(part, base64.b64encode(part.data).decode("ascii")))
        else:
            blocks.append(
                {"type": text_type, "text": part.alt or part.path or f"[{part.mime_type}]"}
            )
    return blocks or [{"type": text_type, "text": EMPTY}]
