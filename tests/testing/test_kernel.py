"""A fake kernel answers as a kernel does, over real sockets, and does what its scripts say."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.session import Session

from conkernelclient import errors
from conkernelclient.testing import (
    Ask,
    Die,
    FakeKernel,
    Hold,
    Publish,
    Raise,
    Reply,
    Say,
    Show,
    Silence,
    Value,
    echo,
)
from tests.clients import LONG, opened, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conkernelclient import ConKernelClient


@asynccontextmanager
async def fake(*args: Any, **options: Any) -> AsyncIterator[tuple[FakeKernel, ConKernelClient]]:
    """A fake kernel and a client that is ready."""
    with FakeKernel(*args, **options) as kernel:
        kc = await opened(kernel.client())
        try:
            async with asyncio.timeout(LONG):
                yield kernel, kc
            assert kc.stats()["violations"] == kc.stats()["rejected"] == 0
        finally:
            kc.stop_channels()


async def raw_messages(kc: ConKernelClient, msg_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Type and content of what was published for a request."""
    pubs = await kc.get_pubs(msg_id, timeout=LONG)
    assert all(pub["parent_header"]["msg_id"] == msg_id for pub in pubs)
    return [(pub["msg_type"], pub["content"]) for pub in pubs]


async def test_code_without_a_script_is_ok_and_shows_nothing() -> None:
    """Busy, the code, the reply, idle: with the request as the parent, signed."""
    async with fake() as (_, kc):
        msg_id = kc.execute("anything")
        published = await raw_messages(kc, msg_id)
        assert [kind for kind, _ in published] == ["status", "execute_input", "status"]
        states = [content.get("execution_state") for _, content in published]
        assert states == ["busy", None, "idle"]
        assert published[1][1] == {"code": "anything", "execution_count": 1}
        reply = await kc.execute("x", user_expressions={"a": "1 + 1"}, reply=True)
        content = reply["content"]
        assert (content["status"], content["execution_count"]) == ("ok", 2)
        assert content["user_expressions"]["a"]["data"] == {"text/plain": "1 + 1"}
        silent = await kc.execute("x", silent=True, reply=True)
        assert silent["content"]["execution_count"] == 2


async def test_every_verb_of_a_client_is_answered() -> None:
    """As by a kernel that finds nothing."""
    async with fake() as (_, kc):
        replies = await asyncio.gather(
            kc.kernel_info(reply=True),
            kc.complete("imp", 3, reply=True),
            kc.inspect("x", reply=True),
            kc.history(reply=True),
            kc.is_complete("x", reply=True),
            kc.comm_info(reply=True),
            kc.request("interrupt_request", {}, "control"),
        )
        contents = [reply["content"] for reply in replies]
        assert {content["status"] for content in contents} == {"ok", "complete"}
        assert contents[0]["implementation"] == "fake"
        assert contents[1]["cursor_end"] == 3
        assert contents[2]["found"] is False
        assert contents[3]["history"] == []


async def test_a_script_s_outputs_are_those_of_the_run() -> None:
    """Each action is the message that its docstring names."""
    script = [
        Say("out"),
        Say("bad", "stderr"),
        Show({"text/html": "<b>"}, {"m": 1}, display_id="d"),
        Show("new", display_id="d", is_update=True),
        Publish("clear_output", {"wait": True}),
        Value("42"),
    ]
    async with fake() as (kernel, kc):
        kernel.on_code("all", script)
        published = await raw_messages(kc, kc.execute("all"))
        assert [kind for kind, _ in published[2:-1]] == [
            "stream",
            "stream",
            "display_data",
            "update_display_data",
            "clear_output",
            "execute_result",
        ]
        assert published[4][1]["transient"] == {"display_id": "d"}
        assert published[5][1]["data"] == {"text/plain": "new"}
        assert published[7][1] == {
            "data": {"text/plain": "42"},
            "metadata": {},
            "execution_count": 1,
        }
        kernel.on_code("few", [Say("a"), Value({"text/plain": "1"})])
        result = await kc.run("few")
        assert (result.status, result.text) == ("ok", "a\n1\n")


