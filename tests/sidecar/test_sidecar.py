"""Every message finds the handlers of its action, whatever else happens; on real kernels."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, ConKernelManager
from conkernelclient.errors import (
    ChannelsClosedError,
    DeadKernelError,
    KernelRestartedError,
    ProtocolError,
    ReplyTimeout,
    SessionError,
)
from conkernelclient.events import ErrorOutput
from conkernelclient.outputs.result import Result
from conkernelclient.sidecar import models
from conkernelclient.sidecar.handlers import DebugHandler, Handler
from conkernelclient.sidecar.hooks import Cell, Refused
from conkernelclient.sidecar.sidecar import Sidecar
from tests.clients import LONG, client_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SLEEP = "import time; print('on', flush=True); time.sleep(60)"


@asynccontextmanager
async def sidecar_of(km: ConKernelManager, **options: Any) -> AsyncGenerator[Sidecar]:
    """A sidecar of a running kernel."""
    async with Sidecar(km, **options) as sidecar:
        yield sidecar
        assert sidecar.actions == []


def ok(reply: Any) -> Any:
    """The content of a reply that says "ok"; any, as each request has its own."""
    assert reply.content.status in ("ok", "incomplete")
    return reply.content


def error_of(result: Result) -> ErrorOutput:
    """What the code raised."""
    assert result.error is not None
    return result.error


class Shouts(Handler):
    """Tells when the code has printed."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def handle_stream(self, message: models.Stream) -> None:
        self.heard.set()


async def test_a_cell_gives_its_result_and_its_handlers_see_every_message(
    km: ConKernelManager,
) -> None:
    """Busy, input, output, reply, idle; then that it is complete."""
    debug = DebugHandler()
    async with sidecar_of(km) as sidecar:
        action = sidecar.execute_request("print('a'); 6 * 7", handlers=[debug])
        assert action.status == "waiting"
        result = await action
        assert (result.status, result.stdout) == ("ok", "a\n")
        assert result.outputs[-1]["data"]["text/plain"] == "42"
        assert action.reply is not None
        assert action.reply["content"]["status"] == "ok"
    assert action.status == "done"
    assert debug.counts == {
        "status": 2,
        "execute_input": 1,
        "stream": 1,
        "execute_result": 1,
        "execute_reply": 1,
    }
    assert debug.is_complete
    assert await action is result


async def test_each_request_gives_the_model_of_its_reply(km: ConKernelManager) -> None:
    """When idle and the reply are both in; for comms, idle alone."""
    async with sidecar_of(km) as sidecar:
        debug = DebugHandler()
        info = await sidecar.kernel_info_request(handlers=[debug])
        assert isinstance(info, models.KernelInfoReply)
        assert debug.counts == {"status": 2, "kernel_info_reply": 1}
        complete = await sidecar.complete_request("pri")
        assert "print" in ok(complete).matches
        inspected = await sidecar.inspect_request("print")
        assert ok(inspected).found
        whole = await sidecar.is_complete_request("for x in y:")
        assert whole.content.status == "incomplete"
        await sidecar.execute_request("'remember me'")
        history = await sidecar.history_request("tail", n=1)
        assert ok(history).history[0][2] == "'remember me'"
        assert ok(await sidecar.comm_info_request()).comms == {}
        debugging = await sidecar.debug_request("debugInfo")
        assert debugging.content.model_dump()["success"]
        of_comm = DebugHandler()
        opened = sidecar.comm_open_request("nowhere", handlers=[of_comm])
        assert await opened is None
        assert of_comm.counts["comm_close"] == 1


async def test_cells_take_turns_and_an_error_aborts_those_behind_it(km: ConKernelManager) -> None:
    """The aborted ones were never sent; what is asked for afterwards runs."""
    async with sidecar_of(km) as sidecar:
        first = sidecar.execute_request("order = [1]")
        second = sidecar.execute_request("order.append(2); order.nothing")
        behind = sidecar.execute_request("order.append(3)")
        assert (await first).status == "ok"
        assert error_of(await second).ename == "AttributeError"
        aborted = await behind
        assert (aborted.status, aborted.started, behind.is_sent) == ("aborted", False, False)
        assert "AttributeError" in str(aborted.aborted_by)
        tolerant = sidecar.execute_request("1 / 0", stop_on_error=False)
        after = sidecar.execute_request("order")
        assert (await tolerant).status == "error"
        assert (await after).text.rstrip() == "[1, 2]"


