"""
How does nbclient run code for a loop? A notebook to which a cell is added for each call.

It gives nbformat outputs; the text of them is made as most loops do it: streams, `text/plain` and
tracebacks, one after the other.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

sys.path[:] = [place for place in sys.path if not place.endswith("contestants")]

import nbformat  # noqa: E402
from nbclient import NotebookClient  # noqa: E402


def read(outputs: list[Any]) -> tuple[str, list[bytes]]:
    """Give text and images of nbformat outputs."""
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


class Loop:
    def __init__(self, timeout: float) -> None:
        self.client = NotebookClient(
            nbformat.v4.new_notebook(),
            timeout=timeout,
            kernel_name="python3",
            allow_errors=True,
            interrupt_on_timeout=True,
        )

    async def open(self) -> None:
        self.kernel = self.client.async_setup_kernel()
        await self.kernel.__aenter__()

    async def call(self, code: str) -> tuple[str, list[bytes]]:
        cells = self.client.nb.cells
        cells.append(nbformat.v4.new_code_cell(code))
        cell = cells[-1]
        try:
            await self.client.async_execute_cell(cell, len(cells) - 1)
        except Exception as error:
            if not cell.outputs:
                raise
            text, images = read(cell.outputs)
            return f"{text}\n{type(error).__name__}: {error}", images
        return read(cell.outputs)

    async def close(self) -> None:
        await self.kernel.__aexit__(None, None, None)
