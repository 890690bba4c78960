"""Bugs that were there once. Each test failed before its bug was mended."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from traitlets import TraitError

from conkernelclient import errors
from conkernelclient.outputs.events import Started, event_of
from conkernelclient.outputs.reduce import Reducer
from conkernelclient.state.window import Call, Entry, Window
from conkernelclient.testing import FakeKernel, Publish
from conkernelclient.transport.base import BATCH
from tests.clients import LONG, SWALLOW, client_of, until
from tests.messages import incoming
from tests.transport.test_zmq import connected, laid_out

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_a_loop_that_ends_while_a_socket_is_being_read_does_not_make_it_deaf() -> None:
    """The pump that the old loop had still to do was remembered as scheduled."""
    async with connected() as (transport, catcher, router, _socket):
        transport.send("shell", [b"hello"])
        identity = router.recv_multipart()[0]
        router.sndhwm = 0
        for number in range(3 * BATCH):
            router.send_multipart([identity, *laid_out(b"%d" % number)])
        await until(lambda: len(catcher.got) >= BATCH)
        transport._schedule(transport._lines["shell"])
        transport.detach()
        transport.attach(asyncio.get_running_loop())
        await until(lambda: len(catcher.got) == 3 * BATCH)


async def test_a_connection_that_is_there_before_anybody_listens_is_noticed() -> None:
    """A client that had lost its kernel took it for gone, for ever, while it was connected."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        create = kc._create_connected_socket

        def create_slowly(*args: Any, **kwargs: Any) -> Any:
            socket = create(*args, **kwargs)
            time.sleep(0.1)  # the aim: by then the other side has answered
            return socket

        kc._create_connected_socket = create_slowly
        await kc.start_channels()
        await until(lambda: "shell" in kc._peer._connected)
        kc.stop_channels()


