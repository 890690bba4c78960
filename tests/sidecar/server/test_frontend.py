"""Front ends share one notebook; what one of them does wrong, the others do not notice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from conkernelclient import ConKernelManager
from conkernelclient.sidecar.server.frontend import AT_ONCE
from conkernelclient.sidecar.server.messages import MOST
from tests.sidecar.server.front_ends import TOKEN, FrontEnd, served

CELLS = 1_000 if os.environ.get("FULL") else 200
CROWD = 20
LIMIT = 100  # events
BUFFER = 32_768  # bytes
LARGEST = 1_000_000  # bytes that wait for one slow reader, of about 1.2 MB and more that are told
GATE = "import pathlib, time\nwhile not pathlib.Path({!r}).exists():\n    time.sleep(0.01)"


async def test_two_front_ends_see_each_other(km: ConKernelManager) -> None:
    """Edits, who made them, outputs and what runs."""
    async with served(km, "6 * 7") as one, one.front_end() as ann, one.front_end() as bob:
        assert ann.name != bob.name
        added = await ann.ask("add_cell", cell={"source": "print('hello')"}, index=1)
        (cell_id,) = added["cell_ids"]
        await bob.until(lambda: cell_id in bob.notebook)
        assert bob.told_of("edited")[-1]["by"] == ann.name
        assert (await bob.ask("edit_cell", cell_id="c0", source="6 * 8"))["type"] == "ok"
        await ann.until(lambda: ann.source("c0") == "6 * 8")
        assert (await ann.ask("run_all"))["cell_ids"] == ["c0", cell_id]
        for who in (ann, bob):
            await who.until(lambda who=who: who.statuses.keys() == {"c0", cell_id})
            assert (who.text("c0"), who.text(cell_id)) == ("48", "hello\n")
            assert who.notebook.to_dict() == one.session.notebook.to_dict()
            states = [told["state"] for told in who.told_of("cell_state_changed")]
            assert states == ["queued", "queued", "running", "idle", "running", "idle"]


async def test_who_comes_late_gets_all_of_it(km: ConKernelManager, tmp_path) -> None:
    """What runs at that moment, and what it has shown; then each change."""
    gate = tmp_path / "gate"
    code = f"print('begun', flush=True)\n{GATE.format(str(gate))}\nprint('done')"
    async with served(km, code, "1 + 1") as one, one.front_end() as ann:
        await ann.ask("run_all")
        await ann.until(lambda: ann.text("c0") == "begun\n")
        async with one.front_end() as bob:
            assert (bob.text("c0"), bob.cells) == ("begun\n", {"c0": "running", "c1": "queued"})
            gate.touch()
            await bob.until(lambda: bob.statuses == {"c0": "ok", "c1": "ok"})
            assert (bob.text("c0"), bob.text("c1")) == ("begun\ndone\n", "2")


async def test_what_runs_goes_on_without_who_asked_for_it(km: ConKernelManager, tmp_path) -> None:
    """Nobody is connected when it ends."""
    gate = tmp_path / "gate"
    async with served(km, GATE.format(str(gate)), "'after'") as one:
        async with one.front_end() as ann:
            await ann.ask("run_all")
            await ann.until(lambda: ann.cells.get("c0") == "running")
        gate.touch()
        async with one.front_end() as bob:
            await bob.until(lambda: bob.statuses == {"c0": "ok", "c1": "ok"})
            assert bob.text("c1") == "'after'"


RUBBISH = [
    ("", None),
    ("{", None),
    ("[]", None),
    ("null", None),
    ('"text"', None),
    ("[" * 100_000, None),
    ('{"a":' * 100_000, None),
    ("1" * 5_000, None),
    ('{"type": "save", "id": NaN}', None),
    ('{"type": "save"}', None),
    ('{"id": 7}', 7),
    ('{"id": 7, "type": []}', 7),
    ('{"id": 7, "type": "snapshot"}', 7),
    ('{"id": 7, "type": "nothing that there is"}', 7),
    ('{"id": "7", "type": "save"}', None),
    ('{"id": true, "type": "save"}', None),
    ('{"id": 7, "type": "save", "more": 1}', 7),
    ('{"id": 7, "type": "edit_cell", "cell_id": "c0"}', 7),
    ('{"id": 7, "type": "edit_cell", "cell_id": "c0", "source": 1}', 7),
    ('{"id": 7, "type": "edit_cell", "cell_id": "gone", "source": ""}', 7),
    ('{"id": 7, "type": "add_cell", "cell": {"cell_type": "pie"}}', 7),
    ('{"id": 7, "type": "add_cell", "cell": {}, "index": 99}', 7),
    ('{"id": 7, "type": "run_cell", "cell_id": "gone"}', 7),
    ('{"id": 7, "type": "answer", "cell_id": "c0", "text": ""}', 7),
    ('{"id": 7, "type": "complete", "code": "", "cursor_pos": -1}', 7),
    ('{"id": 7, "type": "save"}', 7),  # there is no file
    (json.dumps({"id": 7, "type": "save", "x": "x" * MOST}), None),
    (b"\x00\xff", None),
    (b'{"id": 7, "type": "save"}', None),
]


async def test_rubbish_is_an_error_for_who_sent_it(km: ConKernelManager) -> None:
    """It is told what is wrong, in a line, and goes on; nobody else notices."""
    async with served(km, "1") as one, one.front_end() as ann, one.front_end() as bob:
        for text, message_id in RUBBISH:
            answer = await bob.say(text, message_id)
            assert answer["type"] == "error", text[:80]
            assert 0 < len(answer["message"]) < 300
            assert "\n" not in answer["message"]
        assert (await bob.ask("edit_cell", cell_id="c0", source="2"))["type"] == "ok"
        await ann.until(lambda: ann.source("c0") == "2")
        assert [told["type"] for told in ann.told] == ["snapshot", "edited"]


async def test_fifty_megabytes_close_the_connection_of_who_sent_them(km: ConKernelManager) -> None:
    """With 1009, before they are taken in."""
    async with served(km, "1") as one, one.front_end() as ann:
        async with connect(f"{one.socket_url}?token={TOKEN}", proxy=None) as bob:
            with pytest.raises(ConnectionClosed) as caught:
                await bob.send("x" * 50_000_000)
                await bob.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009
        await ann.ask("edit_cell", cell_id="c0", source="2")
        await ann.until(lambda: ann.source("c0") == "2")


async def test_an_edit_of_a_cell_that_another_one_deleted_is_an_error(km: ConKernelManager) -> None:
    """Which names the cell; nothing has changed."""
    async with served(km, "1", "2") as one, one.front_end() as ann, one.front_end() as bob:
        await ann.ask("delete_cell", cell_id="c0")
        answer = await bob.ask("edit_cell", cell_id="c0", source="3")
        assert (answer["type"], answer["cell_id"]) == ("error", "c0")
        assert "deleted" in answer["message"]
        await bob.until(lambda: bob.notebook.ids == ["c1"])
        assert len(ann.told_of("edited")) == 1


async def test_input_is_answered_by_any_front_end(km: ConKernelManager) -> None:
    """Each is asked, one answers, all learn that it is answered."""
    async with served(km, "input('who? ')") as one, one.front_end() as ann:
        await ann.ask("run_cell", cell_id="c0")
        await ann.until(lambda: ann.question is not None)
        async with one.front_end() as bob:
            assert bob.question == {"cell_id": "c0", "prompt": "who? ", "password": False}
            assert (await bob.ask("answer", cell_id="c0", text="Bob"))["type"] == "ok"
            await ann.until(lambda: ann.question is None)
            assert (await ann.ask("answer", cell_id="c0", text="Ann"))["type"] == "error"
            await ann.until(lambda: ann.text("c0") == "'Bob'")


async def test_interrupt_and_cancel(km: ConKernelManager) -> None:
    """What runs shows a KeyboardInterrupt; what is cancelled before its turn is never sent."""
    long = "import time\nprint('begun')\ntime.sleep(600)"
    async with served(km, long, "2", "3") as one, one.front_end() as ann, one.front_end() as bob:
        await ann.ask("run_all")
        await ann.until(lambda: ann.text("c0") == "begun\n")
        assert (await bob.ask("cancel", cell_id="c1"))["done"] is True
        assert (await bob.ask("cancel", cell_id="c1"))["done"] is False
        await ann.until(lambda: ann.statuses == {"c1": "cancelled"})
        assert (await bob.ask("interrupt"))["type"] == "ok"
        await ann.until(lambda: "c0" in ann.statuses)
        assert "KeyboardInterrupt" in ann.text("c0")
        assert (await bob.ask("cancel"))["done"] is bool(one.session.queue)


async def test_the_kernel_is_asked_while_it_is_idle(km: ConKernelManager, tmp_path) -> None:
    """Completions and what a name is; and the notebook is saved when somebody says so."""
    path = tmp_path / "n.ipynb"
    async with served(km, "number = 6", path=path) as one, one.front_end() as ann:
        await ann.ask("run_cell", cell_id="c0")
        await ann.until(lambda: "c0" in ann.statuses)
        answer = await ann.ask("complete", code="numb", cursor_pos=4)
        assert "number" in answer["reply"]["matches"]
        answer = await ann.ask("inspect", code="number")
        assert "int" in answer["reply"]["data"]["text/plain"]
        assert (await ann.ask("save"))["type"] == "ok"
        assert "number = 6" in path.read_text()
        await ann.until(lambda: ann.told_of("saved"))


async def test_dependants_run_after_the_cell(km: ConKernelManager) -> None:
    """An order that is not known is an error, and nothing runs."""
    cells = ("a = 1", "b = a + 1", "'other'", "b * 10")
    async with served(km, *cells) as one, one.front_end() as ann:
        answer = await ann.ask("run_dependants", cell_id="c0")
        assert answer["cell_ids"] == ["c0", "c1", "c3"]
        await ann.until(lambda: len(ann.statuses) == 3)
        assert ann.text("c3") == "20"
        await ann.ask("edit_cell", cell_id="c1", source="exec('b = 1')")
        answer = await ann.ask("run_dependants", cell_id="c0")
        assert (answer["type"], "exec" in answer["message"]) == ("error", True)


async def test_one_front_end_has_so_many_requests_under_way(km: ConKernelManager, tmp_path) -> None:
    """One more is an error; it still edits, and another one asks."""
    gate = tmp_path / "gate"
    code = GATE.format(str(gate))
    async with served(km, code) as one, one.front_end() as ann, one.front_end() as bob:
        await ann.ask("run_cell", cell_id="c0")
        await ann.until(lambda: ann.cells.get("c0") == "running")
        asking = [asyncio.create_task(ann.ask("complete", code=f"x{n}")) for n in range(AT_ONCE)]
        await asyncio.sleep(0)
        assert "under way" in (await ann.ask("complete", code="x"))["message"]
        assert (await ann.ask("edit_cell", cell_id="c0", source=""))["type"] == "ok"
        other = asyncio.create_task(bob.ask("complete", code="x"))
        gate.touch()
        assert {answer["type"] for answer in await asyncio.gather(*asking)} == {"ok"}
        assert (await other)["type"] == "ok"


async def test_who_goes_amid_a_request_leaves_nothing(km: ConKernelManager, tmp_path) -> None:
    """Its completion is forgotten; the session goes on."""
    gate = tmp_path / "gate"
    async with served(km, GATE.format(str(gate))) as one, one.front_end() as ann:
        await ann.ask("run_cell", cell_id="c0")
        await ann.until(lambda: ann.cells.get("c0") == "running")
        async with one.front_end() as bob:
            asking = asyncio.create_task(bob.ask("complete", code="x"))
            await asyncio.sleep(0)
            assert (await bob.ask("edit_cell", cell_id="c0", source=""))["type"] == "ok"
            asking.cancel()
        gate.touch()
        await ann.until(lambda: ann.statuses == {"c0": "ok"})


async def test_subscribing_again_gives_a_fresh_snapshot(km: ConKernelManager) -> None:
    """Who does not subscribe is told nothing, and may act."""
    async with served(km, "1") as one, one.front_end(subscribed=False) as ann:
        await ann.ask("edit_cell", cell_id="c0", source="2")
        assert ann.told == []
        await ann.subscribe()
        await ann.subscribe()
        await ann.ask("edit_cell", cell_id="c0", source="3")
        await ann.until(lambda: ann.source("c0") == "3")
        assert [told["type"] for told in ann.told] == ["snapshot", "snapshot", "edited"]


async def test_the_end_of_the_session_is_told(mortal: ConKernelManager) -> None:
    """The connection is closed, with the reason."""
    async with served(mortal, "1") as one, one.front_end() as ann:
        await one.session.__aexit__(None, None, None)
        await asyncio.wait([ann._reader])
        assert ann.socket.close_code in (1001, 1012)


async def edit_at_random(front_end: FrontEnd, seed: int, count: int) -> None:
    """Add, edit, move and delete cells as this front end sees them; errors are allowed."""
    chance = random.Random(seed)
    for number in range(count):
        ids = front_end.notebook.ids
        match chance.randrange(4):
            case 0:
                cell = {"source": f"{seed}.{number}", "cell_type": chance.choice(["code", "raw"])}
                await front_end.ask("add_cell", cell=cell)
            case 1 if ids:
                await front_end.ask("delete_cell", cell_id=chance.choice(ids))
            case 2 if ids:
                place = chance.randrange(len(ids))
                await front_end.ask("move_cell", cell_id=chance.choice(ids), index=place)
            case 3 if ids:
                source = f"{seed}/{number}"
                await front_end.ask("edit_cell", cell_id=chance.choice(ids), source=source)


async def test_edits_of_many_at_once_give_all_the_same(km: ConKernelManager) -> None:
    """Four edit the same cells; what each has folded is what the server has."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(served(km, *map(str, range(5))))
        four = [await stack.enter_async_context(one.front_end()) for _ in range(4)]
        async with asyncio.TaskGroup() as tasks:
            for seed, who in enumerate(four):
                tasks.create_task(edit_at_random(who, seed, 60))
        for who in four:
            await who.until(lambda who=who: who.revision == one.session.revision)
            assert who.notebook.to_dict() == one.session.notebook.to_dict()


