"""What is wrong is said at once, before anything is sent, and the client works afterwards."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, errors
from tests.clients import LONG, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG: dict[str, Callable[[Any], Any]] = {
    "no code": lambda kc: kc.execute(None),
    "bytes as code": lambda kc: kc.execute(b"1", reply=True),
    "a number as code": lambda kc: kc.run(5),
    "expressions no dict": lambda kc: kc.execute("1", user_expressions="x"),
    "expressions not of text": lambda kc: kc.execute("1", user_expressions={"a": 1}),
    "names not of text": lambda kc: kc.execute("1", user_expressions={1: "a"}),
    "timeout no number": lambda kc: kc.execute("1", reply=True, timeout="1"),
    "timeout NaN": lambda kc: kc.run("1", timeout=float("nan")),
    "timeout True": lambda kc: kc.run("1", start_timeout=True),
    "on_timeout unknown": lambda kc: kc.run("1", on_timeout="explode"),
    "on_output no function": lambda kc: kc.run("1", on_output="print"),
    "on_stdin no function": lambda kc: kc.run("1", on_stdin="yes"),
    "an unknown subshell": lambda kc: kc.execute("1", subshell_id="none"),
    "an unknown subshell for a run": lambda kc: kc.run("1", subshell_id="none"),
    "an unknown subshell for a verb": lambda kc: kc.complete("1", reply=True, subshell_id="none"),
    "a subshell that is no text": lambda kc: kc.kernel_info(subshell_id=5),
    "msg_id no text": lambda kc: kc.execute("1", msg_id=5),
    "metadata no dict": lambda kc: kc.run("1", metadata=[1]),
    "complete nothing": lambda kc: kc.complete(None),
    "a position of text": lambda kc: kc.inspect("a", "b"),
    "is_complete nothing": lambda kc: kc.is_complete(None),
    "input no text": lambda kc: kc.input(5),
    "an unknown channel": lambda kc: kc.request("x_request", channel="iopub"),
    "content no dict": lambda kc: kc.request("x_request", [1]),
    "type no text": lambda kc: kc.request(None),
    "eval nothing": lambda kc: asyncio.ensure_future(kc.eval(None)),
}


@pytest.mark.parametrize("what", WRONG)
async def test_wrong_arguments_raise_protocol_error_and_send_nothing(
    km: ConKernelManager, what: str
) -> None:
    """Which is a ValueError, as jupyter_client raises for some of them."""
    async with client_of(km) as kc:
        sent = kc.stats()["requests"]
        with pytest.raises(errors.ProtocolError) as caught:
            waiting = WRONG[what](kc)
            await waiting
        assert isinstance(caught.value, ValueError)
        assert str(caught.value)
        assert kc.stats()["requests"] == sent
        assert kc.stats()["pending"] == 0
        assert (await kc.run("1")).status == "ok"


class NoJSON:
    """What no packer can write."""


@pytest.mark.parametrize(
    ("send", "error"),
    [
        (lambda kc: kc.execute("1", buffers=["text"]), TypeError),
        (lambda kc: kc.run("1", buffers=[memoryview(b"abcd")[::2]]), ValueError),
        (lambda kc: kc.request("x_request", {"a": NoJSON()}), ValueError),
        (lambda kc: kc.run("1", metadata={"a": NoJSON()}), ValueError),
        (lambda kc: kc.execute("1", metadata={"a": NoJSON()}, reply=True), ValueError),
    ],
)
@pytest.mark.filterwarnings("ignore:Message serialization failed")
async def test_what_cannot_be_packed_is_not_registered(
    km: ConKernelManager, send: Any, error: type
) -> None:
    """The error is that of `Session.send`, and the window lets the next one pass."""
    async with client_of(km) as kc:
        with pytest.raises(error):
            send(kc)
        assert kc.stats()["pending"] == 0
        assert (await kc.run("1")).status == "ok"


async def test_one_msg_id_cannot_be_under_way_twice(km: ConKernelManager) -> None:
    """The answers could not be told apart; afterwards it is free."""
    async with client_of(km) as kc:
        first = kc.execute("1", reply=True, msg_id="same")
        with pytest.raises(ValueError, match="under way"):
            kc.execute("2", reply=True, msg_id="same")
        with pytest.raises(ValueError, match="under way"):
            kc.run("2", msg_id="same")
        assert (await first)["content"]["status"] == "ok"
        assert (await kc.run("3", msg_id="same")).status == "ok"


async def test_a_client_without_a_kernel_says_what_is_missing() -> None:
    """Whatever is called first."""
    kc = ConKernelManager().client()
    for call in (lambda: kc.execute("1"), kc.start_channels, lambda: kc.kernel_info(reply=True)):
        with pytest.raises(errors.ProtocolError, match=r"shell_port.*start the kernel first"):
            call()
    with pytest.raises(errors.ProtocolError, match="iopub_port"):
        await kc.wait_for_ready()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, OSError, "nowhere"),
        ("no json", errors.ProtocolError, "is not JSON"),
        ("[1, 2]", errors.ProtocolError, "no JSON object"),
        ("{}", errors.ProtocolError, "lacks shell_port"),
        ('{"shell_port": "text"}', errors.ProtocolError, "shell_port"),
        (
            '{"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "hb_port": 4}',
            errors.ProtocolError,
            "control_port",
        ),
        ('{"shell_port": true, "iopub_port": -2}', errors.ProtocolError, "iopub_port"),
    ],
)
async def test_a_bad_connection_file_is_refused_and_the_client_still_works(
    km: ConKernelManager, tmp_path: Path, text: str | None, error: type[Exception], words: str
) -> None:
    """Nothing of it is taken over."""
    path = tmp_path / ("nowhere" if text is None else "kernel.json")
    if text is not None:
        path.write_text(text)
    kc = ConKernelClient()
    ports = kc.ports
    with pytest.raises(error, match=words):
        kc.load_connection_file(str(path))
    assert kc.ports == ports
    kc.load_connection_file(km.connection_file)
    await kc.start_channels()
    assert await kc.eval("3") == 3
    kc.stop_channels()


async def test_a_wrong_key_says_so(
    km: ConKernelManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The kernel ignores what it cannot verify, and we what it publishes."""
    info = json.loads(Path(km.connection_file).read_text())
    path = tmp_path / "kernel.json"
    path.write_text(json.dumps({**info, "key": "wrong"}))
    kc = ConKernelClient()
    kc.load_connection_file(str(path))
    kc.start_channels()
    async with client_of(km) as other:
        with pytest.raises(RuntimeError, match="respond"):
            await kc.wait_for_ready(timeout=0.1)
        async with asyncio.timeout(LONG):
            while not kc.stats()["rejected"]:
                await other.run("1")
    assert "Invalid Signature" in caplog.text
    kc.stop_channels()
