"""Does the sidecar's page in a real browser show what the session has? Run by `make browser`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from .page import Served, serving_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

LARGEST: Final = 150_000  # bytes of the picture
PLOT: Final = (
    "import numpy as np, matplotlib.pyplot as plt\n\n"
    "x = np.linspace(0, 12, 400)\n"
    "fig, ax = plt.subplots(figsize=(7.2, 2.6))\n"
    "ax.plot(x, np.sin(x) * np.exp(-x / 8))  # a wave that ends\n"
    "ax.grid(alpha=0.3)"
)
TABLE: Final = (
    "from IPython.display import HTML\n"
    "HTML('<table><tr><th>kernel</th><th>cells</th></tr><tr><td>python3</td><td>3</td></tr></table>')"
)
TEXT: Final = (
    "# One notebook, many pages\n\n"
    "Each page sees **every change**: edits, outputs and what runs.\n\n"
    "- `Shift-Enter` runs a cell\n- a [link](https://example.org), and <b>no HTML</b>"
)
# What a cell's HTML might try to get at the page's token; what it finds is written into itself.
ATTACK: Final = """
from IPython.display import HTML
HTML('''<p id="found"></p><script>
const tries = {
  storage: () => sessionStorage.getItem("conkernel-token"),
  local: () => JSON.stringify(localStorage),
  parent: () => parent.document.body.innerHTML,
  above: () => top.sessionStorage.getItem("conkernel-token"),
  address: () => parent.location.href,
  referrer: () => document.referrer,
  cookie: () => document.cookie,
  here: () => location.href,
};
const found = {};
for (const [name, attempt] of Object.entries(tries)) {
  try { found[name] = String(attempt()); } catch (error) { found[name] = error.name; }
}
(async () => {
  const server = new URL("/", location.href).href;
  for (const path of ["", "schema.json"]) {
    try { found["fetch " + path] = await (await fetch(server + path)).text(); }
    catch (error) { found["fetch " + path] = error.name; }
  }
  found.socket = await new Promise((resolve) => {
    try {
      const socket = new WebSocket(server.replace("http", "ws") + "socket");
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("refused");
    } catch (error) { resolve(error.name); }
  });
  parent.postMessage({ height: 1e9, html: "<img src=x>", type: "snapshot" }, "*");
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>''')
"""


def text(source: str) -> dict[str, Any]:
    """A cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": source}