async def test_an_error_is_shown_and_replied() -> None:
    """By an action, and by a script that raises as the cell's code would."""

    def code(request: Any) -> Iterator[Any]:
        yield Say("before")
        raise ValueError(request["content"]["code"])

    def broken(request: Any) -> Any:
        raise KeyError("at once")

    async with fake() as (kernel, kc):
        kernel.on_code("raise", [Raise("ZeroDivisionError", "zero", ["a", "b"]), Say("never")])
        kernel.on_code("code", code)
        kernel.on_code("broken", broken)
        result = await kc.run("raise")
        assert result.error is not None
        assert (result.error.ename, result.error.traceback) == ("ZeroDivisionError", ["a", "b"])
        assert result.stdout == ""
        result = await kc.run("code")
        assert (result.stdout, result.error and result.error.evalue) == ("before", "code")
        result = await kc.run("broken")
        assert result.error is not None
        assert result.error.ename == "KeyError"


async def test_the_script_is_that_of_the_code_the_pattern_or_the_kernel() -> None:
    """Exactly the code, or a pattern found in it; the last one given; else the kernel's."""
    async with fake(echo) as (kernel, kc):
        kernel.on_code(re.compile("^long"), [Say("pattern")])
        kernel.on_code("long one()", [Say("exact")])
        assert (await kc.run("long one()")).stdout == "exact"
        assert (await kc.run("long two()")).stdout == "pattern"
        assert (await kc.run("other")).stdout == "other"
        kernel.on_code(re.compile("two"), [Say("later")])
        assert (await kc.run("long two()")).stdout == "later"


async def test_a_generator_asks_and_gets_the_answer() -> None:
    """The end of the file is an EOFError, and a client without stdin an error as in ipykernel."""
    asked = []

    def dialogue(request: Any) -> Iterator[Any]:
        first = yield Ask("name? ")
        second = yield Ask("secret? ", password=True)
        try:
            yield Ask("more? ")
        except EOFError:
            yield Say(f"{first} {second}")

    answers = {"name? ": "ann", "secret? ": "s", "more? ": "\x04"}

    def answer(question: Any) -> str:
        asked.append((question.prompt, question.password))
        return answers[question.prompt]

    async with fake() as (kernel, kc):
        kernel.on_code("ask", dialogue)
        result = await kc.run("ask", on_stdin=answer)
        assert result.stdout == "ann s"
        assert asked == [("name? ", False), ("secret? ", True), ("more? ", False)]
        result = await kc.run("ask")
        assert result.error is not None
        assert result.error.ename == "StdinNotImplementedError"


async def test_an_answer_by_hand_goes_to_the_cell_that_asked() -> None:
    """As jupyter_client's `input` sends it, without a parent."""
    async with fake() as (kernel, kc):
        kernel.on_code("ask", lambda _: iter([Ask("?"), Say("through")]))
        reply = kc.execute("ask", allow_stdin=True, reply=True)
        question = await kc.get_stdin_msg(timeout=LONG)
        assert question["content"]["prompt"] == "?"
        kc.session.send(kc.stdin_channel.socket, "input_reply", {"value": "by hand"})
        assert (await reply)["content"]["status"] == "ok"


