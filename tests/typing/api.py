"""
What does a type checker know of a program that uses this library?

`mypy --strict` reads this file, and nothing runs it. A line that is wrong on purpose carries the
error that it is to give: an ignore that ignores nothing is an error itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, assert_never, assert_type

import conkernelclient
from conkernelclient import (
    ConKernelClient,
    ConKernelManager,
    ConMultiKernelManager,
    KernelNews,
    KernelWatch,
    Result,
    Run,
    Variable,
    apply_session_patch,
    errors,
    events,
    run_kernel,
    start_new_async_kernel,
    undo_session_patch,
)
from conkernelclient.client.comms import Comm
from conkernelclient.client.futures import RequestFuture
from conkernelclient.connection.subscribers import Subscription
from conkernelclient.protocol.messages import Message


async def a_kernel_is_owned_by_a_block() -> None:
    """The client comes out of `run_kernel` with its class."""
    async with run_kernel() as kc:
        assert_type(kc, ConKernelClient)
    async with run_kernel(
        "python3", startup_timeout=None, client_options={"window": None}, cwd="/"
    ) as kc:
        assert_type(await kc.run("1"), Result)


async def managers_make_clients() -> None:
    """Whatever jupyter_client's managers do, with our classes coming out."""
    km, kc = await start_new_async_kernel(startup_timeout=30, kernel_name="python3", env={})
    assert_type(km, ConKernelManager)
    assert_type(kc, ConKernelClient)
    kc.stop_channels()
    await km.shutdown_kernel(now=True)

    km = ConKernelManager(kernel_name="python3")
    await km.start_kernel()
    assert_type(await km.client().start_channels(), ConKernelClient)
    kc = km.client(default_timeout=1.5)
    kc.start_channels(stdin=False)
    await kc.wait_for_ready(timeout=10)
    assert_type(kc.channels_running, bool)
    many = ConMultiKernelManager()
    assert_type(many.kernel_manager_class, str)


async def a_request_gives_its_id_or_its_reply(kc: ConKernelClient) -> None:
    """`reply` decides, for `execute` and for every other verb."""
    assert_type(kc.execute("x = 1"), str)
    assert_type(kc.execute("x = 1", reply=False), str)
    assert_type(kc.execute("2 + 1", reply=True, timeout=1), RequestFuture[Message])
    assert_type(await kc.execute("2 + 1", True, False, {"y": "x"}, reply=True), Message)
    await kc.execute("2 + 1")  # type: ignore[misc]
    kc.execute("2 + 1", reply="yes")  # type: ignore[call-overload]
    kc.execute("2 + 1", timeout="soon", reply=True)  # type: ignore[call-overload]

    assert_type(kc.complete("pri", 3), str)
    assert_type(await kc.complete("pri", 3, reply=True, subshell_id=None), Message)
    assert_type(kc.inspect("print", detail_level=1), str)
    assert_type(await kc.inspect("print", 2, 1, reply=True), Message)
    assert_type(kc.history(hist_access_type="tail", n=3), str)
    assert_type(await kc.history(hist_access_type="tail", n=3, reply=True), Message)
    assert_type(kc.is_complete("for"), str)
    assert_type(await kc.is_complete("for", reply=True), Message)
    assert_type(kc.kernel_info(), str)
    assert_type(await kc.kernel_info(reply=True, timeout=1), Message)
    assert_type(kc.comm_info(), str)
    assert_type(await kc.comm_info("target", reply=True), Message)
    assert_type(kc.shutdown(restart=True), str)
    assert_type(await kc.shutdown(reply=True, timeout=None), Message)
    kc.shutdown(subshell_id="main")  # type: ignore[call-overload]


async def any_request_can_be_made(kc: ConKernelClient) -> None:
    """What has no verb goes through `request`."""
    asked = kc.request(
        "debug_request", {"command": "debugInfo"}, "control", buffers=[b"x"], timeout=1
    )
    assert_type(asked, RequestFuture[Message])
    assert_type(await asked, Message)
    kc.request("debug_request", {}, "iopub")  # type: ignore[arg-type]


async def a_message_is_a_dict_with_known_keys(kc: ConKernelClient) -> None:
    """Only what the kernel wrote into it is unknown."""
    reply = await kc.kernel_info(reply=True)
    assert_type(reply["header"]["msg_id"], str)
    assert_type(reply["header"]["date"], datetime)
    assert_type(reply["parent_header"], dict[str, Any])
    assert_type(reply["content"], dict[str, Any])
    reply["contents"]  # type: ignore[typeddict-item]


