"""
Do ipywidgets' own tests pass inside a kernel?

They make widgets in the process that runs them, and never start a kernel: here that process is
one, `python3`. Each of their files is run by one cell, in which pytest runs it.
"""

from __future__ import annotations

from pathlib import Path

import ipywidgets
import pytest
from jupyter_client.manager import start_new_kernel

PACKAGE = Path(ipywidgets.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("test_*.py"))
PASSES = """
import os, pytest
status = pytest.main([{path!r}, "-q", "-c", os.devnull, "-p", "no:cacheprovider", "--capture=sys"])
assert status == 0, status
"""


@pytest.fixture(scope="module")
def kc():
    """One kernel for all files."""
    km, kc = start_new_kernel(kernel_name="python3")
    yield kc
    kc.stop_channels()
    km.shutdown_kernel(now=True)


@pytest.mark.parametrize("file", FILES)
def test_a_file_passes_inside_of_the_kernel(kc, file):
    """All of its tests."""
    shown = []
    reply = kc.execute_interactive(
        PASSES.format(path=str(PACKAGE / file)), timeout=60, output_hook=shown.append
    )
    said = "".join(msg["content"].get("text", "") for msg in shown)
    assert reply["content"]["status"] == "ok", said
    assert " passed" in said


def test_a_widget_moved_by_its_front_end_is_seen_by_its_observer(kc):
    """Through the comm of a real kernel."""
    opened = []
    code = (
        "import ipywidgets\nslider, seen = ipywidgets.IntSlider(), []\n"
        "slider.observe(lambda change: seen.append(change.new), 'value')\nslider.comm.comm_id"
    )
    kc.execute_interactive(code, timeout=60, output_hook=opened.append)
    (comm_id,) = (
        m["content"]["data"]["text/plain"] for m in opened if m["msg_type"] == "execute_result"
    )
    content = {"comm_id": comm_id.strip("'"), "data": {"method": "update", "state": {"value": 7}}}
    kc.shell_channel.send(kc.session.msg("comm_msg", content))
    reply = kc.execute_interactive("assert seen == [7], seen", timeout=60)
    assert reply["content"]["status"] == "ok"
