"""A program that knows `AsyncKernelManager` and its clients finds all that it relies on."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import HBChannel
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.multikernelmanager import AsyncMultiKernelManager
from traitlets.config import Config

from conkernelclient import (
    ConKernelClient,
    ConKernelManager,
    ConMultiKernelManager,
    errors,
    start_new_async_kernel,
)
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from pathlib import Path


def test_classes_are_subclasses() -> None:
    """What checks with isinstance goes on working."""
    assert issubclass(ConKernelManager, AsyncKernelManager)
    assert issubclass(ConKernelClient, AsyncKernelClient)
    assert issubclass(ConMultiKernelManager, AsyncMultiKernelManager)


def test_every_name_of_the_original_is_there() -> None:
    """Public and private."""
    assert set(dir(AsyncKernelClient)) <= set(dir(ConKernelClient))
    assert set(dir(AsyncKernelManager)) <= set(dir(ConKernelManager))


def test_traits_of_the_original_are_there_and_can_be_configured() -> None:
    """Through traitlets' config as well."""
    assert set(AsyncKernelClient.class_trait_names()) <= set(ConKernelClient.class_trait_names())
    config = Config()
    config.ConKernelClient.stop_on_error = False
    config.ConKernelClient.window = None
    kc = ConKernelClient(config=config)
    assert (kc.stop_on_error, kc.window) == (False, None)
    manager = AsyncKernelManager(client_class="conkernelclient.ConKernelClient")
    assert manager.client_factory is ConKernelClient


async def test_a_question_of_a_plain_execute_goes_to_the_stdin_channel(
    km: ConKernelManager,
) -> None:
    """And `input()` answers it."""
    async with client_of(km) as kc:
        waiting = kc.execute("print(input('?'))", reply=True)
        question = await kc.get_stdin_msg(timeout=LONG)
        assert question["content"]["prompt"] == "?"
        kc.input("yes")
        reply = await waiting
        pubs = await kc.get_pubs(reply["parent_header"]["msg_id"])
        assert "yes\n" in [pub["content"].get("text") for pub in pubs]


async def test_closing_the_channels_tells_everybody_who_waits(km: ConKernelManager) -> None:
    """By an error that says what to do, and not by a stray cancel."""
    kc = await km.client().start_channels()

    async def reading() -> None:
        while True:  # the kernel serves other clients as well, and all hear of it
            await kc.get_iopub_msg(timeout=None)

    waiting = [
        asyncio.ensure_future(one)
        for one in (
            reading(),
            kc.get_stdin_msg(timeout=None),
            kc._async_recv_reply("none"),
            kc.execute("import time; time.sleep(0.2)", reply=True),
            kc.run("1"),
            kc.run("2"),
            kc.get_pubs(kc.execute("3")),
            kc.execute_interactive("4"),
        )
    ]
    await asyncio.sleep(0)
    kc.stop_channels()
    kc.stop_channels()
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, errors.ChannelsClosedError)
    assert kc.stats()["pending"] == 0
    assert not kc.channels_running
    with pytest.raises(errors.ChannelsClosedError, match="start_channels"):
        kc.execute("1")
    with pytest.raises(errors.ChannelsClosedError):
        await kc.shell_channel.get_msg(timeout=1)


async def test_channels_start_again_after_they_were_stopped(km: ConKernelManager) -> None:
    """With a context of their own, to see, each time."""
    kc = km.client()
    for n in range(3):
        await kc.start_channels()
        context = kc.context
        assert await kc.eval(f"{n}") == n
        kc.stop_channels()
        assert context.closed


async def test_start_channels_works_awaited_and_not_awaited_and_twice(km: ConKernelManager) -> None:
    """jupyter_client's way, and that of 0.0.4."""
    kc = km.client()
    started = kc.start_channels()
    assert kc.channels_running
    await kc.wait_for_ready()
    await kc.wait_for_ready(timeout=LONG)
    assert await started is kc
    assert await kc.start_channels(hb=False) is kc
    assert (await kc.execute("1", reply=True))["content"]["status"] == "ok"
    kc.stop_channels()


async def test_wait_for_ready_in_the_middle_of_requests_takes_nothing_from_them(
    km: ConKernelManager,
) -> None:
    """Neither replies nor outputs."""
    async with client_of(km) as kc:
        msg_id = kc.execute("import time; time.sleep(0.1); print('x')")
        reply = kc.execute("2", reply=True)
        await kc.wait_for_ready(timeout=LONG)
        assert (await reply)["content"]["status"] == "ok"
        assert "x\n" in [pub["content"].get("text") for pub in await kc.get_pubs(msg_id)]