async def replies_go_wherever_awaitables_go(kc: ConKernelClient) -> None:
    """They are futures and coroutines at once; jupyter_client's programs make tasks of them."""
    assert_type(
        asyncio.create_task(kc.execute("1", reply=True)),
        asyncio.Task[Message],
    )
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(kc.run("1")), asyncio.Task[Result])
    first, second = kc.execute("1", reply=True), kc.execute("2", reply=True)
    assert_type(await asyncio.gather(first, second), tuple[Message, Message])
    assert_type(await asyncio.gather(*(kc.run(f"{i}") for i in range(9))), list[Result])
    assert_type(await asyncio.wait_for(kc.run("1"), 1), Result)
    assert_type(await asyncio.shield(kc.run("1")), Result)


async def a_run_gives_its_result(kc: ConKernelClient) -> None:
    """Awaited, and as it stands."""
    run = kc.run(
        "1",
        timeout=10,
        start_timeout=None,
        on_timeout="leave",
        silent=True,
        subshell_id=None,
        max_output_bytes=1_000_000,
    )
    assert_type(run, Run)
    assert_type(run.msg_id, str)
    assert_type(run.subshell_id, str | None)
    assert_type(run.started, bool)
    assert_type(run.outcome, Result)
    assert_type(await run, Result)
    assert_type(run.result(), Result)
    assert_type(await run.interrupt(), bool)
    assert_type(run.cancel(), bool)
    assert_type(run.late, list[events.Event])
    run.detach()
    kc.run("1", on_timeout="shrug")  # type: ignore[arg-type]
    kc.run("1", 10)  # type: ignore[call-arg]


def a_result_says_what_came_of_it(result: Result) -> None:
    """Each attribute with its type."""
    assert_type(result.status, Literal["ok", "error", "aborted", "timeout", "cancelled", "running"])
    assert_type(result.ok, bool)
    assert_type(result.outputs, list[dict[str, Any]])
    assert_type(result.text, str)
    assert_type(result.stdout, str)
    assert_type(result.stderr, str)
    assert_type(result.data, dict[str, Any] | None)
    assert_type(result.execution_count, int | None)
    assert_type(result.reply, Message | None)
    assert_type(result.duration, float | None)
    assert_type(result.started, bool)
    assert_type(result.interrupted, bool)
    assert_type(result.still_running, bool)
    assert_type(result.aborted_by, str | None)
    assert_type(result.to_llm(max_chars=1_000), str)
    assert_type(result.raise_for_status(), Result)
    if result.error is not None:
        assert_type(result.error.ename, str)
        assert_type(result.error.traceback, list[str])


async def a_run_is_iterated_for_its_events(kc: ConKernelClient) -> None:
    """The match is complete: every class of events is in it."""
    async for event in kc.run("print('a')"):
        assert_type(event.message, Message | None)
        match event:
            case events.Started(execution_count=count):
                assert_type(count, int | None)
            case events.Stream(name=name, text=text):
                assert_type(name, str)
                assert_type(text, str)
            case events.Display(data=data) | events.DisplayUpdate(data=data):
                assert_type(data, dict[str, Any])
            case events.ExecuteResult():
                assert_type(event.metadata, dict[str, Any])
            case events.ErrorOutput():
                assert_type(event.ename, str)
            case events.Clear(wait=wait):
                assert_type(wait, bool)
            case events.InputRequest(prompt=prompt, password=password):
                assert_type(prompt, str)
                assert_type(password, bool)
            case events.Finished(result=result):
                assert_type(result, Result)
            case _:
                assert_never(event)


async def handlers_are_functions_or_coroutine_functions(kc: ConKernelClient) -> None:
    """Of what they are called with nothing is unknown."""
    shown: list[events.Event] = []
    seen: list[str] = []

    async def show(event: events.Event) -> None:
        shown.append(event)

    def answer(question: events.InputRequest) -> str | None:
        return None if question.password else "yes"

    async def answer_later(question: events.InputRequest) -> str:
        return question.prompt

    def see(message: Message) -> None:
        seen.append(message["msg_type"])

    async def see_later(message: Message) -> None:
        see(message)

    kc.run("1", on_output=shown.append, on_stdin=answer)
    kc.run("1", on_output=show, on_stdin=answer_later)
    kc.run("1", on_output=see)  # type: ignore[arg-type]
    assert_type(kc.subscribe(see), Subscription)
    subscription = kc.subscribe(
        see_later, channel="iopub", msg_type=("stream", "error"), msg_id="x"
    )
    assert_type(subscription.dropped, int)
    assert_type(await subscription.until_handled(), None)
    subscription.close()


async def a_kernel_is_watched(kc: ConKernelClient) -> None:
    """What its handler gets is known, and which states there are."""
    heard: list[KernelNews] = []

    async def hear_later(news: KernelNews) -> None:
        heard.append(news)

    watch = kc.watch_kernel(heard.append)
    assert_type(watch, KernelWatch)
    assert_type(kc.watch_kernel(hear_later), KernelWatch)
    assert_type(await watch.until_handled(), None)
    watch.close()
    assert_type(kc.kernel_state == heard[0].state, bool)
    assert_type(heard[0].error, errors.ConKernelError | None)
    match heard[0].state:
        case "ready" | "disconnected" | "restarting" | "starting" | "dead":
            pass
        case _:
            assert_never(heard[0].state)


