"""A run gathers what its code shows, and ends in exactly one way."""

from __future__ import annotations

import asyncio
import io
import logging
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from rich.console import Console

from conkernelclient import errors, events
from conkernelclient.outputs.events import Started
from conkernelclient.testing import FakeKernel, Publish
from tests.clients import LONG, client_of, opened, until

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager, Result

ENDLESS = "while True: pass"


def assert_valid(result: Result) -> None:
    outputs = [nbformat.from_dict(output) for output in result.outputs]
    cell = nbformat.v4.new_code_cell(outputs=outputs)
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


async def test_a_result_holds_all_that_the_code_showed(km: ConKernelManager) -> None:
    """As valid notebook outputs, and as text."""
    async with client_of(km) as kc:
        run = kc.run(
            "import sys\n"
            "from IPython.display import display, clear_output\n"
            "print('gone'); clear_output(wait=True); print('a'); print('b')\n"
            "print('e', file=sys.stderr)\n"
            "shown = display({'text/plain': 'old'}, raw=True, display_id='x')\n"
            "shown.update({'text/plain': 'new'}, raw=True)\n"
            "6 * 7"
        )
        result = await run
        assert_valid(result)
        assert (result.status, result.stdout, result.stderr) == ("ok", "a\nb\n", "e\n")
        assert result.text.endswith("new\n42\n")
        assert result.reply["content"]["status"] == "ok"
        assert result.execution_count == result.reply["content"]["execution_count"]
        assert result.started
        assert 0 < result.duration < LONG
        assert (result.interrupted, result.still_running) == (False, False)
        assert run.outcome == result


async def test_an_error_is_a_result_with_its_traceback(km: ConKernelManager) -> None:
    """And nobody behind it is aborted."""
    async with client_of(km) as kc:
        bad, good = kc.run("print('before'); 1/0"), kc.run("2")
        result = await bad
        assert (result.status, result.stdout) == ("error", "before\n")
        assert result.error.ename == "ZeroDivisionError"
        assert "ZeroDivisionError" in result.error.text
        with pytest.raises(errors.ExecutionError):
            result.raise_for_status()
        assert (await good).status == "ok"


async def test_events_come_as_they_happen_and_twice_from_the_start(km: ConKernelManager) -> None:
    """The second cell is gated by the first event: what is printed is seen while the code runs."""
    async with client_of(km) as kc:
        sid = await kc.create_subshell()
        await kc.run("import threading; go = threading.Event()")
        run = kc.run("print('waiting', flush=True); go.wait(); print('done')")
        seen: list[Any] = []
        async for event in run:
            seen.append(event)
            if isinstance(event, events.Stream) and "waiting" in event.text:
                assert not run.done()
                await kc.run("go.set()", subshell_id=sid)
        assert isinstance(seen[0], events.Started)
        assert isinstance(seen[-1], events.Finished)
        assert seen[-1].result.stdout == "waiting\ndone\n"
        assert seen[0].message["msg_type"] == "execute_input"
        assert [event async for event in run] == seen
        await kc.delete_subshell(sid)


async def test_handlers_may_be_sync_or_async_and_are_through_before_the_result(
    km: ConKernelManager,
) -> None:
    """A handler that fails is logged, and costs nothing else."""
    async with client_of(km) as kc:
        got: list[str] = []

        async def slow(event: events.Event) -> None:
            await asyncio.sleep(0)
            got.append(type(event).__name__)

        await kc.run("print(1); 2", on_output=slow)
        assert (got[0], got[-1], set(got[1:-1])) == ("Started", "ExecuteResult", {"Stream"})
        got.clear()
        await kc.run("3", on_output=lambda event: got.append(type(event).__name__))
        assert got == ["Started", "ExecuteResult"]