async def test_a_kernel_that_does_not_answer_is_a_runtime_error(km: ConKernelManager) -> None:
    """As in jupyter_client, and a TimeoutError as well."""
    async with client_of(km) as kc:
        await km.signal_kernel(signal.SIGSTOP)
        with pytest.raises(RuntimeError, match=r"Kernel didn't respond in 0.1 seconds") as caught:
            await kc.wait_for_ready(timeout=0.1)
        assert isinstance(caught.value, TimeoutError)
        await km.signal_kernel(signal.SIGCONT)
        await kc.wait_for_ready(timeout=LONG)


async def test_a_never_started_client_opens_what_it_needs(km: ConKernelManager) -> None:
    """As jupyter_client's does, lazily; a run cannot, since it would miss its outputs."""
    kc = km.client()
    assert not kc.channels_running
    assert (await kc.kernel_info(reply=True))["content"]["status"] == "ok"
    with pytest.raises(errors.ChannelsClosedError, match="start_channels"):
        km.client().run("1")
    kc.stop_channels()


async def test_the_heartbeat_channel_is_jupyter_clients(km: ConKernelManager) -> None:
    """Running with the others unless not wanted."""
    kc = km.client()
    kc.start_channels()
    assert isinstance(kc.hb_channel, HBChannel)
    assert kc.hb_channel.is_alive()
    kc.hb_channel.pause()
    assert not kc.hb_channel.is_beating()
    kc.hb_channel.unpause()
    assert kc.hb_channel.time_to_dead > 0
    kc.stop_channels()
    quiet = km.client()
    quiet.start_channels(hb=False, stdin=False)
    assert quiet.allow_stdin is False
    assert not quiet._stdin_channel
    quiet.stop_channels()


async def test_a_caller_s_context_is_used_and_never_destroyed(km: ConKernelManager) -> None:
    """It may have other sockets."""
    context = zmq.asyncio.Context()
    kc = km.client(context=context)
    await kc.start_channels()
    assert kc.shell_channel.socket.context is context
    kc.stop_channels()
    assert not context.closed
    context.term()


async def test_a_connection_file_is_enough(km: ConKernelManager) -> None:
    """For a client without a manager."""
    kc = ConKernelClient()
    kc.load_connection_file(km.connection_file)
    assert await kc.start_channels() is kc
    assert await kc.eval("1 + 1") == 2
    async with asyncio.timeout(LONG):
        while not await kc.is_alive():  # the heart has beaten once
            await asyncio.sleep(0.01)
    assert kc.ports == km.ports
    assert kc.blocking_client().ports == km.ports
    run = kc.run("while True: pass")
    await until(lambda: run.started)
    await run.interrupt()  # by an interrupt_request: there is no manager
    assert (await run).error.ename == "KeyboardInterrupt"
    kc.stop_channels()


async def test_two_event_loops_in_turn_are_served(tmp_path: Path) -> None:
    """Of one client: `asyncio.run` twice."""

    def in_threads() -> None:
        async def start() -> tuple[Any, Any]:
            manager, client = await start_new_async_kernel(kernel_name="python3")
            assert (await client.execute("x = 5", reply=True))["content"]["status"] == "ok"
            return manager, client

        async def go_on(client: Any) -> None:
            assert await client.eval("x") == 5

        async def end(manager: Any, client: Any) -> None:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

        manager, client = asyncio.run(start())
        asyncio.run(go_on(client))
        asyncio.run(end(manager, client))

    await asyncio.to_thread(in_threads)


async def test_connection_info_is_written_and_read_as_by_jupyter_client(
    km: ConKernelManager,
) -> None:
    """The methods of ConnectionFileMixin are untouched."""
    kc = km.client()
    info = kc.get_connection_info()
    assert info["key"] == km.session.key
    with open(km.connection_file) as file:
        assert json.load(file)["shell_port"] == kc.shell_port
    kc.stop_channels()


async def test_interactive_shows_output_and_raises_its_own_timeout(
    km: ConKernelManager, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the default hooks of jupyter_client."""
    async with client_of(km) as kc:
        reply = await kc.execute_interactive("print('shown')", allow_stdin=False, timeout=LONG)
        assert reply["content"]["status"] == "ok"
        assert "shown" in capsys.readouterr().out
        with pytest.raises(TimeoutError, match="Timeout waiting for output"):
            await kc.execute_interactive("import time; time.sleep(0.3)", timeout=0.05)
        with pytest.raises(ZeroDivisionError):
            await kc.execute_interactive("print(1)", output_hook=lambda _: 1 / 0)
    quiet = km.client()
    quiet.start_channels(stdin=False)
    with pytest.raises(RuntimeError, match="stdin channel"):
        await quiet.execute_interactive("1", allow_stdin=True)
    quiet.stop_channels()
