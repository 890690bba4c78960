"""What kernel-sidecar promises of a document's outputs holds here, with a real ipykernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat

from conkernelclient.outputs.notebook_widgets import STATE
from conkernelclient.sidecar import OutputHandler, Sidecar
from conkernelclient.sidecar.document import Notebook, NotebookSink, OutputFeed, new_cell

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

INSIDE = """
import ipywidgets
out = ipywidgets.Output()
display(out)
print('before')
with out:
    print('inside')
    display('shown inside')
print('behind')
"""


class Document:
    """A notebook whose cells are run one after the other."""

    def __init__(self, *sources: str) -> None:
        cells = [
            new_cell(source=source, cell_id=f"c{place}") for place, source in enumerate(sources)
        ]
        self.notebook = Notebook(cells)
        self.feed = OutputFeed(NotebookSink(self.notebook))

    async def run(self, km: ConKernelManager) -> None:
        """Run all of its cells."""
        async with Sidecar(km) as sidecar:
            for cell in self.notebook:
                handler = OutputHandler(self.feed, cell["id"], sidecar=sidecar)
                action = sidecar.execute_request(
                    cell["source"], cell_id=cell["id"], handlers=[handler], stop_on_error=False
                )
                result = await action
                assert action.failures == []
                assert cell["execution_count"] == result.execution_count
        nbformat.validate(self.notebook.to_dict())

    def shown(self, place: int) -> list[Any]:
        """What the cell shows, in short."""
        return [short(output) for output in self.notebook.cells[place]["outputs"]]

    def widgets(self) -> dict[str, Any]:
        """What each widget holds at last."""
        models = self.notebook.metadata["widgets"][STATE]["state"]
        return {model: entry["state"] for model, entry in models.items()}


def short(output: dict[str, Any]) -> Any:
    """An output in short."""
    match output["output_type"]:
        case "stream":
            return output["text"]
        case "error":
            return output["ename"]
        case _:
            return output["data"].get("text/plain")


async def test_what_is_printed_is_one_output_until_something_else_comes(
    ipykernel: ConKernelManager,
) -> None:
    """Of each stream."""
    document = Document(
        "import sys\nfor n in range(3):\n    print(n, flush=True)\n"
        "display('x')\nprint('a', flush=True)\nprint('b', flush=True)\n"
        "print('c', file=sys.stderr, flush=True)"
    )
    await document.run(ipykernel)
    assert document.shown(0) == ["0\n1\n2\n", "'x'", "a\nb\n", "c\n"]


async def test_a_display_is_the_same_in_four_cells(ipykernel: ConKernelManager) -> None:
    """Whichever of them shows or updates it."""
    document = Document(
        "one = display('first', display_id='shared')",
        "two = display('second', display_id='shared')",
        "one.update('third')",
        "display('alone'); two.update('last')",
    )
    await document.run(ipykernel)
    assert document.shown(0) == ["'last'"]
    assert document.shown(1) == ["'last'"]
    assert document.shown(2) == []
    assert document.shown(3) == ["'alone'"]


CLEAR = "from IPython.display import clear_output\nprint('old')\n"


async def test_what_is_cleared_goes_at_once(ipykernel: ConKernelManager) -> None:
    """And what comes after it stays."""
    document = Document(CLEAR + "clear_output()\nprint('new')", CLEAR + "clear_output()")
    await document.run(ipykernel)
    assert document.shown(0) == ["new\n"]
    assert document.shown(1) == []


async def test_what_is_cleared_with_wait_goes_when_something_comes(
    ipykernel: ConKernelManager,
) -> None:
    """Of any kind."""
    document = Document(
        CLEAR + "clear_output(wait=True)\nprint('new')",
        CLEAR + "clear_output(wait=True)\ndisplay('new')",
        CLEAR + "clear_output(wait=True)\n1 / 0",
    )
    await document.run(ipykernel)
    assert [document.shown(place) for place in range(3)] == [
        ["new\n"],
        ["'new'"],
        ["ZeroDivisionError"],
    ]


async def test_what_is_cleared_with_wait_stays_if_nothing_comes(
    ipykernel: ConKernelManager,
) -> None:
    """Neither in the cell nor from the next one."""
    document = Document(CLEAR + "clear_output(wait=True)", "print('next')")
    await document.run(ipykernel)
    assert document.shown(0) == ["old\n"]
    assert document.shown(1) == ["next\n"]


async def test_an_output_widget_takes_what_is_shown_inside_it(ipykernel: ConKernelManager) -> None:
    """The cell does not show it, the document keeps it, and the kernel knows it."""
    document = Document(INSIDE, "len(out.outputs)", "out.clear_output()", "len(out.outputs)")
    await document.run(ipykernel)
    assert document.shown(0) == ["Output()", "before\nbehind\n"]
    assert document.shown(1) == ["2"]
    assert document.shown(3) == ["0"]


async def test_what_an_output_widget_took_is_in_the_saved_notebook(
    ipykernel: ConKernelManager,
) -> None:
    """Beside the other widgets' state."""
    document = Document(INSIDE)
    await document.run(ipykernel)
    (held,) = [state["outputs"] for state in document.widgets().values() if "outputs" in state]
    assert [short(output) for output in held] == ["inside\n", "'shown inside'"]


async def test_an_error_inside_an_output_widget_is_shown_in_it(ipykernel: ConKernelManager) -> None:
    """And what the next cell shows is that cell's."""
    document = Document(
        "import ipywidgets\nout = ipywidgets.Output()\ndisplay(out)\nwith out:\n    1 / 0",
        "print('outside')",
        "out.outputs[0]['ename']",
    )
    await document.run(ipykernel)
    (held,) = [state["outputs"] for state in document.widgets().values() if "outputs" in state]
    assert [short(output) for output in held] == ["ZeroDivisionError"]
    assert document.shown(0) == ["Output()"]
    assert document.shown(1) == ["outside\n"]
    assert document.shown(2) == ["'ZeroDivisionError'"]
