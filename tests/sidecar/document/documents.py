"""Both kinds of document that take outputs, with one way to look into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_ydoc import YNotebook

from conkernelclient.sidecar.document import Notebook, NotebookSink, OutputSink, new_cell
from conkernelclient.sidecar.document.ynotebook import YNotebookSink

if TYPE_CHECKING:
    from collections.abc import Callable


def content() -> dict[str, Any]:
    """Two cells of code, one of text, with the metadata that a YNotebook adds."""
    cells = [new_cell(source=f"print({name!r})", cell_id=name) for name in "ab"]
    metadata = {"kernelspec": {"name": "", "display_name": ""}, "language_info": {"name": ""}}
    return Notebook([*cells, new_cell("markdown", "x", cell_id="text")], metadata).to_dict()


class Plain:
    """A `Notebook`."""

    def __init__(self) -> None:
        self.notebook = Notebook.from_dict(content())
        self.sink: OutputSink = NotebookSink(self.notebook)
        self.get: Callable[[], dict[str, Any]] = self.notebook.to_dict

    def delete_first(self) -> None:
        """Delete the first cell, as another may."""
        self.notebook.remove(self.notebook.ids[0])


class Shared:
    """A `YNotebook`."""

    def __init__(self) -> None:
        self.notebook = YNotebook()
        self.notebook.set(content())
        self.sink: OutputSink = YNotebookSink(self.notebook)
        self.get: Callable[[], dict[str, Any]] = self.notebook.get

    def delete_first(self) -> None:
        """Delete the first cell, as another may."""
        del self.notebook.ycells[0]


DOCUMENTS: list[Callable[[], Plain | Shared]] = [Plain, Shared]