@pytest.fixture
def serve(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serve a notebook of these cells."""
    opened = []

    def serve(*cells: Any) -> Served:
        opened.append(serving_page(browser, tmp_path, *cells))
        return opened[-1].__enter__()

    yield serve
    for one in opened:
        one.__exit__(None, None, None)


def test_a_cell_runs_and_a_second_page_sees_it(serve: Callable[..., Served]) -> None:
    """A plot appears in both; so does what is typed in the second."""
    served = serve(PLOT)
    first = served.open()
    expect(first.source(0)).to_have_value(PLOT)
    expect(first.cells.nth(0).locator(".editor .k").first).to_have_text("import")
    first.run(0)
    plot = first.outputs(0).locator("xpath=self::img")
    expect(plot).to_be_visible()
    assert plot.evaluate("image => image.complete && image.naturalWidth > 100")
    second = served.open()
    expect(second.outputs(0).locator("xpath=self::img")).to_be_visible()
    expect(second.number(0)).to_have_text("[1]")
    second.source(0).fill("6 * 7")
    expect(first.source(0)).to_have_value("6 * 7")
    second.run(0)
    expect(first.outputs(0)).to_have_text(["42"])


def test_cells_are_added_moved_changed_and_deleted(serve: Callable[..., Served]) -> None:
    """Here and there; the file has it in the end."""
    served = serve("'first'", text("*second*"))
    here, there = served.open(), served.open()
    expect(there.cells.nth(1).locator(".rendered em")).to_have_text("second")
    here.push("Add code")
    expect(here.source(2)).to_be_focused()
    here.page.keyboard.type("'third'")
    expect(there.source(2)).to_have_value("'third'")
    here.cells.nth(2).get_by_label("Move the cell up").click()
    expect(there.source(1)).to_have_value("'third'")
    there.cells.nth(0).get_by_label("Delete the cell").click()
    expect(here.cells).to_have_count(2)
    there.cells.nth(1).locator(".rendered").dblclick()
    there.source(1).fill("now **bold**")
    there.page.keyboard.press("Control+Enter")
    expect(here.cells.nth(1).locator("strong")).to_have_text("bold")
    expect(there.cells.nth(1).locator("strong")).to_have_text("bold")
    here.cells.nth(1).get_by_label("Type of the cell").select_option("code")
    expect(there.source(1)).to_be_visible()
    here.push("Save")
    there.source(0).press("Shift+Enter")
    expect(here.outputs(0)).to_have_text(["'third'"])
    here.push("Save")
    served.stop()
    cells = json.loads(served.path.read_text())["cells"]
    assert ["".join(one["source"]) for one in cells] == ["'third'", "now **bold**"]
    assert cells[0]["outputs"][0]["data"]["text/plain"] == ["'third'"]


def test_texts_have_colours_and_errors_are_shown(serve: Callable[..., Served]) -> None:
    """A progress bar overwrites itself; an image of SVG is an image; HTML in text is text."""
    served = serve(
        "print('\\x1b[31mred\\x1b[0m and \\x1b[1mbold\\x1b[0m'); print('10%\\r20%\\r30%')",
        "1 / 0",
        'from IPython.display import SVG\nSVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="9" '
        'height="9"><script>document.title=1</script></svg>\')',
        text("<img src=x onerror='document.title=1'> [x](javascript:document.title=1)"),
        "print('<b>not bold</b>')",
    )
    page = served.open()
    page.push("Run all")
    expect(page.outputs(0).locator(".f1")).to_have_text("red")
    expect(page.outputs(0)).to_have_text(["red and bold\n30%\n"])
    expect(page.outputs(1)).to_contain_text(["ZeroDivisionError: division by zero"])
    expect(page.cells.nth(2).locator(".state")).to_have_text("aborted")
    page.run(2)
    page.run(4)
    expect(page.outputs(4)).to_have_text(["<b>not bold</b>\n"])
    expect(page.outputs(2).locator("xpath=self::img")).to_be_visible()
    rendered = page.cells.nth(3).locator(".rendered")
    expect(rendered.locator("img")).to_have_count(0)
    expect(rendered.locator("a")).to_have_count(0)
    expect(page.page).to_have_title("analysis.ipynb")


def test_text_that_goes_on_is_told_from_where_it_was(serve: Callable[..., Served]) -> None:
    """And is one output in each page, also in one that comes amid it."""
    served = serve("import time\nfor n in range(8):\n    print(n, flush=True); time.sleep(0.3)")
    first = served.open()
    first.run(0)
    expect(first.outputs(0)).to_contain_text(["2"])
    second = served.open()
    whole = "".join(f"{number}\n" for number in range(8))
    for page in (first, second):
        expect(page.outputs(0)).to_have_text([whole])
        assert any('"text_appended"' in told for told in page.told)
    changed = [told for told in first.told if '"outputs_changed"' in told]
    assert not any(r"5\n6\n7" in told for told in changed)


def test_outputs_of_another_source_are_marked(serve: Callable[..., Served]) -> None:
    """In each page, also in one that comes later; not when the source is the old one again."""
    served = serve("1 + 1", "2")
    first = served.open()
    first.run(0)
    expect(first.outputs(0)).to_have_text(["2"])
    first.source(0).fill("1 + 2")
    second = served.open()
    for page in (first, second):
        expect(page.cells.nth(0)).to_have_class(re.compile(r"\bstale\b"))
        expect(page.cells.nth(0).locator(".state")).to_have_text("edited since it ran")
        expect(page.cells.nth(1)).not_to_have_class(re.compile(r"\bstale\b"))
    first.source(0).fill("1 + 1")
    expect(first.cells.nth(0).locator(".state")).to_have_text("")
    second.source(0).fill("1 + 2")
    second.run(0)
    for page in (first, second):
        expect(page.outputs(0)).to_have_text(["3"])
        expect(page.cells.nth(0)).not_to_have_class(re.compile(r"\bstale\b"))


def test_input_interrupt_cancel_and_restart(serve: Callable[..., Served]) -> None:
    """By what the page offers."""
    served = serve(
        "name = input('who? ')\nname", "import time\ntime.sleep(600)", "'behind'", "name"
    )
    page, other = served.open(), served.open()
    page.run(0)
    other.cells.nth(0).get_by_label("who?").fill("Ada")
    page.cells.nth(0).get_by_label("who?").press("End")
    other.cells.nth(0).get_by_role("button", name="Answer").click()
    expect(page.outputs(0)).to_contain_text(["'Ada'"])
    expect(page.cells.nth(0).get_by_label("who?")).to_have_count(0)
    page.run(1)
    page.run(2)
    expect(page.cells.nth(2).locator(".state")).to_have_text("queued")
    page.cells.nth(2).get_by_label("Cancel the cell").click()
    expect(other.cells.nth(2).locator(".state")).to_have_text("cancelled")
    page.push("Interrupt")
    expect(page.outputs(1)).to_contain_text(["KeyboardInterrupt"])
    page.push("Restart")
    expect(other.page.locator("#kernel")).to_have_text("idle")
    page.run(3)
    expect(other.outputs(3)).to_contain_text(["NameError"])


def test_a_lost_connection_is_told_and_made_again(serve: Callable[..., Served]) -> None:
    """What is typed meanwhile is there afterwards."""
    served = serve("1")
    page = served.open()
    served.stop()
    expect(page.page.locator("#kernel")).to_have_text("offline")
    expect(page.page.locator("#notes")).to_contain_text("is kept")
    page.source(0).fill("6 * 7")
    served.start()
    expect(page.page.locator("#kernel")).to_have_text("idle")
    expect(page.page.locator("#notes")).not_to_contain_text("is kept")
    page.run(0)
    expect(page.outputs(0)).to_have_text(["42"])


def test_completions_are_offered(serve: Callable[..., Served]) -> None:
    """At a tab after a name; elsewhere a tab indents, and after Escape it leaves."""
    served = serve("some_long_name = 1", "")
    page = served.open()
    page.run(0)
    expect(page.number(0)).to_have_text("[1]")
    page.source(1).click()
    page.page.keyboard.type("some_lo")
    page.page.keyboard.press("Tab")
    expect(page.source(1)).to_have_value("some_long_name")
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Tab")
    expect(page.source(1)).to_have_value("some_long_name\n    ")
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("Tab")
    expect(page.source(1)).not_to_be_focused()


def test_the_html_of_a_cell_does_not_reach_the_token(serve: Callable[..., Served]) -> None:
    """Its scripts run, in a frame without an origin, and find nothing."""
    served = serve(ATTACK)
    page = served.open()
    assert "token" not in page.page.url
    page.run(0)
    frame = page.cells.nth(0).frame_locator("iframe")
    expect(frame.locator("#found")).not_to_be_empty()
    found = json.loads(frame.locator("#found").inner_text())
    assert len(found) == 11
    assert "sesame" not in json.dumps(found)
    assert found["storage"] == found["local"] == found["cookie"] == "SecurityError"
    assert found["parent"] == found["above"] == found["address"] == "SecurityError"
    assert found["referrer"] == ""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/frame\.html", found["here"])
    assert {found["fetch "], found["fetch schema.json"]} == {"TypeError"}
    assert found["socket"] != "open"
    height = page.cells.nth(0).locator("iframe").bounding_box()
    assert height is not None
    assert height["height"] <= 640
    # The page itself has it, and a page that is loaded again as well.
    page.page.reload()
    expect(page.page.locator("#kernel")).to_have_text("idle")


def test_without_the_token_nothing_is_shown(serve: Callable[..., Served]) -> None:
    """The page asks for it."""
    served = serve("'secret'")
    context = served.browser.new_context()
    page = context.new_page()
    page.goto(served.url.partition("?")[0])
    expect(page.locator("#token")).to_be_focused()
    page.locator("#token").fill("wrong")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#notes")).to_contain_text("does not know this token")
    assert "secret" not in page.content()
    page.locator("#token").fill("sesame")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("section.cell textarea")).to_have_value("'secret'")
    context.close()


def test_all_of_it_is_in_one_picture(serve: Callable[..., Served], page_picture: Path) -> None:
    """A text, a plot, a table, and a cell that runs."""
    served = serve(text(TEXT), PLOT, TABLE, "import time\nprint('working ...')\ntime.sleep(600)")
    page = served.open()
    page.push("Run all")
    expect(page.outputs(1).locator("xpath=self::img")).to_be_visible()
    expect(page.cells.nth(2).frame_locator("iframe").locator("td").first).to_be_visible()
    expect(page.outputs(3)).to_have_text(["working ...\n"])
    page.page.locator("h1").first.click()
    page.page.screenshot(path=page_picture, full_page=True)
    assert page_picture.stat().st_size < LARGEST
    page.push("Interrupt")
    expect(page.outputs(3)).to_contain_text(["working", "KeyboardInterrupt"])
