"""A program that knows `AsyncKernelManager` and its clients finds all that it relies on."""

from __future__ import annotations

import asyncio
import inspect
import json
from queue import Empty
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
    run_kernel,
    start_new_async_kernel,
)
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from pathlib import Path

VERBS = [
    "execute",
    "complete",
    "inspect",
    "history",
    "is_complete",
    "kernel_info",
    "comm_info",
    "shutdown",
]
OTHERS = ["execute_interactive", "input", "start_channels", "wait_for_ready"]


def positional(function: Any) -> list[tuple[str, Any]]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.default) for p in parameters if p.kind in kinds]


@pytest.mark.parametrize("name", VERBS + OTHERS)
def test_the_positional_order_is_that_of_jupyter_client(name: str) -> None:
    """With its defaults; `stop_on_error=None` means the client's trait, which is True."""
    from jupyter_client.client import KernelClient

    base = {
        "execute_interactive": "_async_execute_interactive",
        "wait_for_ready": "_async_wait_for_ready",
    }
    wanted = positional(getattr(KernelClient, base.get(name, name)))
    wanted = [(n, None if n == "stop_on_error" else default) for n, default in wanted]
    assert positional(getattr(ConKernelClient, name)) == wanted
    assert ConKernelClient.stop_on_error.default_value is True


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


@pytest.mark.parametrize("name", VERBS[:-1])
async def test_every_verb_gives_an_id_or_a_reply(km: ConKernelManager, name: str) -> None:
    """Sent when called; the reply to an id stays claimable."""
    args = ("1",) if name in ("execute", "complete", "inspect", "is_complete") else ()
    async with client_of(km) as kc:
        verb = getattr(kc, name)
        msg_id = verb(*args)
        assert isinstance(msg_id, str)
        reply = await kc._async_recv_reply(msg_id, timeout=LONG)
        assert reply["parent_header"]["msg_id"] == msg_id
        assert reply["msg_type"] == f"{name}_reply"
        assert set(reply) == {
            "header",
            "msg_id",
            "msg_type",
            "parent_header",
            "metadata",
            "content",
            "buffers",
        }
        reply = await verb(*args, reply=True, timeout=LONG)
        assert reply["msg_type"] == f"{name}_reply"


async def test_replies_are_sent_when_called_and_not_when_awaited(km: ConKernelManager) -> None:
    """The second sees what the first, never awaited, did."""
    async with client_of(km) as kc:
        kc.execute("called = 1", reply=True)
        assert await kc.eval("called") == 1


async def test_a_reply_timeout_is_the_builtin_timeout_error(km: ConKernelManager) -> None:
    """The kernel is left alone, and nobody waits any more."""
    async with client_of(km) as kc:
        busy = kc.run("import time; time.sleep(0.3)")
        with pytest.raises(TimeoutError, match=r"within 0\.05 s") as caught:
            await kc.execute("late = 1", reply=True, timeout=0.05)
        assert isinstance(caught.value, errors.ReplyTimeout)
        with pytest.raises(TimeoutError):
            await kc.kernel_info(reply=True, timeout=0)
        with pytest.raises(TimeoutError):
            await kc._async_recv_reply(kc.execute("1"), timeout=0.01)
        assert (await busy).status == "ok"
        limited = km.client(default_timeout=0.01)
        await limited.start_channels()
        with pytest.raises(TimeoutError):
            await limited.execute("import time; time.sleep(0.2)", reply=True)
        limited.stop_channels()