async def test_a_held_cell_keeps_its_shell_busy_until_its_event_is_set() -> None:
    """Control answers meanwhile, subshells as well; the shell goes on in order afterwards."""
    gate = threading.Event()
    async with fake() as (kernel, kc):
        kernel.on_code("hold", [Hold(gate), Say("through")])
        held = kc.run("hold")
        behind = kc.complete("x", reply=True)
        subshell = await kc.create_subshell()
        assert await kc.list_subshell() == [subshell]
        beside = await kc.run("beside", subshell_id=subshell)
        assert beside.status == "ok"
        assert not held.done()
        assert not behind.done()
        gate.set()
        assert (await held).stdout == "through"
        assert (await behind)["content"]["status"] == "ok"
        await kc.delete_subshell(subshell)
        with pytest.raises(errors.ProtocolError, match="no subshell"):
            await kc.delete_subshell(subshell)
        reply = await kc.request("kernel_info_request", {}, timeout=LONG)
        assert reply["content"]["supported_features"] == ["kernel subshells"]


async def test_an_interrupt_ends_what_is_held_in_the_main_shell_alone() -> None:
    """By the client's message and by the kernel's method; a subshell is not reached."""
    gate = threading.Event()
    async with fake() as (kernel, kc):
        kernel.on_code("for ever", [Hold()])
        kernel.on_code("gated", [Hold(gate)])
        subshell = await kc.create_subshell()
        beside = kc.run("gated", subshell_id=subshell)
        run = kc.run("for ever")
        assert await run.interrupt()
        result = await run
        assert result.error is not None
        assert result.error.ename == "KeyboardInterrupt"
        run = kc.run("for ever")
        await until(lambda: run.is_interruptible)
        kernel.interrupt()
        assert (await run).error == result.error
        assert not beside.done()
        kernel.interrupt()  # nobody is held: nobody is hit
        gate.set()
        assert (await beside).status == "ok"


async def test_a_script_may_swallow_an_interrupt() -> None:
    """It comes as a KeyboardInterrupt at the `yield` that waits; a script may take the request."""

    def stubborn(request: Any) -> Iterator[Any]:
        try:
            yield Hold()
        except KeyboardInterrupt:
            yield Say("no")

    async with fake() as (kernel, kc):
        kernel.on_code("stubborn", stubborn)
        run = kc.run("stubborn")
        await run.interrupt()
        result = await run
        assert (result.status, result.stdout, result.interrupted) == ("ok", "no", True)
        gate = threading.Event()
        kernel.on("interrupt_request", [])
        kernel.on_code("gated", [Hold(gate)])
        run = kc.run("gated")
        reply = await kc.request("interrupt_request", {}, "control")
        assert reply["content"]["status"] == "ok"
        assert not run.done()
        gate.set()
        assert (await run).status == "ok"


@pytest.mark.parametrize("stop_on_error", [True, False])
async def test_an_error_aborts_what_is_queued_behind_it_as_in_ipykernel(
    stop_on_error: bool,
) -> None:
    """Execute requests alone, and only if the one that failed says so."""
    gate = threading.Event()
    async with fake() as (kernel, kc):
        kernel.on_code("bad", [Hold(gate), Raise("ValueError")])
        bad = kc.execute("bad", reply=True, stop_on_error=stop_on_error)
        queued = [kc.execute(f"{n}", reply=True) for n in range(3)]
        info = kc.kernel_info(reply=True)
        await asyncio.to_thread(kernel.wait_for, "execute_request", 4)
        gate.set()
        assert (await bad)["content"]["status"] == "error"
        statuses = [(await reply)["content"]["status"] for reply in queued]
        assert statuses == ["aborted" if stop_on_error else "ok"] * 3
        assert (await info)["content"]["status"] == "ok"
        assert (await kc.execute("later", reply=True))["content"]["status"] == "ok"
        codes = [r["content"].get("code") for r in kernel.requests if "code" in r["content"]]
        assert codes == ["bad", "0", "1", "2", "later"]


async def test_an_error_aborts_also_what_has_come_and_is_not_read_yet() -> None:
    """As ipykernel, which empties its socket first."""

    def bad(request: Any) -> Any:
        life = kernel._life
        assert life is not None
        other = life._arrived["shell"] or life._ports._sockets["shell"].poll(LONG * 1000)
        raise ValueError if other else AssertionError("it did not come")

    async with fake() as (kernel, kc):
        kernel.on_code("bad", bad)
        replies = kc.execute("bad", reply=True), kc.execute("good", reply=True)
        statuses = [(await reply)["content"]["status"] for reply in replies]
        assert statuses == ["error", "aborted"]