async def test_a_failing_handler_costs_its_event(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with the run's id."""
    async with client_of(km) as kc:

        def fail(event: events.Event) -> None:
            raise ZeroDivisionError

        result = await kc.run("print(1)", on_output=fail)
        assert result.stdout == "1\n"
        assert result.msg_id in caplog.text
        caplog.clear()


async def test_questions_are_answered_per_run(km: ConKernelManager) -> None:
    """By a sync or an async handler, with the question's header as the parent of the answer."""
    async with client_of(km) as kc:
        sent: list[Any] = []
        send = kc.session.send
        kc.session.send = lambda *args, **kwargs: sent.append(args) or send(*args, **kwargs)  # type: ignore[method-assign]

        async def answer(question: events.InputRequest) -> str:
            await asyncio.sleep(0)
            return question.prompt.upper()

        code = "from getpass import getpass; print(input('name'), getpass('word'))"
        asked: list[events.InputRequest] = []
        results = await asyncio.gather(
            kc.run(code, on_stdin=answer),
            kc.run(code, on_stdin=lambda question: asked.append(question) or "x"),
        )
        assert [result.stdout for result in results] == ["NAME WORD\n", "x x\n"]
        assert [(question.prompt, question.password) for question in asked] == [
            ("name", False),
            ("word", True),
        ]
        replies = [args[1] for args in sent if args[1]["msg_type"] == "input_reply"]
        assert [reply["parent_header"]["msg_type"] for reply in replies] == ["input_request"] * 4


async def test_code_may_ask_only_with_on_stdin(km: ConKernelManager) -> None:
    """Without it the code gets an error at once, and nobody hangs."""
    async with client_of(km) as kc:
        result = await kc.run("input()")
        assert result.error.ename == "StdinNotImplementedError"


@pytest.mark.parametrize("bad", ["raises", "no text"])
async def test_a_failing_on_stdin_ends_the_question(
    km: ConKernelManager, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The code gets EOFError, as at the end of a file."""
    async with client_of(km) as kc:
        result = await kc.run("input()", on_stdin=lambda _: 1 / 0 if bad == "raises" else 5)
        assert result.error.ename == "EOFError"
        assert "EOFError" in caplog.text
        caplog.clear()


async def test_input_answers_the_oldest_open_question(km: ConKernelManager) -> None:
    """A handler that gives None has answered by `input()`, or lets somebody else do so."""
    async with client_of(km) as kc:
        asked = asyncio.Event()
        run = kc.run("print(input('?'))", on_stdin=lambda _: asked.set())
        await asked.wait()
        kc.input("by hand")
        assert (await run).stdout == "by hand\n"
        assert kc._connection.questions == {}


async def test_an_interrupt_ends_the_code_with_keyboard_interrupt(km: ConKernelManager) -> None:
    """And the next run works."""
    async with client_of(km) as kc:
        run = kc.run(f"print('on', flush=True)\n{ENDLESS}")
        assert await run.interrupt()
        result = await run
        assert (result.status, result.interrupted) == ("error", True)
        assert result.error.ename == "KeyboardInterrupt"
        assert (await kc.run("1")).status == "ok"


async def test_a_run_that_was_not_sent_is_interrupted_unsent(km: ConKernelManager) -> None:
    """It never runs."""
    async with client_of(km, window=1) as kc:
        first, second = kc.run(ENDLESS), kc.run("never = True")
        assert await second.interrupt()
        assert second.cancelled()
        assert (second.outcome.status, second.outcome.started) == ("cancelled", False)
        await first.interrupt()
        assert "never" not in await kc.variables()


async def test_a_timeout_interrupts_and_gives_what_was_printed(km: ConKernelManager) -> None:
    """The next run works."""
    async with client_of(km) as kc:
        result = await kc.run(f"print('on', flush=True)\n{ENDLESS}", timeout=0.3)
        assert (result.status, result.stdout, result.interrupted) == ("timeout", "on\n", True)
        assert not result.still_running
        assert (await kc.run("1", timeout=LONG)).status == "ok"


async def test_a_timeout_may_leave_the_code_running(km: ConKernelManager) -> None:
    """The next run waits for it, under its own `start_timeout`."""
    async with client_of(km) as kc:
        sid = await kc.create_subshell()
        await kc.run("import threading; end = threading.Event()")
        left = await kc.run("end.wait()", timeout=0.1, on_timeout="leave")
        assert (left.status, left.still_running) == ("timeout", True)
        waiting = await kc.run("ran = True", start_timeout=0.1)
        assert (waiting.status, waiting.started) == ("timeout", False)
        await kc.run("end.set()", subshell_id=sid)
        assert (await kc.run("1")).status == "ok"
        assert "ran" not in await kc.variables()
        await kc.delete_subshell(sid)


async def test_a_run_that_timed_out_before_it_ran_names_the_run_that_held_the_kernel(
    km: ConKernelManager,
) -> None:
    """To people, to models, and in the error; None if it was none of this client's."""
    async with client_of(km, window=1) as kc, client_of(km) as other:
        holder = kc.run(ENDLESS)
        waiting = kc.run("1", start_timeout=0.1)
        assert f"behind {holder.msg_id}" in repr(waiting)
        result = await waiting
        assert (result.status, result.held_by) == ("timeout", holder.msg_id)
        brief = result.to_llm()
        assert brief == f"\n[timed out before it ran: an earlier call still runs: {ENDLESS}]\n"
        assert f"held_by={holder.msg_id!r}" in repr(result)
        assert f"behind {holder.msg_id}" in repr(waiting)
        with pytest.raises(errors.ReplyTimeout, match=f"{holder.msg_id}.*interrupt that run"):
            result.raise_for_status()
        foreign = await other.run("1", start_timeout=0.1)
        assert (foreign.status, foreign.held_by) == ("timeout", None)
        with pytest.raises(errors.ReplyTimeout, match="longer start_timeout"):
            foreign.raise_for_status()
        await holder.interrupt()
        result = await holder
        assert result.held_by is None
        assert "behind" not in repr(holder)
        assert (await other.run("2")).held_by is None


async def test_cancelling_the_last_task_that_awaits_cancels_the_run(km: ConKernelManager) -> None:
    """Others keep it alive."""
    async with client_of(km) as kc:
        run = kc.run(ENDLESS)

        async def wait() -> None:
            await run

        one, other = asyncio.create_task(wait()), asyncio.create_task(wait())
        await until(lambda: run.started)
        one.cancel()
        await asyncio.wait([one])
        assert not run.done()
        other.cancel()
        await asyncio.wait([other])
        assert run.cancelled()
        assert run.outcome.status == "cancelled"
        assert kc.stats()["pending"] == 0
        assert (await kc.run("1")).status == "ok"


@pytest.mark.parametrize("how", ["detach", "shield", "iterate"])
async def test_a_run_outlives_its_waiters_if_told_so(km: ConKernelManager, how: str) -> None:
    """By `detach()`, by `shield`, or while somebody still reads its events."""
    async with client_of(km) as kc:
        run = kc.run("import time; time.sleep(0.2); print('end')")
        reader = None

        async def wait() -> None:
            await (asyncio.shield(run) if how == "shield" else run)

        async def read() -> list[events.Event]:
            return [event async for event in run]

        if how == "detach":
            run.detach()
        elif how == "iterate":
            reader = asyncio.create_task(read())
        task = asyncio.create_task(wait())
        await until(lambda: run.started)
        task.cancel()
        await asyncio.wait([task])
        assert not run.done()
        assert (await run).stdout == "end\n"
        if reader is not None:
            assert isinstance((await reader)[-1], events.Finished)


async def test_cancelling_the_only_reader_cancels_the_run(km: ConKernelManager) -> None:
    """Leaving the loop by `break` does not."""
    async with client_of(km) as kc:
        run = kc.run("print('on', flush=True)\n" + ENDLESS)
        async for _ in run:
            break
        assert not run.done()

        async def read() -> None:
            async for _ in run:
                pass

        task = asyncio.create_task(read())
        await until(lambda: run._execution._news and run._execution._news.waiters)
        task.cancel()
        await asyncio.wait([task])
        assert run.cancelled()


async def test_a_storm_of_cancels_leaves_nothing_behind(km: ConKernelManager) -> None:
    """
    Of runs and of replies, sent and unsent.

    The interrupt of a cancelled run may hit an `execute()` that was sent right behind it, which is
    cancelled as well here; with `stop_on_error` it would abort the runs behind it.
    """
    async with client_of(km, stop_on_error=False) as kc:
        await kc.run("hits = []")
        tasks = [
            asyncio.ensure_future(
                kc.run(f"hits.append({n})")
                if n % 2
                else kc.execute(f"hits.append({n})", reply=True)
            )
            for n in range(200)
        ]
        was_cancelled: list[bool] = []
        for n, task in enumerate(tasks):
            was_cancelled.append(bool(n % 3) and task.cancel())  # False: it had ended
            if n % 10 == 0:
                await asyncio.sleep(0)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert kc.stats()["pending"] == 0
        hits = await kc.eval("hits")
        assert hits == sorted(hits)
        assert sum(was_cancelled) > 100
        for n, outcome in enumerate(done):
            assert isinstance(outcome, asyncio.CancelledError) == was_cancelled[n]
            assert was_cancelled[n] or n in hits


async def test_output_after_the_end_is_late_and_not_lost(km: ConKernelManager) -> None:
    """A thread that the code started prints on."""
    async with client_of(km) as kc:
        heard: list[str] = []
        kc.subscribe(lambda msg: heard.append(msg["content"]["text"]), msg_type="stream")
        run = kc.run(
            "import threading\n"
            "end = threading.Event()\n"
            "def later():\n    end.wait(); print('late', flush=True)\n"
            "thread = threading.Thread(target=later); thread.start()"
        )
        result = await run
        assert result.outputs == []
        await kc.run("end.set(); thread.join()")
        await until(lambda: heard)
        late = [event.text for event in run.late if isinstance(event, events.Stream)]
        assert "late" in "".join(heard)
        assert "".join(late).startswith("late") or late == []


async def test_a_display_is_updated_from_another_run(km: ConKernelManager) -> None:
    """As in a notebook, where a later cell updates an earlier one's display."""
    async with client_of(km) as kc:
        first = kc.run("from IPython.display import display\nd = display('old', display_id=True)")
        await first
        await kc.run("d.update('new')")
        assert "new" in first.outcome.text


async def test_an_abort_is_a_status_that_names_its_cause(km: ConKernelManager) -> None:
    """With `execute()` as jupyter_client sends it, an error aborts what is queued behind it."""
    async with client_of(km, window=None) as kc:
        kc.execute("1/0")
        result = await kc.run("ran = 1")
        if result.status == "aborted":  # it was queued behind the error
            assert result.aborted_by == "ZeroDivisionError: division by zero"
            assert not result.ok
        aborted = kc.execute("import time; time.sleep(0.3); 1/0"), kc.run("2")
        result = await aborted[1]
        assert (result.status, result.aborted_by) == (
            "aborted",
            "ZeroDivisionError: division by zero",
        )
        assert "did not run" in result.to_llm()


async def test_outputs_are_bounded_on_request(km: ConKernelManager) -> None:
    """With a marker in place of the rest."""
    async with client_of(km) as kc:
        result = await kc.run(
            "for i in range(200): print('x' * 100, flush=True)", max_output_bytes=5000
        )
        assert result.status == "ok"
        assert len(result.text) < 5000
        assert "left out" in result.text


async def test_events_of_what_is_left_out_are_not_kept_either(km: ConKernelManager) -> None:
    """Code that prints for ever fills no memory; how it ends is told."""
    async with client_of(km) as kc:
        run = kc.run(
            "for i in range(200): print('x' * 1000, flush=True)\n1/0", max_output_bytes=20_000
        )
        seen = [event async for event in run]
        text = "".join(event.text for event in seen if isinstance(event, events.Stream))
        assert 10_000 <= len(text) < 25_000
        assert any(isinstance(event, events.ErrorOutput) for event in seen)


async def test_user_expressions_and_silence_go_through(km: ConKernelManager) -> None:
    """The arguments of `execute` are those of `run`."""
    async with client_of(km) as kc:
        result = await kc.run("7", silent=True, user_expressions={"v": "3 * 3"}, msg_id="mine")
        assert (result.msg_id, result.outputs) == ("mine", [])
        assert result.reply["content"]["user_expressions"]["v"]["data"]["text/plain"] == "9"


async def test_a_run_that_nobody_awaits_logs_nothing(
    km: ConKernelManager, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does a reply, whatever becomes of it."""
    import gc

    caplog.set_level(logging.DEBUG)
    kc = await opened(km.client())
    kc.run("1/0")
    kc.execute("1/0", reply=True, timeout=0)
    await kc.execute("1", reply=True)
    kc.run("never ends with these channels")
    kc.execute("nor this", reply=True)
    kc.stop_channels()
    gc.collect()
    assert "never retrieved" not in caplog.text
    assert "pending" not in caplog.text


@pytest.mark.filterwarnings("ignore:Message serialization failed")
async def test_many_runs_that_cannot_be_sent_fail_for_their_own_callers(
    km: ConKernelManager,
) -> None:
    """Each one's failure let the next leave, one call deeper each time."""
    async with client_of(km, window=1) as kc:
        first = kc.run("1")
        bad = [kc.run("1", metadata={"x": object()}) for _ in range(1500)]
        last = kc.run("2")
        assert (await first).status == "ok"
        outcomes = await asyncio.gather(*bad, return_exceptions=True)
        assert all(isinstance(outcome, ValueError) for outcome in outcomes)
        assert (await last).status == "ok"


async def test_a_run_settles_although_its_interrupt_fails(km: ConKernelManager) -> None:
    """It hung when the interrupt raised, or was never answered."""
    async with client_of(km) as kc:

        async def never(_msg_id: str) -> None:
            await asyncio.get_running_loop().create_future()

        kc._connection.interrupt = never
        result = await asyncio.wait_for(kc.run("import time; time.sleep(2.5)", timeout=0.1), LONG)
        assert (result.status, result.still_running) == ("timeout", True)
        assert (await kc.run("1")).status == "ok"


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


async def test_a_run_shows_its_outputs_in_a_notebook_and_a_terminal(km: ConKernelManager) -> None:
    """While it goes on, and at its end."""
    async with client_of(km) as kc:
        run = kc.run("print('shown')\ninput()", on_stdin=lambda _question: "x")
        async for event in run:
            if isinstance(event, events.Stream):
                break
        for _ in range(2):
            assert "shown" in run._repr_mimebundle_()[0]["text/plain"]
            terminal = io.StringIO()
            Console(file=terminal, width=80).print(run)
            assert "shown" in terminal.getvalue()
            await run