def small_buffer(url: str) -> socket.socket:
    """A connection whose other side soon waits for this one to read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    connection.connect(("127.0.0.1", int(url.rpartition(":")[2])))
    connection.setblocking(False)
    return connection


@pytest.mark.timeout(300)
async def test_twenty_front_ends_queue_cells_and_one_of_them_does_not_read(
    km: ConKernelManager,
) -> None:
    """It delays nobody, is told what it missed, and has in the end what all have."""
    sources = [f"print('{number}.' * 1_500)" for number in range(CELLS)]
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        one = await enter(served(km, *sources, limit=LIMIT, buffer=BUFFER))
        slow = await enter(one.front_end(sock=small_buffer(one.url)))
        others = [await enter(one.front_end()) for _ in range(CROWD - 1)]
        slow.reads.clear()
        for number in range(0, CELLS, CROWD):
            asked = {"type": "run_cell", "id": 1_000 + number, "cell_id": f"c{number}"}
            await slow.socket.send(json.dumps(asked))
        async with asyncio.TaskGroup() as tasks:
            for place, who in enumerate(others, 1):
                for number in range(place, CELLS, CROWD):
                    tasks.create_task(who.ask("run_cell", cell_id=f"c{number}"))
        waiting = 0
        for who in others:
            await who.until(lambda who=who: len(who.statuses) == CELLS)
            waiting = max(waiting, one.unsent)
        assert 0 < waiting < LARGEST
        assert len(slow.told) == 1  # its snapshot: it has read nothing else
        slow.reads.set()
        await slow.until(lambda: slow.revision == one.session.revision)
        missed = slow.told_of("missed")
        assert sum(told["events"] for told in missed) > LIMIT
        final = one.session.notebook.to_dict()
        for who in (slow, *others):
            assert set(who.statuses.values()) == {"ok"}
            assert who.notebook.to_dict() == final
            assert who is slow or who.told_of("missed") == []
        assert all(slow.text(f"c{n}") == f"{n}." * 1_500 + "\n" for n in range(CELLS))
        assert one.unsent == 0


async def test_the_kernel_is_killed_while_all_queue_cells(mortal: ConKernelManager) -> None:
    """Every front end is told, what came before stays, and the document is whole."""
    count, killer = 100, 40
    sources = [f"print({number})" for number in range(count)]
    sources[killer] = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        one = await enter(served(mortal, *sources))
        crowd = [await enter(one.front_end()) for _ in range(CROWD)]
        for number in range(count):
            answer = await crowd[number % CROWD].ask("run_cell", cell_id=f"c{number}")
            if answer["type"] == "error":  # the kernel is gone already
                break
        for who in crowd:
            await who.until(lambda who=who: who.kernel == "dead" and not who.cells)
            assert who.statuses[f"c{killer}"] == "dead"
            assert [who.text(f"c{n}") for n in range(killer)] == [f"{n}\n" for n in range(killer)]
            await who.until(lambda who=who: who.revision == one.session.revision)
            assert who.notebook.to_dict() == one.session.notebook.to_dict()
        one.session.notebook.validate()


async def test_what_fails_in_the_server_is_logged_and_told_without_its_insides(
    km: ConKernelManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At once or later; the front end goes on."""

    def fails(*_args: Any, **_more: Any) -> Any:
        raise ValueError("an inside")

    async def fails_later(*_args: Any, **_more: Any) -> Any:
        raise ValueError("an inside")

    async with served(km, "1") as one, one.front_end() as ann:
        monkeypatch.setattr(one.session, "run_all", fails)
        monkeypatch.setattr(one.session, "save", fails_later)
        for kind in ("run_all", "save"):
            answer = await ann.ask(kind)
            assert (answer["type"], "inside" in answer["message"]) == ("error", False)
        assert caplog.text.count("ValueError: an inside") == 2
        caplog.clear()
        assert (await ann.ask("edit_cell", cell_id="c0", source="2"))["type"] == "ok"


async def test_a_front_end_that_can_be_told_no_more_is_closed(
    km: ConKernelManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With 1011, so that it connects again; others are told."""
    async with served(km, "1") as one, one.front_end() as ann:
        async with one.front_end(subscribed=False) as bob:
            watcher = one.session.watch()
            monkeypatch.setattr(one.session, "watch", lambda _limit: watcher)
            monkeypatch.setattr(type(watcher), "__aiter__", lambda _self: 1 / 0)
            await bob.ask("subscribe")
            await asyncio.wait([bob._reader])
            assert bob.socket.close_code == 1011
            monkeypatch.undo()
        assert "ZeroDivisionError" in caplog.text
        caplog.clear()
        await ann.ask("edit_cell", cell_id="c0", source="2")
        await ann.until(lambda: ann.source("c0") == "2")