async def test_the_reply_comes_where_the_script_says_and_only_once() -> None:
    """What follows it is published before idle; its content is laid over the default one."""
    async with fake() as (kernel, kc):
        kernel.on_code("early", [Reply({"payload": [1]}), Say("after"), Reply({"payload": [2]})])
        result = await kc.run("early")
        assert result.reply is not None
        assert result.reply["content"]["payload"] == [1]
        assert (result.stdout, result.status) == ("after", "ok")
        kernel.on("complete_request", [Reply({"matches": ["a"]}, {"m": 1}, [b"raw"])])
        reply = await kc.complete("x", 1, reply=True)
        assert reply["content"]["matches"] == ["a"]
        assert (reply["content"]["cursor_end"], reply["metadata"]) == (1, {"m": 1})
        assert [bytes(buffer) for buffer in reply["buffers"]] == [b"raw"]
        kernel.on("strange_request", [Reply({"answer": 42})])
        assert (await kc.request("strange_request", {}))["content"]["answer"] == 42
        kernel.on("inspect_request", [Raise("RuntimeError", "no")])
        assert (await kc.inspect("x", reply=True))["content"]["evalue"] == "no"


async def test_silence_is_no_reply_with_or_without_idle() -> None:
    """The shell goes on with the next request."""
    async with fake() as (kernel, kc):
        kernel.on_code("mute", [Silence()])
        kernel.on_code("stuck", [Silence(is_idle=False)])
        with pytest.raises(errors.ReplyTimeout):
            await kc.execute("mute", reply=True, timeout=0.01)
        mute, stuck = kc.execute("mute"), kc.execute("stuck")
        assert (await kc.execute("next", reply=True))["content"]["status"] == "ok"
        assert [kind for kind, _ in await raw_messages(kc, mute)][-1] == "status"
        with pytest.raises(errors.ReplyTimeout):
            await kc.get_pubs(stuck, timeout=0.01)


async def test_what_died_is_gone_with_its_sockets_and_what_it_said_arrives() -> None:
    """As a process that was killed; afterwards it can be restarted at the same ports."""
    async with fake() as (kernel, kc):
        info = kernel.connection_info
        kernel.on_code("die", [Say("last words"), Die(), Say("never")])
        said = []
        kc.subscribe(said.append, msg_type="stream")
        kc.execute("die")
        await until(lambda: said)
        await until(lambda: not kernel.is_alive)
        assert [message["content"]["text"] for message in said] == ["last words"]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((info["ip"], info["shell_port"]), timeout=LONG)
        kernel.restart()
        assert kernel.is_alive
        assert kernel.connection_info == info
        async with asyncio.timeout(LONG):
            other = await kernel.client().start_channels()
        assert (await other.run("x")).status == "ok"
        other.stop_channels()


async def test_a_restarted_kernel_is_another_one_at_the_same_ports() -> None:
    """Its session id tells; what was held is gone; a new client is welcome."""
    async with fake() as (kernel, kc):
        before = kernel.session
        kernel.on_code("hold", [Hold()])
        kc.execute("hold")
        await asyncio.to_thread(kernel.wait_for, "execute_request")
        kernel.restart()
        assert kernel.session != before
        other = await kernel.client().start_channels()
        reply = await other.execute("x", reply=True)
        assert reply["header"]["session"] == kernel.session
        assert reply["content"]["execution_count"] == 1
        other.stop_channels()


