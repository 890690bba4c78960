"""A program has a kernel inside while it wants, sees the same objects, and gets all back."""

from __future__ import annotations

from typing import Final

import pytest

import conkernelclient.kernel
from tests.kernel.embedding import run

# What a kernel changes in its process, as it stands before and after.
LOOK: Final = """
def look():
    return {
        "threads": sorted(it.name for it in threading.enumerate()),
        "descriptors": sorted(os.listdir("/proc/self/fd")) if sys.platform == "linux" else [],
        "environment": dict(os.environ),
        "path": list(sys.path),
        "main": sys.modules["__main__"],
        "streams": (sys.stdin, sys.stdout, sys.stderr, sys.__class__),
        "hooks": (sys.displayhook, sys.excepthook, sys.unraisablehook, sys.breakpointhook),
        "questions": (builtins.input, getpass.getpass),
        "builtins": dict(vars(builtins)),
        "threading": (threading.Thread.start, ThreadPoolExecutor.submit, time.sleep),
        "signals": [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGURG)],
        "factory": asyncio.get_running_loop().get_task_factory(),
        "tasks": len(asyncio.all_tasks()),
    }

"""


def test_its_class_is_loaded_when_it_is_asked_for() -> None:
    """A kernel of its own process does without."""
    assert conkernelclient.kernel.EmbeddedKernel.__module__ == "conkernelclient.kernel.embed"
    with pytest.raises(AttributeError, match="no attribute 'Embedded'"):
        conkernelclient.kernel.Embedded  # noqa: B018


def test_cells_see_and_change_the_names_of_the_program() -> None:
    """And they run in its loop, beside its own tasks."""
    told, _ = run("""
    async def main():
        names = {"x": 41, "loop": asyncio.get_running_loop()}
        async with EmbeddedKernel(user_ns=names) as kernel, front_end(kernel) as kc:
            result = await kc.run("y = x + 1; asyncio.get_running_loop() is loop")
            names["asyncio"] = asyncio
            result = await kc.run("y = x + 1; asyncio.get_running_loop() is loop")
        tell(result.text, names["x"], names["y"], "get_ipython" in names)

    asyncio.run(main())
    """)
    assert told == [["True\n", 41, 42, False]]


def test_all_that_was_changed_is_as_before_at_the_end() -> None:
    """Time after time, with cells that still run, threads and a subshell."""
    told, stderr = run(
        LOOK
        + """
async def main():
    def make(loop, coroutine, **options):
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(make)
    for _ in range(3):
        before = look()
        async with EmbeddedKernel() as kernel:
            async with front_end(kernel) as kc:
                await kc.run("import threading, asyncio, sys; print(1); sys.ps1")
                await kc.run("# thread\\nthreading.get_ident()")
                subshell = await kc.create_subshell()
                await kc.run("1", subshell_id=subshell)
                await kc.complete("sys.", reply=True)
                runs = [
                    kc.run("print('here')\\nawait asyncio.sleep(600)"),
                    kc.run("1"),
                ]
                await has_printed(runs[0])
        after = look()
        tell([name for name in before if before[name] != after[name]], kernel.stopped.is_set())

asyncio.run(main())
""",
    )
    assert told == [[[], True]] * 3
    assert "was destroyed" not in stderr
    assert "Error" not in stderr


def test_prints_of_the_program_stay_its_own() -> None:
    """Those of cells go to their front end, also from threads that they start."""
    told, _ = run("""
    async def main():
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            tell("mine")
            await kc.run("import threading; it = threading.Thread(target=print, args=(1,))")
            tell((await kc.run("it.start(); it.join()")).text)
            tell(sys.stdout.fileno())

    asyncio.run(main())
    """)
    assert told == [["mine"], ["1\n"], [1]]


def test_a_front_end_that_asks_it_to_end_ends_the_kernel_and_not_the_program() -> None:
    """Nor its loop, nor its child processes."""
    told, _ = run("""
    import subprocess

    async def main():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            reply = await kc.shutdown(reply=True)
            await asyncio.wait_for(kernel.wait(), 30)
        tell(reply["content"]["status"], child.poll(), os.path.exists(kernel.connection_file))
        child.communicate(b"\\n")

    asyncio.run(main())
    """)
    assert told == [["ok", None, False]]


def test_a_connection_file_that_was_there_stays_and_another_goes() -> None:
    """It may be the one of a front end that waits for the kernel."""
    told, _ = run("""
    import tempfile

    async def main():
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "kernel.json")
            async with EmbeddedKernel(connection_file=path) as kernel:
                tell(kernel.connection_file == path)
                with open(path) as file:
                    text = file.read()
            tell(os.path.exists(path))
            with open(path, "w") as file:
                file.write(text)
            async with EmbeddedKernel(connection_file=path) as kernel, front_end(kernel) as kc:
                tell((await kc.run("1")).status)
            tell(os.path.exists(path))

    asyncio.run(main())
    """)
    assert told == [[True], [False], ["ok"], [True]]


