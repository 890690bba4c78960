"""How does nbclient run code for a loop? A notebook to which each call adds a cell."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

sys.path.append(str(Path(__file__).parents[1]))

from reading import read


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
        except Exception as error:  # the cell keeps what had come
            text, images = read(cell.outputs)
            return f"{text}\n{type(error).__name__}: {error}", images
        return read(cell.outputs)

    async def close(self) -> None:
        await self.kernel.__aexit__(None, None, None)