async def test_channel_objects_hold_what_nobody_claimed() -> None:
    """With the methods of jupyter_client's channels."""
    async with run_kernel() as kc:  # which nobody else uses: all hear what it publishes
        await kc.get_pubs(kc.kernel_info())
        await kc.get_pubs()
        await kc.get_shell_msg(timeout=30)  # its reply, which may come after its idle
        for name in ("shell", "iopub", "stdin", "control"):
            channel = getattr(kc, f"{name}_channel")
            assert channel is getattr(kc, f"{name}_channel")
            assert channel.is_alive()
            assert isinstance(channel.socket, zmq.asyncio.Socket)
            assert channel.session is kc.session
            assert await channel.get_msgs() == []
            assert not await channel.msg_ready()
            for timeout in (0, 0.01):
                with pytest.raises(Empty):
                    await getattr(kc, f"get_{name}_msg")(timeout)
        msg_id = kc.execute("print(5)")
        reply = await kc.get_shell_msg(timeout=LONG)
        assert reply["parent_header"]["msg_id"] == msg_id
        types: list[str] = []
        while (
            types.count("status") < 2
        ):  # messages for other clients of the kernel come here as well
            pub = await kc.iopub_channel.get_msg(timeout=LONG)
            if pub["parent_header"].get("msg_id") == msg_id:
                types.append(pub["msg_type"])
        assert sorted(set(types)) == ["execute_input", "status", "stream"]
        kc.execute("print(6)")
        await kc.kernel_info(reply=True)
        assert await kc.shell_channel.msg_ready()
        assert len(await kc.get_pubs()) >= 3
        assert len(await kc.shell_channel.get_msgs()) == 1


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


async def test_a_waiter_that_is_cancelled_loses_no_message(km: ConKernelManager) -> None:
    """Not even in the tick in which it comes."""
    async with client_of(km) as kc:
        for _ in range(30):
            waiting = asyncio.ensure_future(kc.get_shell_msg(timeout=None))
            await asyncio.sleep(0)
            kc.kernel_info()
            inbox = kc._connection.inboxes["shell"]
            await until(lambda inbox=inbox, waiting=waiting: len(inbox) or waiting.done())
            waiting.cancel()
            outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
            if isinstance(outcome, BaseException):
                outcome = await kc.get_shell_msg(timeout=LONG)
            assert outcome["msg_type"] == "kernel_info_reply"


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
        blocking = kc.run("import time; time.sleep(0.5)")
        await until(lambda: blocking.started)
        with pytest.raises(RuntimeError, match=r"Kernel didn't respond in 0.1 seconds") as caught:
            await kc.wait_for_ready(timeout=0.1)
        assert isinstance(caught.value, TimeoutError)
        await blocking


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