async def test_a_shutdown_request_ends_it_after_the_reply() -> None:
    """With restart it is there again at once, as if a manager had started it."""
    async with fake() as (kernel, kc):
        before = kernel.session
        reply = await kc.request("shutdown_request", {"restart": True}, "control")
        assert reply["content"]["restart"] is True
        await until(lambda: kernel.session != before and kernel.is_alive)
    async with fake() as (kernel, kc):
        reply = await kc.request("shutdown_request", {"restart": False}, "control")
        assert reply["content"]["status"] == "ok"
        await until(lambda: not kernel.is_alive)


async def test_it_answers_while_the_event_loop_is_blocked() -> None:
    """Its thread is its own: a blocking client of jupyter_client's kind works beside it."""
    with FakeKernel(echo) as kernel:
        session = Session(key=kernel.connection_info["key"].encode())
        context = zmq.Context()
        with context.socket(zmq.DEALER) as shell:
            shell.linger = 0
            shell.connect(f"tcp://127.0.0.1:{kernel.connection_info['shell_port']}")
            session.send(shell, "execute_request", {"code": "x"})
            assert shell.poll(LONG * 1000)
            _, reply = session.recv(shell)
        context.term()
        assert reply is not None
        assert reply["msg_type"] == "execute_reply"
        assert len(kernel.wait_for("execute_request")) == 1


async def test_jupyter_client_s_own_client_takes_it_for_a_kernel() -> None:
    """Nothing in it is made for our client alone."""
    with FakeKernel(echo) as kernel:
        client = AsyncKernelClient()
        client.load_connection_info(kernel.connection_info)
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=LONG)
            shown = []
            reply = await client.execute_interactive(
                "hello", timeout=LONG, allow_stdin=False, output_hook=shown.append
            )
            assert reply["content"]["status"] == "ok"
            assert "hello" in [message["content"].get("text") for message in shown]
            assert await client.is_alive()
        finally:
            client.stop_channels()


async def test_each_subscription_is_welcomed() -> None:
    """Also the second one, which ZMQ by itself does not pass on (JEP 65)."""
    with FakeKernel() as kernel, zmq.Context() as context:
        session = Session(key=kernel.connection_info["key"].encode())
        for _ in range(2):
            with context.socket(zmq.SUB) as iopub:
                iopub.linger = 0
                iopub.subscribe("")
                iopub.connect(f"tcp://127.0.0.1:{kernel.connection_info['iopub_port']}")
                assert iopub.poll(LONG * 1000)
                _, welcome = session.recv(iopub)
                assert welcome is not None
                assert welcome["msg_type"] == "iopub_welcome"
                assert welcome["content"] == {"subscription": ""}
                assert welcome["parent_header"] == {}


async def test_a_kernel_without_welcomes_and_subshells_is_an_older_one() -> None:
    """A client finds out by probing, and by the features."""
    async with fake(is_welcoming=False, features=()) as (_, kc):
        assert (await kc.run("x")).status == "ok"
        with pytest.raises(errors.ProtocolError, match="subshells"):
            await kc.create_subshell()
        reply = await kc.request("create_subshell_request", {}, "control")
        assert reply["content"]["ename"] == "NotSupported"


async def test_the_heart_beats_until_it_dies() -> None:
    """As the client's heartbeat thread sees it."""
    with FakeKernel() as kernel:
        kc = kernel.client()
        kc.hb_channel.time_to_dead = 0.02
        await kc.start_channels()
        try:
            kc.hb_channel.unpause()
            await until(kc.hb_channel.is_beating)
            kernel.kill()
            kernel.kill()  # harmless
            await until(lambda: not kc.hb_channel.is_beating())
        finally:
            kc.stop_channels()


async def test_what_it_says_unasked_reaches_who_listens() -> None:
    """With and without a request as the parent."""
    async with fake() as (kernel, kc):
        got = []
        kc.subscribe(got.append, msg_type="comm_open")
        kernel.publish("comm_open", {"comm_id": "c", "target_name": "t"})
        await until(lambda: got)
        run = kc.run("x")
        await run
        kernel.publish("stream", {"name": "stdout", "text": "late"}, kernel.requests[-1])
        await until(lambda: run.late)
        assert run.late[0].text == "late"