def test_it_is_there_once() -> None:
    """One in a process at a time, each started once; the next is another one."""
    told, _ = run("""
    async def main():
        async with EmbeddedKernel() as kernel:
            for it in (kernel, EmbeddedKernel()):
                try:
                    async with it:
                        pass
                except RuntimeError as error:
                    tell(str(error))
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            tell((await kc.run("1")).status)

    asyncio.run(main())
    """)
    assert told == [
        ["this kernel was started already: make another one"],
        ["this process has a kernel or a shell of IPython already"],
        ["ok"],
    ]


def test_a_start_that_fails_changes_nothing() -> None:
    """A connection file that cannot be read, a port that is taken, an option that is wrong."""
    told, _ = run(
        LOOK
        + """
import socket, tempfile

async def main():
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with tempfile.NamedTemporaryFile("w") as bad:
        bad.write("nonsense")
        bad.flush()
        ways = [
            {"connection_file": bad.name},
            {"options": [f"--shell={port}"]},
            {"options": ["--ConKernel.default_mode=nonsense"]},
        ]
        before = look()
        for way in ways:
            try:
                async with EmbeddedKernel(**way):
                    tell("started")
            except Exception as error:
                tell(type(error).__name__)
            after = look()
            tell([name for name in before if before[name] != after[name]])

asyncio.run(main())
""",
    )
    assert [it for it in told if not it[0]] == [[[]]] * 3
    assert ["started"] not in told


@pytest.mark.parametrize("is_main", [True, False])
def test_it_runs_and_blocks_in_any_thread_until_it_is_stopped(is_main: bool) -> None:
    """Other threads know when it has started and stopped."""
    told, _ = run(
        f"""
    kernel = EmbeddedKernel()

    def use():
        kernel.started.wait(60)

        async def main():
            async with front_end(kernel) as kc:
                text = (await kc.run("print(__import__('threading').current_thread().name)")).text
                tell(text, kernel.stopped.is_set())

        asyncio.run(main())
        kernel.stop()

    other = threading.Thread(target=use if {is_main} else kernel.run, name="other")
    other.start()
    kernel.run() if {is_main} else use()
    other.join()
    tell(kernel.stopped.wait(60))
    """
    )
    assert told == [["MainThread\n" if is_main else "other\n", False], [True]]


def test_a_stop_before_the_start_is_one() -> None:
    """Whichever thread is first."""
    told, _ = run("""
    kernel = EmbeddedKernel()
    kernel.stop()
    kernel.run()
    tell(kernel.started.is_set(), kernel.stopped.is_set())
    kernel.stop()
    """)
    assert told == [[True, True]]


def test_an_interrupt_stops_the_cells_and_tells_the_program() -> None:
    """The request of a front end, and Ctrl-C; the program's own code goes on."""
    told, _ = run("""
    async def main():
        called = []
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            undo = kernel.on_interrupt(lambda: called.append(1))
            for way in (lambda: interrupt(kc), lambda: os.kill(os.getpid(), signal.SIGINT)):
                run = kc.run("import asyncio\\nprint(1)\\nawait asyncio.sleep(600)")
                await has_printed(run)
                way()
                tell((await run).error.ename)
            undo()
            tell(len(called))
            interrupt(kc)
            tell(len(called), (await kc.run("1")).status)

    asyncio.run(main())
    """)
    assert told == [["KeyboardInterrupt"], ["KeyboardInterrupt"], [2], [2, "ok"]]


def test_an_interrupt_of_a_blocking_cell_reaches_it_in_the_main_thread() -> None:
    """Although the loop and the front end stand still."""
    told, _ = run("""
    kernel = EmbeddedKernel()

    def use():
        kernel.started.wait(60)

        async def main():
            async with front_end(kernel) as kc:
                run = kc.run("print(1, flush=True)\\nwhile True: pass")
                await has_printed(run)
                interrupt(kc)
                tell((await run).error.ename)

        asyncio.run(main())
        kernel.stop()

    other = threading.Thread(target=use)
    other.start()
    kernel.run()
    other.join()
    """)
    assert told == [["KeyboardInterrupt"]]


def test_ctrl_c_without_a_cell_is_the_programs() -> None:
    """In a loop of asyncio it cancels the main task, and `run` it ends."""
    told, _ = run("""
    async def main():
        async with EmbeddedKernel() as kernel:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(600)

    for start in (lambda: asyncio.run(main()), None):
        kernel = EmbeddedKernel()
        if start is None:
            def use():
                kernel.started.wait(60)
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=use).start()
            start = kernel.run
        try:
            start()
        except KeyboardInterrupt:
            tell("interrupted")
    tell(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """)
    assert told == [["interrupted"], ["interrupted"], [True]]


def test_a_background_task_that_ends_the_program_does_not_end_the_run() -> None:
    """As in a kernel of its own process."""
    told, _ = run("""
    kernel = EmbeddedKernel()

    def use():
        kernel.started.wait(60)

        async def main():
            async with front_end(kernel) as kc:
                await kc.run("import asyncio, sys\\nasync def f(): sys.exit(3)")
                await kc.run("task = asyncio.create_task(f())\\nawait asyncio.sleep(0)")
                tell((await kc.run("1")).status)

        asyncio.run(main())
        kernel.stop()

    threading.Thread(target=use).start()
    kernel.run()
    """)
    assert told == [["ok"]]
