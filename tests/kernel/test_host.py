"""What a kernel takes of a program's process it gives back, and nothing else."""

from __future__ import annotations

from conkernelclient.kernel.host import Changes
from tests.kernel.embedding import run


def test_what_was_changed_is_put_back() -> None:
    """What came goes, what went comes again."""
    before = {"same": 1, "changed": 2, "gone": 3}
    place = dict(before)
    changes = Changes(place)
    place["changed"] = 20
    del place["gone"]
    place["new"] = 4
    changes.note()
    changes.undo()
    assert place == before


def test_what_was_changed_once_more_meanwhile_stays() -> None:
    """It is somebody else's."""
    place = {"changed": 1, "gone": 2}
    changes = Changes(place)
    place["changed"] = 10
    del place["gone"]
    place["new"] = 3
    changes.note()
    place |= {"changed": 100, "gone": 20, "new": 30, "other": 4}
    changes.undo()
    assert place == {"changed": 100, "gone": 20, "new": 30, "other": 4}


def test_equal_text_is_the_same_and_equal_objects_are_not() -> None:
    """The environment gives a new string each time."""
    old, new = [1], [1]
    place = {"text": "".join(("a", "b")), "object": old}
    changes = Changes(place)
    place |= {"text": "".join(("a", "b")), "object": new}
    changes.undo()
    assert place["object"] is old
    assert place["text"] == "ab"


def test_what_nobody_catches_is_reported_to_the_real_stderr() -> None:
    """Neither to a front end nor to what the program put in the place of its stderr."""
    _, stderr = run("""
    import io

    class Bad:
        def __del__(self):
            raise ValueError("of a __del__")

    async def main():
        kernel = EmbeddedKernel()
        async with kernel, front_end(kernel) as kc:
            sys.excepthook(ValueError, ValueError("of a hook"), None)
            it = Bad()
            del it
            await kc.run("class Bad:\\n def __del__(self): raise ValueError('of a cell')")
            await kc.run("it = Bad(); del it")

    sys.stderr = io.StringIO()
    asyncio.run(main())
    """)
    assert "ValueError: of a hook" in stderr
    assert "ValueError: of a __del__" in stderr
    assert "ValueError: of a cell" in stderr


def test_the_streams_serve_the_program_as_its_own_did() -> None:
    """Also those who took them, after the end."""
    told, stderr = run("""
    import logging

    async def main():
        own = sys.stdout
        async with EmbeddedKernel() as kernel:
            taken = sys.stdout, sys.stderr
            assert taken[0] is not own
            assert taken[0].isatty() == own.isatty()
            taken[0].buffer.write(b'["bytes"]\\n')
            taken[0].flush()
            handler = logging.StreamHandler()
        assert sys.stdout is own
        print('["after"]', file=taken[0], flush=True)
        handler.stream.write("logged\\n")

    asyncio.run(main())
    """)
    assert told == [["bytes"], ["after"]]
    assert "logged" in stderr


def test_a_handler_that_the_program_installs_meanwhile_stays() -> None:
    """While cells run, and at the end."""
    told, _ = run("""
    def mine(*_):
        tell("mine")

    async def main():
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            signal.signal(signal.SIGINT, mine)
            await kc.run("1")
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    asyncio.run(main())
    """)
    assert told == [["mine"], ["mine"]]


def test_tasks_of_the_program_are_made_by_its_own_factory() -> None:
    """Those of cells are the kernel's: a stop reaches them."""
    told, _ = run("""
    async def main():
        made = []

        def make(loop, coroutine, **options):
            made.append(coroutine.__name__)
            return asyncio.Task(coroutine, loop=loop, **options)

        async def ours():
            pass

        asyncio.get_running_loop().set_task_factory(make)
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            await asyncio.create_task(ours())
            await kc.run("import asyncio\\nasync def theirs(): pass")
            result = await kc.run("await asyncio.create_task(theirs())")
            tell(result.status, "ours" in made, "theirs" in made)

    asyncio.run(main())
    """)
    assert told == [["ok", True, False]]


def test_a_program_that_is_a_jupyter_application_stays_it() -> None:
    """As a server is; its singleton is the one that libraries find."""
    told, _ = run("""
    from traitlets.config import Application

    async def main():
        own = Application.instance()
        async with EmbeddedKernel() as kernel, front_end(kernel) as kc:
            tell(Application.instance() is own, (await kc.run("1")).status)
        tell(Application.instance() is own)

    asyncio.run(main())
    """)
    assert told == [[True, "ok"], [True]]
