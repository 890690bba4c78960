"""A kernel inside of a program stands what programs and cells do to it."""

from __future__ import annotations

from tests.kernel.embedding import run


def test_stops_that_a_cell_swallows_are_brought_again_at_the_end() -> None:
    """The kernel waits for it, and the program's loop has it no more."""
    told, _ = run("""
    async def main():
        names = {"n": 0}
        async with EmbeddedKernel(user_ns=names) as kernel, front_end(kernel) as kc:
            code = "while n < 2:\\n try: await asyncio.sleep(60)\\n except BaseException: n += 1"
            run = kc.run(f"import asyncio\\nprint(1, flush=True)\\n{code}")
            await has_printed(run)
        tell(names["n"], kernel.stopped.is_set(), len(asyncio.all_tasks()))

    asyncio.run(main())
    """)
    assert told == [[2, True, 1]]


def test_a_cell_that_swallows_all_stops_is_left_alone_and_another_kernel_may_come() -> None:
    """The end says so, after a time that has a bound."""
    told, stderr = run("""
    from conkernelclient.kernel import embed

    embed.UNTIL_GIVEN_UP = 0.5

    async def main():
        names = {"n": 0}
        async with EmbeddedKernel(user_ns=names) as kernel, front_end(kernel) as kc:
            code = "while n < 99:\\n try: await asyncio.sleep(60)\\n except BaseException: n += 1"
            run = kc.run(f"import asyncio\\nprint(1, flush=True)\\n{code}")
            await has_printed(run)
        tell(names["n"] > 0, kernel.stopped.is_set(), len(asyncio.all_tasks()))
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            tell((await kc.run("1")).status)
        names["n"] = 99

    asyncio.run(main())
    """)
    assert told == [[True, True, 2], ["ok"]]
    assert "1 cells do not stop, and go on" in stderr


def test_of_several_that_start_at_once_in_threads_one_starts() -> None:
    """The others say why not."""
    told, _ = run("""
    kernels = [EmbeddedKernel() for _ in range(4)]
    errors = []

    def start(kernel):
        try:
            kernel.run()
        except RuntimeError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=start, args=(it,)) for it in kernels]
    for thread in threads:
        thread.start()
    while len(errors) < 3 or not any(it.started.is_set() for it in kernels):
        time.sleep(0.001)
    (kernel,) = [it for it in kernels if it.started.is_set()]

    async def main():
        async with front_end(kernel) as kc:
            tell((await kc.run("1")).status, sorted(set(errors)))

    asyncio.run(main())
    kernel.stop()
    for thread in threads:
        thread.join()
    """)
    assert told == [["ok", ["this process has a kernel or a shell of IPython already"]]]


def test_it_runs_on_uvloop() -> None:
    """With interrupts of both kinds, and threads."""
    told, _ = run("""
    import uvloop

    async def main():
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            for way in (lambda: interrupt(kc), lambda: os.kill(os.getpid(), signal.SIGINT)):
                run = kc.run("import asyncio\\nprint(1, flush=True)\\nawait asyncio.sleep(60)")
                await has_printed(run)
                way()
                tell((await run).error.ename)
            tell((await kc.run("# thread\\nprint(5)")).stdout)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    """)
    assert told == [["KeyboardInterrupt"], ["KeyboardInterrupt"], ["5\n"]]


def test_off_the_main_thread_an_interrupt_by_message_stops_what_awaits_and_threads() -> None:
    """A cell that blocks is stopped when it awaits."""
    told, _ = run("""
    kernel = EmbeddedKernel()
    other = threading.Thread(target=kernel.run)
    other.start()
    kernel.started.wait(60)
    codes = [
        "import asyncio\\nprint(1, flush=True)\\nawait asyncio.sleep(60)",
        "# thread\\nimport time\\nprint(1, flush=True)\\ntime.sleep(60)",
        "# thread\\nprint(1, flush=True)\\nwhile True: pass",
        "print(1, flush=True)\\nwhile not gate: pass\\nawait asyncio.sleep(60)",
    ]

    async def main():
        async with front_end(kernel) as kc:
            await kc.run("gate = False")
            for code in codes:
                run = kc.run(code)
                await has_printed(run)
                interrupt(kc)
                await kc.run("# thread\\ngate = True")
                tell((await run).error.ename)
            tell((await kc.run("print(1)")).stdout)

    asyncio.run(main())
    kernel.stop()
    other.join()
    """)
    assert told == [["KeyboardInterrupt"]] * 4 + [["1\n"]]


def test_its_cells_may_await_trio_and_another_one_may_come_after() -> None:
    """Trio has ended with the first."""
    told, _ = run("""
    async def main():
        for _ in range(2):
            async with EmbeddedKernel(options=["--trio"]) as kernel, front_end(kernel) as kc:
                tell((await kc.run("import trio; await trio.sleep(0); print(5)")).stdout)
                run = kc.run("print(1, flush=True)\\nawait trio.sleep(60)")
                await has_printed(run)
            tell(len(asyncio.all_tasks()))

    asyncio.run(main())
    """)
    assert told == [["5\n"], [1]] * 2


def test_in_a_program_that_has_trio_in_that_thread_it_does_not_start() -> None:
    """Two guests of one thread cannot be; without trio it starts."""
    told, _ = run("""
    import trio

    async def main():
        stop, over = trio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        trio.lowlevel.start_guest_run(
            stop.wait,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=lambda _: over.set(),
        )
        try:
            async with EmbeddedKernel(options=["--trio"]):
                pass
        except RuntimeError as error:
            tell("trio runs in this thread already" in str(error))
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            tell((await kc.run("print(5)")).stdout)
        stop.set()
        await over.wait()

    asyncio.run(main())
    """)
    assert told == [[True], ["5\n"]]


def test_it_lives_in_a_test_whose_output_pytest_captures() -> None:
    """Time after time; prints of the test stay its own."""
    told, _ = run("""
    import contextlib, io, tempfile
    from pathlib import Path

    import pytest

    test = '''
    import asyncio
    from conkernelclient import ConKernelClient
    from conkernelclient.kernel import EmbeddedKernel

    async def main():
        async with EmbeddedKernel() as kernel:
            kc = ConKernelClient(connection_file=kernel.connection_file)
            kc.load_connection_file()
            kc.start_channels()
            await kc.wait_for_ready(timeout=60)
            print("mine")
            assert (await kc.run("print(5)")).stdout == "5\\\\n"
            kc.stop_channels()

    def test_sys(capsys):
        for _ in range(2):
            asyncio.run(main())
        assert capsys.readouterr().out == "mine\\\\n" * 2

    def test_fd(capfd):
        asyncio.run(main())
        assert capfd.readouterr().out == "mine\\\\n"
    '''
    with tempfile.TemporaryDirectory() as place:
        import textwrap
        Path(place, "test_it.py").write_text(textwrap.dedent(test))
        text = io.StringIO()
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:conkernelclient", "-p", "no:asyncio"]
        with contextlib.redirect_stdout(text):
            code = pytest.main([*options, place])
        tell(int(code), text.getvalue().splitlines()[-1].startswith("2 passed"))
    """)
    assert told == [[0, True]]