async def test_a_message_of_someone_else_is_rejected_and_costs_nothing() -> None:
    """Wrongly signed, to a subshell that is not there, of an unknown type."""
    async with fake() as (kernel, kc):
        stranger = kernel.client(session=Session(key=b"another"))
        stranger.start_channels()
        stranger.session.key = b"another"
        stranger.execute("evil")
        stranger.stop_channels()
        lost = kc.session.msg("execute_request", {"code": "lost"})
        lost["header"]["subshell_id"] = "gone"
        kc.session.send(kc.shell_channel.socket, lost)
        reply = await kc.get_shell_msg(timeout=LONG)
        assert reply["content"]["ename"] == "UnknownSubshell"
        msg_id = kc.session.send(kc.shell_channel.socket, "odd_request", {})["msg_id"]
        assert [kind for kind, _ in await raw_messages(kc, msg_id)] == ["status", "status"]
        assert (await kc.run("x")).status == "ok"
        assert "evil" not in [request["content"].get("code") for request in kernel.requests]


async def test_it_remembers_the_last_requests_and_waits_for_them_so_long() -> None:
    """`requests` is bounded; `wait_for` says how many came."""
    async with fake(max_requests=3) as (kernel, kc):
        for number in range(5):
            await kc.execute(f"{number}", reply=True)
        assert [request["content"]["code"] for request in kernel.requests] == ["2", "3", "4"]
        with pytest.raises(TimeoutError, match="3 of 4"):
            kernel.wait_for("execute_request", 4, timeout=0.0)


def test_nothing_is_left_of_it_and_without_with_it_says_so() -> None:
    """No thread, no port; also after an error in the block and after it died."""
    kernel = FakeKernel()
    with pytest.raises(RuntimeError, match="with"):
        kernel.restart()
    assert not kernel.is_alive
    assert kernel.session == ""
    with pytest.raises(ZeroDivisionError), kernel:
        assert "alive" in repr(kernel)
        port = kernel.connection_info["shell_port"]
        raise ZeroDivisionError
    assert not [t for t in threading.enumerate() if t.name.startswith("conkernel-fake")]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=LONG)
    with kernel:  # may be started again
        kernel.kill()
    assert not kernel.is_alive


async def test_a_held_cell_s_thread_ends_with_it() -> None:
    """Whether its event is set or not."""

    def holders() -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t.name == "conkernel-fake-hold"]

    async with fake() as (kernel, kc):
        kernel.on_code("hold", [Hold(threading.Event())])
        run = kc.run("hold")
        await until(holders)
        await run.interrupt()
        for thread in holders():
            await asyncio.to_thread(thread.join, LONG)
        assert holders() == []


async def test_two_kernels_never_collide() -> None:
    """Each has ports of its own, and a client of one has nothing of the other's."""
    with FakeKernel(echo) as one, FakeKernel(echo) as two:
        ports = [*one._numbers.values(), *two._numbers.values()]
        assert len(set(ports)) == 10
        a, b = await one.client().start_channels(), await two.client().start_channels()
        assert [(await kc.run(text)).stdout for kc, text in ((a, "a"), (b, "b"))] == ["a", "b"]
        assert len(one.wait_for("execute_request")) == len(two.wait_for("execute_request")) == 1
        a.stop_channels()
        b.stop_channels()


async def test_it_can_be_used_with_async_with() -> None:
    """As with `with`; it is gone at the end of the block."""
    began = time.monotonic()
    async with FakeKernel() as kernel:
        kc = await kernel.client().start_channels()
        assert (await kc.run("x")).status == "ok"
        kc.stop_channels()
    assert not kernel.is_alive
    assert time.monotonic() - began < LONG