async def what_nobody_claimed_can_be_had(kc: ConKernelClient) -> None:
    """By the id of its request, and from the channel objects."""
    assert_type(await kc.get_pubs(kc.execute("1"), timeout=1), list[Message])
    assert_type(await kc.get_pubs(), list[Message])
    assert_type(await kc.shell_channel.get_msg(timeout=0), Message)
    assert_type(await kc.get_iopub_msg(timeout=0), Message)
    assert_type(await kc.iopub_channel.msg_ready(), bool)
    assert_type(await kc.execute_interactive("1", output_hook=print, timeout=1), Message)
    kc.input("yes")


async def values_go_in_and_out(kc: ConKernelClient) -> None:
    """Of a value that comes out nothing is known."""
    assert_type(await kc.eval("x + y", timeout=1), Any)
    assert_type(await kc.get("x"), Any)
    await kc.set(x=1, y=[2, 3])
    assert_type(await kc.variables(), dict[str, str])
    assert_type(await kc.call("f", 1, timeout=1, key=2), Any)
    assert_type(await kc.inspect_variable("x", max_chars=200), Variable)


async def subshells_have_ids(kc: ConKernelClient) -> None:
    """They are strings."""
    subshell_id = await kc.create_subshell()
    assert_type(subshell_id, str)
    assert_type(await kc.list_subshell(), list[str])
    await kc.delete_subshell(subshell_id, timeout=1)


async def comms_are_opened_and_kept(kc: ConKernelClient) -> None:
    """From either side."""

    async def opened(comm: Comm, message: Message) -> None:
        comm.send(message["content"], buffers=[b"x"])

    comm = kc.comms.open("target", {"x": 1})
    assert_type(comm, Comm)
    comm.on_msg = print
    assert_type(await comm, Comm)
    assert_type(await kc.comms.open("target", timeout=1), Comm)
    async for message in comm:
        assert_type(message, Message)
    assert_type(await kc.comms.adopt("target"), list[Comm])
    assert_type(comm.error, BaseException | None)
    comm.close({"y": 2}, metadata={"m": 3}, buffers=[b"x"])
    kc.comms.register_target("target", opened)
    assert_type(list(kc.comms), list[Comm])


def traits_are_read_and_set(kc: ConKernelClient) -> None:
    """As their values."""
    assert_type(kc.stop_on_error, bool)
    assert_type(kc.default_timeout, float | None)
    assert_type(kc.startup_timeout, float | None)
    assert_type(kc.window, int | None)
    assert_type(kc.max_backlog_bytes, int)
    kc.window = None
    kc.default_timeout = 1.5
    kc.window = "all"  # type: ignore[assignment]


def figures_and_patches(kc: ConKernelClient) -> None:
    """What is left."""
    assert_type(kc.stats(), dict[str, float])
    assert_type(apply_session_patch(), Callable[[], None])
    undo_session_patch()
    assert_type(conkernelclient.__version__, str)


async def errors_say_what_happened(kc: ConKernelClient) -> None:
    """Each is caught by its own class, and by the built-in one that existing programs look for."""
    try:
        (await kc.run("1 / 0")).raise_for_status()
    except errors.ExecutionError as error:
        assert_type(error.ename, str)
        assert_type(error.evalue, str)
        assert_type(error.traceback, list[str])
    except errors.KernelRestartedError as error:
        assert_type(error.expected, bool)
    except errors.DeadKernelError as error:
        assert_type(error.exit_code, int | None)
        assert_type(error.signal, int | None)
        assert_type(error.stderr, str)
        if isinstance(error.result, Result):
            assert_type(error.result.stdout, str)
    except errors.ConKernelError as error:
        assert_type(error.msg_id, str | None)


def every_error_keeps_its_built_in_base(
    dead: errors.DeadKernelError,
    closed: errors.ChannelsClosedError,
    malformed: errors.ProtocolError,
    lost: errors.TransportError,
    late: errors.ReplyTimeout,
    slow: errors.ReadyTimeout,
) -> list[Exception]:
    """A program that knew only jupyter_client catches these."""
    runtime_errors: list[RuntimeError] = [dead, closed, slow]
    value_errors: list[ValueError] = [malformed]
    os_errors: list[OSError] = [lost, late]
    timeouts: list[TimeoutError] = [late, slow]
    everything: list[errors.ConKernelError] = [dead, closed, malformed, lost, late, slow]
    return [*runtime_errors, *value_errors, *os_errors, *timeouts, *everything]
