"""One thread owns the sockets; what others post to it is sent in order, and none is lost."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import zmq

from conkernelclient.kernel.channels import AT_ONCE, Channels, Publisher, SocketOf
from tests.kernel.parts import BOUND, session, until

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


class Pairs:
    """Channels and the other ends of their sockets."""

    def __init__(self, *names: str) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self.near: dict[str, Any] = {}
        self.far: dict[str, Any] = {}
        for name in names or ("shell", "iopub"):
            self.near[name], self.far[name] = (self._context.socket(zmq.PAIR) for _ in range(2))
            for socket in (self.near[name], self.far[name]):
                socket.hwm, socket.linger = 0, 0
                socket.rcvtimeo = BOUND * 1000
            address = f"inproc://channels-{next(_numbers)}"
            self.near[name].bind(address)
            self.far[name].connect(address)
        self.channels = Channels(self.near)

    def close(self) -> None:
        self.channels.stop()
        self._context.destroy()


@contextmanager
def open_pairs(*names: str) -> Iterator[Pairs]:
    pairs = Pairs(*names)
    yield pairs
    pairs.close()
    assert not pairs.channels.is_alive()


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    with open_pairs() as made:
        made.channels.start()
        yield made


def test_ten_thousand_posts_of_several_threads_all_arrive_each_thread_s_in_order(
    pairs: Pairs,
) -> None:
    """The thread falls asleep and is woken all the time, and no wake-up is lost."""
    threads, each = 5, 2_000

    def post(number: int) -> None:
        for count in range(each):
            pairs.channels.post("shell", [b"%d" % number, b"%d" % count])

    posters = [threading.Thread(target=post, args=(number,)) for number in range(threads)]
    for poster in posters:
        poster.start()
    got: list[list[int]] = [[] for _ in range(threads)]
    for _ in range(threads * each):
        number, count = pairs.far["shell"].recv_multipart()
        got[int(number)].append(int(count))
    assert got == [list(range(each))] * threads
    for poster in posters:
        poster.join()


def test_each_post_to_a_thread_that_sleeps_wakes_it(pairs: Pairs) -> None:
    """One at a time, so that it sleeps between any two."""
    for number in range(2_000):
        pairs.channels.post("shell", [b"%d" % number])
        assert pairs.far["shell"].recv() == b"%d" % number


def test_the_order_of_posts_is_kept_across_channels() -> None:
    """The reply is written to its socket before the idle is to its own."""
    with open_pairs() as pairs:
        order: list[str] = []

        class Noting:
            def __init__(self, name: str) -> None:
                self.name = name

            def send_multipart(self, _frames: Any) -> None:
                order.append(self.name)

        pairs.channels._sockets |= {name: Noting(name) for name in ("a", "b")}
        wanted = ["a", "b", "b", "a", "b"] * 20
        for name in wanted:
            pairs.channels.post(name, [])
        pairs.channels.start()
        pairs.channels.stop()
        assert order == wanted


def test_what_was_posted_and_called_before_is_done_by_stop() -> None:
    """However much it is; calls may post more."""
    with open_pairs() as pairs:
        pairs.channels.start()
        for number in range(1_000):
            pairs.channels.post("shell", [b"%d" % number])
            pairs.channels.call(lambda n=number: pairs.channels.post("iopub", [b"%d" % n]))
        pairs.channels.stop()
        for far in pairs.far.values():
            assert [int(far.recv()) for _ in range(1_000)] == list(range(1_000))
            assert not far.poll(0)
        assert not pairs.channels.is_usable


def test_a_call_that_comes_amid_the_last_turn_is_made() -> None:
    """It came before `stop`."""
    made: list[int] = []
    with open_pairs() as pairs:
        channels = pairs.channels
        sent = channels._send

        def send_and_then() -> None:
            sent()
            if not made:
                channels.call(lambda: made.append(1))
                channels._is_stopping = True

        channels._send = send_and_then  # type: ignore[method-assign]
        channels.start()
        channels.join(BOUND)
    assert made


def test_a_second_stop_closes_nothing() -> None:
    """Another file may have the numbers by then."""
    with open_pairs() as pairs:
        pairs.channels.start()
        pairs.channels.stop()
        files = [os.pipe(), os.pipe()]
        pairs.channels.stop()
        pairs.channels.post("shell", [])
        for fd in itertools.chain(*files):
            os.close(fd)


def test_it_may_be_stopped_before_it_started_and_by_itself() -> None:
    """Nobody waits then."""
    with open_pairs():
        pass
    with open_pairs() as pairs:
        pairs.channels.start()
        pairs.channels.call(pairs.channels.stop)
        pairs.channels.join(BOUND)
        assert not pairs.channels.is_alive()


# Reading


def test_each_message_is_given_to_its_channel_s_reader(pairs: Pairs) -> None:
    """In the thread, in order; a reader may be there before or after the message."""
    got: list[tuple[str, list[bytes]]] = []
    threads = set()
    done = threading.Event()

    def read(name: str, frames: list[bytes]) -> None:
        threads.add(threading.current_thread())
        got.append((name, frames))
        if len(got) == 4 * AT_ONCE + 1:
            done.set()

    for number in range(4 * AT_ONCE):
        pairs.far["shell"].send_multipart([b"%d" % number, b"x"])
    pairs.channels.read("shell", lambda frames: read("shell", frames))
    pairs.channels.read("iopub", lambda frames: read("iopub", frames))
    pairs.far["iopub"].send(b"")
    assert done.wait(BOUND)
    shell = [frames for name, frames in got if name == "shell"]
    assert shell == [[b"%d" % number, b"x"] for number in range(4 * AT_ONCE)]
    assert threads == {pairs.channels}


def test_a_flood_on_one_channel_does_not_hold_up_another() -> None:
    """After some messages the others are looked at again."""
    with open_pairs("control", "shell") as pairs:
        got: list[str] = []
        done = threading.Event()
        pairs.channels.read("control", lambda _frames: (got.append("control"), done.set()))
        for _ in range(10 * AT_ONCE):
            pairs.far["shell"].send(b"")
        first = threading.Event()
        pairs.channels.read(
            "shell",
            lambda _frames: (
                got.append("shell"),
                first.is_set() or (pairs.far["control"].send(b""), first.set()),
            ),
        )
        pairs.channels.start()
        assert done.wait(BOUND)
        assert got.index("control") <= AT_ONCE


def test_a_message_that_cannot_be_read_costs_nothing_else(
    pairs: Pairs, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once; calls and what cannot be sent are the same."""
    got: list[bytes] = []
    done = threading.Event()

    def read(frames: list[bytes]) -> None:
        if frames == [b"bad"]:
            raise ValueError("bad")
        got.extend(frames)
        if frames == [b"last"]:
            done.set()

    pairs.channels.read("shell", read)
    pairs.channels.call(lambda: 1 / 0)
    pairs.channels.post("nowhere", [b"x"])
    pairs.channels.post("shell", ["no bytes"])
    pairs.channels.post("shell", [b"fine"])
    for frame in (b"good", b"bad", b"last"):
        pairs.far["shell"].send(frame)
    assert done.wait(BOUND)
    assert got == [b"good", b"last"]
    assert pairs.far["shell"].recv() == b"fine"
    messages = sorted(it.getMessage() for it in caplog.records if it.levelno >= logging.ERROR)
    caplog.clear()
    assert messages == [
        "a message on nowhere could not be sent",
        "a message on shell could not be sent",
        *["the kernel's socket thread goes on after an error"] * 2,
    ]