async def test_what_was_not_sent_can_be_taken_out_and_what_runs_is_interrupted(
    km: ConKernelManager,
) -> None:
    """A cancel is no error: what is behind it runs."""
    async with sidecar_of(km) as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(SLEEP, handlers=[shouts])
        queued = sidecar.execute_request("never = 1")
        last = sidecar.execute_request("'never' in globals()")
        await shouts.heard.wait()
        assert sidecar.running_action is running
        assert [one.status for one in sidecar.actions] == ["running", "waiting", "waiting"]
        assert queued.cancel()
        assert not queued.cancel()
        assert running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        with pytest.raises(asyncio.CancelledError):
            await running
        assert running.outcome is not None
        assert running.outcome.stdout == "on\n"
        assert (await last).text.rstrip() == "False"


async def test_an_interrupt_aborts_what_is_queued(km: ConKernelManager) -> None:
    """As an error of the code does."""
    async with sidecar_of(km) as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(SLEEP, handlers=[shouts])
        queued = sidecar.execute_request("1")
        await shouts.heard.wait()
        await sidecar.interrupt()
        assert error_of(await running).ename == "KeyboardInterrupt"
        assert (await queued).status == "aborted"
        await sidecar.interrupt()  # nothing runs


async def test_a_timeout_interrupts_and_gives_what_was_printed(km: ConKernelManager) -> None:
    """Of a request that is no cell it is an error."""
    async with sidecar_of(km) as sidecar:
        result = await sidecar.execute_request(SLEEP, timeout=0.2)
        assert (result.status, result.stdout) == ("timeout", "on\n")
        shouts = Shouts()
        busy = sidecar.execute_request(SLEEP, handlers=[shouts])
        await shouts.heard.wait()
        with pytest.raises(ReplyTimeout):
            await sidecar.complete_request("pri", timeout=0.1)
        with pytest.raises(ReplyTimeout):
            await sidecar.comm_msg_request("nowhere", timeout=0.1)
        await sidecar.interrupt()
        assert (await busy).status == "error"


async def test_who_is_cancelled_while_he_waits_cancels_unless_another_waits(
    km: ConKernelManager,
) -> None:
    """Or the action was detached."""
    async with sidecar_of(km) as sidecar:
        for detached in (False, True):
            shouts = Shouts()
            action = sidecar.execute_request(
                "import time; print(flush=True); time.sleep(0.5)", handlers=[shouts]
            )
            if detached:
                action.detach()
            waiters = [asyncio.ensure_future(_waits(action)) for _ in range(2)]
            await shouts.heard.wait()
            for waiter in waiters:
                waiter.cancel()
                await asyncio.wait((waiter,))
            await action.until_ended()
            assert (action.error is None) is detached


async def _waits(action: Any) -> Any:
    return await action


async def test_one_slow_handler_delays_no_other_action(km: ConKernelManager) -> None:
    """A request beside it is answered, and its own cell's end waits for it."""
    release = asyncio.Event()

    async def slow(message: Any) -> None:
        await release.wait()

    async with sidecar_of(km) as sidecar:
        action = sidecar.execute_request("1", handlers=[slow])
        assert (await sidecar.execute_request("2")).text.rstrip() == "2"
        assert ok(await sidecar.complete_request("pri")).matches
        assert not action.done()
        release.set()
        assert (await action).text.rstrip() == "1"


