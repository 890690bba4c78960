"""The SDK's own client runs code in kernels, in each revision of the protocol."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from mcp.shared.exceptions import MCPError

from conkernelclient import __version__
from tests.agent.mcp.parts import client_of, pid_of, text_of
from tests.clients import until
from tests.manager.processes import is_running

if TYPE_CHECKING:
    from pathlib import Path

# "auto" is a direct call in the revision 2026-07-28; "legacy" is messages with a handshake.
MODES: Any = pytest.mark.parametrize("mode", ["auto", "legacy"])


@MODES
async def test_a_client_runs_code_and_reads_what_it_shows(mode: Any, tmp_path: Path) -> None:
    """Progress, images, links to what was cut, and the resources that they name."""
    heard: list[tuple[float, str | None]] = []

    async def progress(seconds: float, _total: float | None, line: str | None) -> None:
        heard.append((seconds, line))

    async with client_of(mode, max_chars=1000, journal=tmp_path / "j.ipynb") as client:
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.version) == ("conkernel", __version__)
        code = (
            "from IPython.display import Image, display\nimport base64\n"
            f"display(Image(base64.b64decode({PNG!r})))\nprint('x' * 5000)\n6 * 7"
        )
        answer = await client.call_tool("run", {"code": code}, progress_callback=progress)
        kinds = [block.type for block in answer.content]
        assert kinds == ["image", "text", "resource_link"]
        assert text_of(answer).endswith("42")
        assert heard[-1][1] is not None
        assert heard[-1][1].endswith("s: 42")
        facts = answer.structured_content
        assert PNG not in json.dumps(facts)
        uris = [facts["output_uri"], facts["images"][0]["uri"], "conkernel://default/journal"]
        whole, image, journal = [(await client.read_resource(uri)).contents[0] for uri in uris]
        assert "x" * 5000 in whole.text  # type: ignore[union-attr]
        assert image.blob == PNG  # type: ignore[union-attr]
        assert json.loads(journal.text)["cells"][0]["source"] == code  # type: ignore[union-attr]
        listed = [it.uri for it in (await client.list_resources()).resources]
        assert listed == [uris[2], uris[0]]
        assert len((await client.list_resource_templates()).resource_templates) == 3
        with pytest.raises(MCPError, match="names nothing"):
            await client.read_resource("conkernel://what")


@MODES
async def test_kernels_run_beside_each_other_and_a_cancel_is_of_one_run(
    mode: Any, tmp_path: Path
) -> None:
    """Each waits for what the other does; the one that is cancelled keeps its variables."""
    waits = "import pathlib, time\npathlib.Path('{}').touch()\n"
    waits += "while not pathlib.Path('{}').exists(): time.sleep(0.01)\n"
    hangs = "kept = 1\npathlib.Path('hangs').touch()\nwhile True: time.sleep(0.01)"
    async with client_of(mode, cwd=tmp_path) as client, asyncio.timeout(60):
        first = asyncio.create_task(
            client.call_tool("run", {"code": waits.format("a", "b") + hangs, "kernel": "one"})
        )
        second = asyncio.create_task(
            client.call_tool("run", {"code": waits.format("b", "c") + "'done'", "kernel": "two"})
        )
        await until((tmp_path / "hangs").exists)
        first.cancel()
        await asyncio.wait((first,))
        kept = await client.call_tool("run", {"code": "kept", "kernel": "one"})
        assert (text_of(kept), kept.structured_content["restarted"]) == ("1", False)
        assert not second.done()
        (tmp_path / "c").touch()
        assert text_of(await second) == "'done'"


@MODES
async def test_a_client_that_goes_in_the_middle_of_a_run_leaves_no_kernel(mode: Any) -> None:
    """Nor one that it has polled no more."""
    async with client_of(mode) as client:
        pid = await pid_of(client)
        hangs = "import time\nwhile True:\n try: time.sleep(99)\n except KeyboardInterrupt: pass"
        answer = await client.call_tool("run", {"code": hangs, "timeout": 0})
        assert answer.structured_content["still_running"]
        run = asyncio.create_task(client.call_tool("run", {"code": "1"}))
        await asyncio.sleep(0)
        assert is_running(pid)
    assert not is_running(pid)
    run.cancel()
    await asyncio.wait((run,))


async def test_bad_calls_are_answers_that_say_what_to_send() -> None:
    """No error of the protocol: the model reads them."""
    async with client_of() as client:
        for tool, arguments, said in (
            ("run", {}, "run needs the argument 'code', a text"),
            ("run", {"code": 1}, "code of run must be a text, not 1"),
            ("run", {"code": "1", "timeout": -1}, "timeout of run must be a number of seconds"),
            ("run", {"code": "1", "kernel": "a b"}, "'a b' is no kernel's name"),
            ("inspect", {"name": "x"}, "there is no tool 'inspect'; there are run, poll"),
        ):
            answer = await client.call_tool(tool, arguments)
            assert answer.is_error
            assert text_of(answer).startswith(said)


PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