def test_drain_takes_what_has_come(pairs: Pairs) -> None:
    """What was sent before an error was seen."""
    for number in range(3):
        pairs.far["shell"].send(b"%d" % number)
    taken: list[list[bytes]] = []
    done = threading.Event()
    pairs.channels.call(lambda: (taken.extend(pairs.channels.drain("shell")), done.set()))
    assert done.wait(BOUND)
    assert taken == [[b"0"], [b"1"], [b"2"]]


# Timers


def test_timers_are_called_in_the_order_of_their_times(pairs: Pairs) -> None:
    """And one that nobody lives to see holds up none, however far it is."""
    called: list[float] = []
    done = threading.Event()
    for seconds in (float("inf"), 1e300, 1e9, 0.05, 0.02, 0.0, -1.0, 0.02):
        pairs.channels.call_later(seconds, lambda s=seconds: called.append(s))
    pairs.channels.call_later(0.06, done.set)
    assert done.wait(BOUND)
    assert sorted(called[:2]) == [-1.0, 0.0]
    assert called[2:] == [0.02, 0.02, 0.05]
    pairs.channels.post("shell", [b"alive"])
    assert pairs.far["shell"].recv() == b"alive"


# When sockets go


def test_the_thread_ends_with_its_context(caplog: pytest.LogCaptureFixture) -> None:
    """What is posted then goes nowhere."""
    pairs = Pairs()
    pairs.channels.read("shell", print)
    pairs.channels.start()
    pairs.channels.post("shell", [b"x"])
    pairs.far["shell"].recv()
    for far in pairs.far.values():
        far.close()
    term = threading.Thread(target=pairs._context.term)
    term.start()
    pairs.channels.join(BOUND)
    assert not pairs.channels.is_alive()
    for near in pairs.near.values():
        near.close()
    term.join(BOUND)
    pairs.close()
    assert not [it for it in caplog.records if it.levelno >= logging.ERROR]