async def test_a_handler_that_waits_for_its_own_action_is_told_so(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """It would wait for itself."""

    class Waits(Handler):
        async def handle_stream(self, message: Any) -> None:
            await action

    async with sidecar_of(km) as sidecar:
        action = sidecar.execute_request("print()", handlers=[Waits()])
        await action
    assert "waits for its own action" in str(action.failures[0].error)
    caplog.clear()


async def test_input_is_answered_by_a_handler_or_by_the_caller(km: ConKernelManager) -> None:
    """Without either, the code cannot ask."""

    class Answers(Handler):
        def handle_input_request(self, message: models.InputRequest) -> None:
            sidecar.send_stdin(message.content.prompt + "!")

    async with sidecar_of(km) as sidecar:
        asked = await sidecar.execute_request("input('a')", handlers=[Answers()])
        assert asked.text.rstrip() == "'a!'"
        given = await sidecar.execute_request("input('b')", on_stdin=lambda one: one.prompt * 2)
        assert given.text.rstrip() == "'bb'"
        refused = await sidecar.execute_request("input('c')")
        assert error_of(refused).ename == "StdinNotImplementedError"


async def test_hooks_rewrite_refuse_and_annotate(km: ConKernelManager) -> None:
    """In order, also where they take their time; what they raise is the action's error."""

    class Hooked(Sidecar):
        async def before_execute(self, cell: Cell) -> Any:
            await asyncio.sleep(0)
            if cell.code == "raise":
                raise ValueError("of the hook")
            if "secret" in cell.code:
                return Refused(f"cell {cell.cell_id} has a secret")
            return Cell(cell.code.replace("twice", "2 *"), cell.cell_id)

        def after_execute(self, cell: Cell, result: Any) -> Any:
            noted.append((cell.code, result.status))

    noted: list[Any] = []
    async with Hooked(km) as sidecar:
        refused = sidecar.execute_request("secret = 1", cell_id="c1", stop_on_error=False)
        raised = sidecar.execute_request("raise", stop_on_error=False)
        doubled = sidecar.execute_request("twice 21")
        assert (await doubled).text.rstrip() == "42"
        with pytest.raises(ValueError, match="of the hook"):
            await raised
        result = await refused
        assert (result.status, error_of(result).evalue) == ("error", "cell c1 has a secret")
        assert result.outputs[0]["output_type"] == "error"
        assert not refused.is_sent
        cancelled = sidecar.execute_request("1")
        await asyncio.sleep(0)
        cancelled.cancel()
        assert (await sidecar.execute_request("3")).text.rstrip() == "3"
    assert noted == [("2 * 21", "ok"), ("3", "ok")]


async def test_requests_of_ones_own_are_sent(km: ConKernelManager) -> None:
    """An unknown reply type is found by the request's name; ids are refused twice."""
    async with sidecar_of(km) as sidecar:
        request = models.ExecuteRequest.make(code="5 + 5")
        action = sidecar.send(request)
        with pytest.raises(ProtocolError, match="is under way"):
            sidecar.send(request)
        assert (await action).text.rstrip() == "10"
        with models.register("is_complete_request_of_ones_own", "is_complete_reply") as own:
            waiting = sidecar.send(own.request.make(), timeout=0.3)
            with pytest.raises(ReplyTimeout):
                await waiting  # the kernel knows none


async def test_messages_of_others_come_to_the_hooks(km: ConKernelManager) -> None:
    """Of another client's requests; not of the client's own ones."""

    class Notes(Sidecar):
        def handle_untracked(self, message: models.Message) -> None:
            heard.append(message.msg_type)

    heard: list[str] = []
    async with Notes(km) as sidecar, client_of(km) as other:
        await sidecar.execute_request("1")
        await sidecar.client.execute("2", reply=True)
        heard.clear()  # the other one's greeting
        await other.execute("3", reply=True)
        await until(lambda: heard.count("status") == 2)
    assert heard == ["status", "execute_input", "execute_result", "status"]


async def test_of_a_kernel_that_dies_everybody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """What runs, what is queued, what waits for an idle; a later request fails at once."""

    class Notes(Sidecar):
        def handle_death(self, news: Any) -> None:
            heard.append(news.error)

    heard: list[Any] = []
    async with Notes("python3") as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(
            "import os; print(os.getpid(), flush=True); input()",
            handlers=[shouts],
            on_stdin=lambda _: None,
        )
        queued = sidecar.execute_request("1")
        await shouts.heard.wait()
        comm = sidecar.comm_msg_request("nowhere")
        assert running.outcome is None
        pid = int(_printed(sidecar))
        os.kill(pid, signal.SIGKILL)
        for action in (running, queued, comm):
            with pytest.raises(DeadKernelError):
                await action
        await until(lambda: heard)
        assert issubclass(type(heard[0]), DeadKernelError)
        for action in (sidecar.execute_request("1"), sidecar.complete_request("pri")):
            with pytest.raises(DeadKernelError):
                await action
        with pytest.raises(DeadKernelError):
            await sidecar.comm_msg_request("nowhere")
    caplog.clear()


def _printed(sidecar: Sidecar) -> str:
    run: Any = next(iter(sidecar._cells._runs.values()))
    return run.outcome.stdout


async def test_a_restart_ends_what_was_sent_and_the_next_cell_runs() -> None:
    """The hook is told."""

    class Notes(Sidecar):
        def handle_restart(self, news: Any) -> None:
            heard.append(news.state)

    heard: list[str] = []
    async with Notes("python3") as sidecar:
        shouts = Shouts()
        running = sidecar.execute_request(SLEEP, handlers=[shouts])
        queued = sidecar.execute_request("1")
        await shouts.heard.wait()
        await sidecar.restart()
        for action in (running, queued):
            with pytest.raises(KernelRestartedError):
                await action
        assert (await sidecar.execute_request("6 * 7")).text.rstrip() == "42"
    assert heard == ["restarting"]


async def test_each_way_to_a_kernel(km: ConKernelManager, tmp_path: Path) -> None:
    """A file, a client with its channels open or not, a manager, running or not; all are left."""
    async with Sidecar(km.connection_file) as sidecar:
        assert (await sidecar.execute_request("1")).text.rstrip() == "1"
        with pytest.raises(SessionError, match="was not started here"):
            await sidecar.restart()
    async with client_of(km) as kc, Sidecar(kc) as sidecar:
        going_on = sidecar.execute_request("import time; time.sleep(0.3); 2")
        await until(lambda: going_on.is_sent)
        await sidecar.__aexit__(None, None, None)
        assert (await going_on).text.rstrip() == "2"
        assert await kc.kernel_info(reply=True)
    closed = km.client()
    assert isinstance(closed, ConKernelClient)
    async with Sidecar(closed) as sidecar:
        await sidecar.kernel_info_request()
    assert not closed.channels_running
    fresh = ConKernelManager(kernel_name="python3")
    async with Sidecar(fresh) as sidecar:
        assert (await sidecar.execute_request("3")).text.rstrip() == "3"
    assert not fresh.has_kernel
    with pytest.raises(SessionError, match="no connection file"):
        async with Sidecar(tmp_path / "none.json"):
            pass


async def test_leaving_ends_what_waits() -> None:
    """Sent or not; a handler that is stuck does not hold it."""

    async def stuck(message: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with asyncio.timeout(LONG):
        async with Sidecar("python3") as sidecar:
            running = sidecar.execute_request("import time; time.sleep(60)")
            queued = sidecar.execute_request("1")
            held = sidecar.kernel_info_request(handlers=[stuck])
            await until(lambda: running.is_sent)
        for action in (running, queued):
            with pytest.raises((ChannelsClosedError, DeadKernelError)):
                await action
        assert held.done()
    with pytest.raises(SessionError, match="is not open"):
        sidecar.execute_request("1")


async def test_a_thousand_cells_leave_nothing_behind(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """Actions are let go of when they have ended."""
    async with sidecar_of(km) as sidecar:
        actions = [sidecar.execute_request(f"{number}") for number in range(100)]
        others = [sidecar.complete_request("pri") for _ in range(100)]
        results = [await action for action in actions]
        assert [result.text.rstrip() for result in results] == [
            str(number) for number in range(100)
        ]
        assert all([ok(await other).matches for other in others])
        kc: Any = sidecar.client
        assert kc.stats()["pending"] == 0
        assert len(kc._connection.subscribers.all) <= 3
    assert caplog.records == []


PLACE: ContextVar[str] = ContextVar("PLACE")


async def test_handlers_run_in_the_context_of_who_asked(km: ConKernelManager) -> None:
    """So what they print in a notebook is shown by the right cell; also of those that waited."""

    class Places(Handler):
        def unhandled_message(self, message: Any) -> None:
            seen.add(PLACE.get())

        async def action_complete(self, action: Any) -> None:
            seen.add(PLACE.get())

    seen: set[str] = set()
    async with sidecar_of(km) as sidecar:
        PLACE.set("first")
        first = sidecar.execute_request("1")
        PLACE.set("second")
        second = sidecar.execute_request("2", handlers=[Places()])
        third = sidecar.kernel_info_request(handlers=[Places()])
        PLACE.set("third")
        for action in (first, second, third):
            await action
    assert seen == {"second"}