async def test_closing_iopub_alone_ends_what_waits_for_it(km: ConKernelManager) -> None:
    """Runs and records waited for ever; a reply comes all the same."""
    kc = await km.client().start_channels()
    run = kc.run("import time; time.sleep(0.2)")
    record = asyncio.ensure_future(kc.get_pubs(kc.execute("1")))
    reply = kc.kernel_info(reply=True)
    await asyncio.sleep(0)
    kc.iopub_channel.stop()
    outcomes = await asyncio.gather(run, record, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [errors.ChannelsClosedError] * 2
    assert (await reply)["msg_type"] == "kernel_info_reply"
    assert not kc.iopub_channel.is_alive()
    with pytest.raises(errors.ChannelsClosedError):
        kc.run("1")
    kc.stop_channels()


async def test_closing_control_alone_leaves_records_alone(km: ConKernelManager) -> None:
    """They belong to iopub."""
    async with client_of(km) as kc:
        record = asyncio.ensure_future(kc.get_pubs(kc.execute("1")))
        await asyncio.sleep(0)
        kc.control_channel.stop()
        assert (await record)[-1]["content"]["execution_state"] == "idle"


@pytest.mark.filterwarnings("ignore:Message serialization failed")
async def test_many_runs_that_cannot_be_sent_fail_for_their_own_callers(
    km: ConKernelManager,
) -> None:
    """Each one's failure let the next leave, one call deeper each time."""
    async with client_of(km) as kc:
        first = kc.run("1")
        bad = [kc.run("1", metadata={"x": object()}) for _ in range(1500)]
        last = kc.run("2")
        assert (await first).status == "ok"
        outcomes = await asyncio.gather(*bad, return_exceptions=True)
        assert all(isinstance(outcome, ValueError) for outcome in outcomes)
        assert (await last).status == "ok"


def test_a_third_run_with_questions_waits_while_one_is_inside() -> None:
    """When the first of two inside ended, nobody was remembered as answering."""

    def run(shell: str | None) -> Entry:
        return Call(lambda: None, lambda _: None, shell, is_run=True, answers_questions=True)

    window = Window(2)
    first, second, third = run(None), run(None), run("s")
    assert [window.submit(one) for one in (first, second, third)] == [[first], [second], []]
    assert window.done(first) == []
    assert window.done(second) == [third]


@pytest.mark.parametrize(
    ("traceback", "lines"), [(5, []), (None, []), ("one", ["one"]), ([1], ["1"])]
)
def test_a_traceback_of_another_shape_costs_itself(traceback: Any, lines: list[str]) -> None:
    """It raised when the result was made, and the run hung."""
    message = incoming("error", "r", ename="E", evalue="v", traceback=traceback)
    reducer = Reducer()
    reducer.feed(message)
    assert reducer.outputs[0]["traceback"] == lines
    event = event_of(message)
    assert event is not None
    assert event.traceback == lines


@pytest.mark.parametrize("limit", [0, -1])
def test_a_window_that_lets_nobody_pass_is_refused(km: ConKernelManager, limit: int) -> None:
    """No run would ever have left."""
    with pytest.raises(TraitError):
        km.client(window=limit)


async def test_a_run_settles_although_its_interrupt_fails(km: ConKernelManager) -> None:
    """It hung when the interrupt raised, or was never answered."""
    async with client_of(km) as kc:

        async def never() -> None:
            await asyncio.get_running_loop().create_future()

        kc._connection.interrupt = never
        result = await asyncio.wait_for(kc.run("import time; time.sleep(2.5)", timeout=0.1), LONG)
        assert (result.status, result.still_running) == ("timeout", True)
        assert (await kc.run("1")).status == "ok"


async def test_what_can_only_be_awaited_in_the_loop_says_so_elsewhere(km: ConKernelManager) -> None:
    """A waiter in another thread's loop slept until something else woke that loop."""
    async with client_of(km) as kc:

        async def elsewhere() -> None:
            for waiting in (
                kc.get_shell_msg(timeout=1),
                kc.get_pubs(),
                kc._async_recv_reply("x", timeout=1),
                kc.wait_for_ready(),
                kc.execute_interactive("1"),
            ):
                with pytest.raises(errors.WrongLoopError):
                    await waiting

        await asyncio.to_thread(asyncio.run, elsewhere())


async def test_the_default_stdin_hook_answers_although_replies_lie_unread(
    km: ConKernelManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """jupyter_client's stays silent when anything is there to be read on the shell channel."""
    async with client_of(km) as kc:
        kc.execute("1")
        await kc.kernel_info(reply=True)
        monkeypatch.setattr("builtins.input", lambda prompt: f"to {prompt}")
        shown: list[str] = []
        await kc.execute_interactive(
            "print(input('q'))",
            output_hook=lambda msg: shown.append(msg["content"].get("text", "")),
            timeout=LONG,
        )
        assert "".join(shown) == "to q\n"


async def test_an_aborted_run_never_started(km: ConKernelManager) -> None:
    """The kernel says busy for it, and does not run it."""
    async with client_of(km, window=None) as kc:
        kc.execute("import time; time.sleep(0.3); 1/0")
        result = await kc.run("2")
        assert (result.status, result.started, result.duration) == ("aborted", False, None)


async def test_an_option_that_is_not_there_is_refused(km: ConKernelManager) -> None:
    """Before anything is sent."""
    async with client_of(km) as kc:
        with pytest.raises(errors.ProtocolError, match="interrupt, restart, leave"):
            kc.run("1", on_timeout="abort")  # type: ignore[arg-type]
        with pytest.raises(errors.ProtocolError, match="empty"):
            await kc.eval(" ")


async def test_channels_may_be_stopped_as_soon_as_they_were_started(km: ConKernelManager) -> None:
    """The heartbeat's thread opened sockets until there were none left."""
    for _ in range(50):
        kc = km.client()
        kc.start_channels()
        kc.stop_channels()
        assert not kc.channels_running


def test_a_heartbeat_that_is_stopped_before_it_runs_ends(km: ConKernelManager) -> None:
    """Whatever its thread did first."""
    kc = km.client()
    channel = kc.hb_channel
    channel._exit.set()
    channel.start()
    channel.join(timeout=LONG)
    assert not channel.is_alive()
    channel.close()
    kc.context.destroy(linger=0)


async def test_a_run_whose_reply_a_foreign_interrupt_swallowed_ends(km: ConKernelManager) -> None:
    """It hung, and so did all that waited behind it, as only its own interrupt was expected."""
    async with client_of(km) as kc:
        await kc.run(SWALLOW)
        run, behind = kc.run("1"), kc.run("2")
        result = await asyncio.wait_for(run, LONG)
        assert (result.status, result.interrupted, result.reply) == ("error", False, None)
        assert result.error.ename == "ReplyLost"  # nobody interrupted, as far as is known here
        assert (await behind).status == "ok"


async def test_a_run_of_whose_reply_an_interrupt_left_half_ends(km: ConKernelManager) -> None:
    """The kernel's next reply completes it to rubbish, and that was the one that told the end."""
    async with client_of(km) as kc:
        rejected = kc.stats()["rejected"]
        await kc.run(
            "import zmq\n"
            "kernel = get_ipython().kernel\n"
            "def send_half(*args, **kwargs):\n"
            "    del kernel.do_execute\n"
            "    shells = kernel.shell_channel_thread.manager\n"
            "    socket = shells.get_subshell_to_shell_channel_socket(None)\n"
            f"    for frame in ({kc.shell_channel.socket.identity!r}, b'<IDS|MSG>', b'half'):\n"
            "        socket.send(frame, zmq.SNDMORE)\n"
            "    raise KeyboardInterrupt\n"
            "kernel.do_execute = send_half"
        )
        run, behind = kc.run("1"), kc.run("2")
        result = await asyncio.wait_for(run, LONG)
        assert (result.status, result.interrupted, result.reply) == ("error", False, None)
        assert (await behind).status == "ok"
        assert kc.stats()["rejected"] == rejected + 1


@pytest.mark.parametrize("held", ["iopub", "shell"])
async def test_a_run_that_the_kernel_has_left_is_not_interrupted(
    km: ConKernelManager, held: str
) -> None:
    """Reply or idle was in, and the interrupt hit the kernel in its own code, which may end it."""
    async with client_of(km) as kc:
        connection = kc._connection
        received, later, sent = connection.received, list[Any](), list[str]()

        def hold_the_last(channel: str, batch: list[list[bytes]]) -> None:
            for frames in batch:
                is_last = channel == "shell" or b'"idle"' in frames[-1]
                if channel == held and is_last:
                    later.append((channel, [frames]))
                else:
                    received(channel, [frames])

        async def interrupt() -> None:
            sent.append("interrupt")

        connection.received, connection.interrupt = hold_the_last, interrupt
        run = kc.run("1")
        await until(lambda: later and run._execution.request.phase.name in ("REPLIED", "IDLED"))
        interrupting = asyncio.ensure_future(run.interrupt())
        await asyncio.sleep(0)
        connection.received = received
        for channel, batch in later:
            received(channel, batch)
        assert await interrupting
        assert (await run).status == "ok"
        assert sent == []


async def test_no_notice_that_the_kernel_is_in_the_code_takes_the_place_of_another() -> None:
    """A run keeps the first apart; a second one, which no kernel should send, replaced it."""
    script = [Publish("execute_input", {"code": "1", "execution_count": 7})]
    with FakeKernel(script) as kernel:
        kc = await kernel.client().start_channels()
        run = kc.run("1")
        await run
        counts = [event.execution_count async for event in run if isinstance(event, Started)]
        assert counts == [1, 7]
        kc.stop_channels()