def test_what_is_posted_to_closed_sockets_does_not_keep_the_thread() -> None:
    """It ends at `stop` all the same."""
    pairs = Pairs()
    pairs.channels.start()
    pairs.channels.call(lambda: [socket.close() for socket in pairs.near.values()])
    for _ in range(3):
        pairs.channels.post("shell", [b"x"])
    pairs.close()
    assert not pairs.channels.is_alive()


# In the place of sockets and of ipykernel's thread


def test_what_session_takes_for_a_socket_posts(pairs: Pairs) -> None:
    """Whole messages, and single frames."""
    socket = SocketOf(pairs.channels, "shell")
    session().send(socket, "stream", {"text": "x"}, ident=b"i")
    socket.send(b"one", 0, copy=True)
    socket.flush()
    reader = session()
    idents, parts = reader.feed_identities(pairs.far["shell"].recv_multipart())
    assert idents == [b"i"]
    assert reader.deserialize(parts)["content"] == {"text": "x"}
    assert pairs.far["shell"].recv_multipart() == [b"one"]


def publisher(pairs: Pairs, port: int = 0) -> Publisher:
    return Publisher(pairs.channels, pairs.near["iopub"], session(), port)


def test_the_publisher_publishes_in_the_thread(pairs: Pairs) -> None:
    """And has what ipykernel looks for."""
    ours = publisher(pairs)
    ours.start()
    ours.send_multipart([b"topic", b"x"], 0, copy=False)
    assert pairs.far["iopub"].recv_multipart() == [b"topic", b"x"]
    found: list[Any] = []
    ours.schedule(lambda: found.append(threading.current_thread()))
    until(lambda: found)
    assert found == [pairs.channels]
    ours.stop()
    assert pairs.channels.is_usable
    pairs.channels.stop()
    ours.schedule(lambda: found.append(threading.current_thread()))
    assert found[1] is threading.current_thread()


def test_what_a_forked_child_prints_goes_over_its_parent() -> None:
    """What anybody else sends to that port is no message."""
    with open_pairs() as pairs, zmq.Context() as context:
        pulling = context.socket(zmq.PULL)
        pulling.rcvtimeo = BOUND * 1000
        ours = publisher(pairs, pulling.bind_to_random_port("tcp://127.0.0.1"))
        pairs.channels._sockets["children"] = pulling
        pairs.channels.read("children", ours.take_from_child)
        child = publisher(pairs, ours._pipe_port)
        child._pipe_uuid = ours._pipe_uuid
        child._master_pid = -1  # so that it takes itself for one
        stranger = publisher(pairs, ours._pipe_port)
        stranger._master_pid = -1
        pairs.channels.start()
        stranger.send_multipart([b"topic", b"strange"])
        child.send_multipart([b"topic", b"x"])
        assert pairs.far["iopub"].recv_multipart() == [b"topic", b"x"]
        assert not pairs.far["iopub"].poll(0)
        pairs.channels.stop()
        pulling.close()