async def test_run_kernel_shuts_down_after_errors_and_cancels() -> None:
    """What started a kernel ends it."""
    processes: list[Any] = []

    async def use() -> None:
        async with run_kernel("python3") as kc:
            assert kc.stop_on_error is False
            processes.append(kc.parent.provisioner.process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use()

    async def wait() -> None:
        async with run_kernel("python3", client_options={"window": None}) as kc:
            assert kc.window is None
            processes.append(kc.parent.provisioner.process)
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(wait())
    await until(lambda: len(processes) == 2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert all(process.poll() is not None for process in processes)


async def test_many_kernels_through_the_multi_kernel_manager() -> None:
    """With the AsyncIOLoop variant of the manager."""
    from conkernelclient.ioloop import ConIOLoopKernelManager

    manager = ConMultiKernelManager()
    ids = [await manager.start_kernel(kernel_name="python3") for _ in range(2)]
    assert sorted(manager.list_kernel_ids()) == sorted(ids)
    one = manager.get_kernel(ids[0])
    assert isinstance(one, ConIOLoopKernelManager)
    assert isinstance(one, ConKernelManager)
    async with client_of(one) as kc:
        assert await kc.eval("2") == 2
    await manager.shutdown_all(now=True)
    assert manager.list_kernel_ids() == []


async def test_values_go_in_and_out(km: ConKernelManager) -> None:
    """As they are; what cannot travel, and names that are none, are refused."""
    async with client_of(km) as kc:
        values = {"a": [1, 2.5, None], "b": {"k": (True, b"x")}, "c": {1, 2}, "d": "text'\n\x1b"}
        await kc.set(**values)
        for name, value in values.items():
            assert await kc.get(name) == value
        known = await kc.variables()
        assert {name: known[name] for name in values} == {
            "a": "list",
            "b": "dict",
            "c": "set",
            "d": "str",
        }
        with pytest.raises(errors.ExecutionError, match="NameError"):
            await kc.eval("unknown_name")
        with pytest.raises(errors.ExecutionError, match="SyntaxError"):
            await kc.eval("1 +")
        with pytest.raises(errors.ProtocolError, match="no literal"):
            await kc.eval("object()")
        for bad in ({"x": object()}, {"class": 1}, {"a b": 1}):
            with pytest.raises(errors.ProtocolError):
                await kc.set(**bad)
        with pytest.raises(errors.ProtocolError):
            await kc.get("a.b")


async def test_comms_open_from_both_sides(km: ConKernelManager) -> None:
    """And carry data and buffers both ways."""
    async with client_of(km) as kc:
        heard: list[Any] = []
        opened: list[Any] = []
        await kc.run(
            "from comm import get_comm_manager, create_comm\n"
            "def on_open(comm, msg):\n"
            "    def echo(m):\n"
            "        comm.send({'echo': m['content']['data']}, buffers=m['buffers'])\n"
            "    comm.on_msg(echo)\n"
            "get_comm_manager().register_target('echo', on_open)"
        )
        comm = kc.comms.open("echo", {"hello": 1})
        comm.on_msg = heard.append
        comm.send({"n": 1}, buffers=[b"raw"])
        await until(lambda: heard)
        assert heard[0]["content"]["data"] == {"echo": {"n": 1}}
        assert [bytes(buffer) for buffer in heard[0]["buffers"]] == [b"raw"]
        kc.comms.register_target("mine", lambda comm, msg: opened.append((comm, msg)))
        await kc.run("c = create_comm(target_name='mine', data={'from': 'kernel'})")
        await until(lambda: opened)
        theirs, message = opened[0]
        assert message["content"]["data"] == {"from": "kernel"}
        closed: list[Any] = []
        theirs.on_close = closed.append
        await kc.run("c.close()")
        await until(lambda: closed)
        assert not theirs.is_open
        with pytest.raises(ValueError, match="closed"):
            theirs.send({})
        comm.close()
        assert list(kc.comms) == []


async def test_get_pubs_takes_a_record_whole_and_once(km: ConKernelManager) -> None:
    """And says what became of it otherwise."""
    async with client_of(km) as kc:
        msg_id = kc.execute("import time; time.sleep(0.1); print(1)")
        with pytest.raises(TimeoutError):
            await kc.get_pubs(msg_id, timeout=0.01)
        assert (await kc.get_pubs(msg_id))[-1]["content"] == {"execution_state": "idle"}
        with pytest.raises(KeyError):
            await kc.get_pubs(msg_id)
        with pytest.raises(KeyError):
            await kc.get_pubs("unknown")
        old = kc.execute("0")
        waiting = asyncio.ensure_future(kc.get_pubs(kc.execute("import time; time.sleep(1)")))
        for _ in range(1001):
            kc.kernel_info()
        with pytest.raises(errors.ProtocolError, match="had to go"):
            await kc.get_pubs(old)
        with pytest.raises(errors.ProtocolError, match="had to go"):
            await waiting
        assert kc.stats()["evicted"] >= 2
        run = kc.run("1")
        await run
        with pytest.raises(KeyError):
            await kc.get_pubs(run.msg_id)


async def test_unread_messages_are_bounded_counted_and_said_once(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest go, the newest stay."""
    from conkernelclient.connection.inbox import Inbox

    async with client_of(km) as kc:
        kc._connection.inboxes["iopub"] = Inbox("iopub", limit=5)
        await kc.execute("for i in range(20): print(i, flush=True)", reply=True)
        await kc.kernel_info(reply=True)
        assert kc.stats()["dropped"] > 5
        assert caplog.text.count("nobody reads them") == 1
        kept = [message for message in await kc.get_pubs() if message["msg_type"] != "status"]
        assert len(kept) <= 5


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
