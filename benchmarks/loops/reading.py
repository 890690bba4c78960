"""
What does a loop read of nbformat outputs, where its library gives no text?

As most loops do it: streams, `text/plain` and tracebacks one after the other, and each PNG.
"""

from __future__ import annotations

import base64
from typing import Any


def read(outputs: list[dict[str, Any]]) -> tuple[str, list[bytes]]:
    """Give the text and the images of nbformat outputs."""
    texts: list[str] = []
    images: list[bytes] = []
    for output in outputs:
        if output["output_type"] == "stream":
            texts.append(output["text"])
        elif output["output_type"] == "error":
            texts.append("\n".join(output["traceback"]))
        elif "image/png" in output["data"]:
            images.append(base64.b64decode(output["data"]["image/png"]))
        else:
            texts.append(output["data"].get("text/plain", ""))
    return "".join(texts), images
