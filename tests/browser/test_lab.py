"""Does JupyterLab in a real browser show what this kernel can? Run by `make browser`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .lab import Notebook

    Opened = Callable[..., Notebook]

# Each ends only if the other one runs meanwhile.
GATES: Final = "import asyncio\nfirst, second = asyncio.Event(), asyncio.Event()"
FIRST: Final = "print('the first waits')\nfirst.set()\nawait second.wait()\n'the first'"
SECOND: Final = "print('the second runs')\nsecond.set()\nawait first.wait()\n'the second'"
# Holds the main thread until another cell, in a thread, lets it go.
BLOCKING: Final = (
    "import time\nreleased_by_hand = []\nprint('blocks')\n"
    "while not released_by_hand:\n    time.sleep(0.01)\n'released'"
)
RELEASE: Final = "# thread\nreleased_by_hand.append(True)"
SLIDER: Final = (
    "import asyncio\nimport ipywidgets\n"
    "slider, seen = ipywidgets.IntSlider(description='n'), ipywidgets.Output()\n"
    "moved = asyncio.Event()\n\n"
    "def tell(change):\n    with seen:\n        print('moved to', change.new)\n    moved.set()\n\n"
    "slider.observe(tell, 'value')\ndisplay(slider, seen)"
)
AWAIT_SLIDER: Final = "print('waits for the slider')\nawait moved.wait()\nslider.value"
FIGURE: Final = {"x": 0, "y": 0, "width": 920, "height": 760}
LARGEST: Final = 200_000  # bytes of the picture


def test_two_cells_run_at_once(opened: Opened) -> None:
    """Neither ends without the other; what each prints and gives is below it."""
    notebook = opened(GATES, FIRST, SECOND)
    notebook.run(0)
    notebook.run(1)
    expect(notebook.outputs(1)).to_have_text(["the first waits\n"])
    notebook.expect_running(1)
    notebook.run(2)
    expect(notebook.outputs(1)).to_have_text(["the first waits\n", "'the first'"])
    expect(notebook.outputs(2)).to_have_text(["the second runs\n", "'the second'"])
    notebook.expect_ended(1, 2)


def test_a_completion_comes_while_a_cell_blocks(opened: Opened) -> None:
    """The completer opens with a name of that cell, which goes on."""
    notebook = opened(BLOCKING, "", RELEASE)
    notebook.run(0)
    expect(notebook.outputs(0)).to_have_text(["blocks\n"])
    complete(notebook, 1, "released_by_", "released_by_hand")
    notebook.expect_running(0)
    notebook.page.keyboard.press("Enter")
    expect(notebook.editor(1)).to_have_text("released_by_hand")
    notebook.run(2)
    expect(notebook.outputs(0)).to_have_text(["blocks\n", "'released'"])


def test_an_interrupt_stops_the_cell_that_runs(opened: Opened) -> None:
    """By the button; it shows a KeyboardInterrupt, and the next cell runs in the same kernel."""
    notebook = opened("import time\nkept = 6\nprint('sleeps')\ntime.sleep(600)", "kept * 7")
    notebook.run(0)
    expect(notebook.outputs(0)).to_have_text(["sleeps\n"])
    notebook.page.get_by_role("button", name="Interrupt the kernel").click()
    expect(notebook.outputs(0).last).to_contain_text("KeyboardInterrupt")
    notebook.expect_ended(0)
    notebook.run(1)
    expect(notebook.outputs(1)).to_have_text(["42"])


def test_a_widget_is_heard_while_a_cell_awaits_it(opened: Opened) -> None:
    """The observer's output appears, and the cell that waits for it goes on."""
    notebook = opened(SLIDER, AWAIT_SLIDER)
    notebook.run(0)
    handle = notebook.cells.nth(0).locator(".noUi-handle")
    expect(handle).to_be_visible()
    notebook.run(1)
    expect(notebook.outputs(1)).to_have_text(["waits for the slider\n"])
    handle.press("ArrowRight")
    expect(notebook.cells.nth(0)).to_contain_text("moved to 1")
    expect(notebook.outputs(1)).to_have_text(["waits for the slider\n", "1"])


def test_all_of_it_is_in_one_picture(opened: Opened, picture: Path) -> None:
    """Two cells that run, a slider that was moved meanwhile, and a completion."""
    waiting = "print('{0} runs')\nawait {0}.wait()"
    two = (f"{GATES}\n{waiting.format('first')}", waiting.format("second"))
    notebook = opened(SLIDER, *two, "", name="concurrent")
    notebook.page.keyboard.press("Control+b")  # the list of files goes
    notebook.run(0)
    handle = notebook.cells.nth(0).locator(".noUi-handle")
    expect(handle).to_be_visible()
    for number, name in ((1, "first"), (2, "second")):
        notebook.run(number)
        expect(notebook.outputs(number)).to_have_text([f"{name} runs\n"])
    handle.press("ArrowRight")
    expect(notebook.cells.nth(0)).to_contain_text("moved to 1")
    complete(notebook, 3, "second.", "is_set")
    notebook.expect_running(1, 2)
    notebook.page.screenshot(path=picture, clip=FIGURE)
    assert picture.stat().st_size < LARGEST


def complete(notebook: Notebook, number: int, beginning: str, name: str) -> None:
    """Type into a cell, ask for what the name could be, and wait until this one is offered."""
    notebook.editor(number).click()
    notebook.page.keyboard.type(beginning)
    notebook.page.keyboard.press("Tab")
    offered = notebook.page.locator(".jp-Completer-item")
    expect(offered.filter(has_text=name)).to_be_visible()
