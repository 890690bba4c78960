"""A repr says in one line what a thing is and how it stands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient import ConKernelClient, ConKernelManager, Result, Run
from conkernelclient.testing import FakeKernel, Hold
from tests.clients import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = b"a-secret-key-that-nobody-may-read"


@pytest.fixture
def kernel() -> Iterator[FakeKernel]:
    """A kernel that holds `wait`."""
    with FakeKernel(key=KEY) as fake:
        fake.on_code("wait\n" * 50, [Hold()])
        yield fake


async def test_the_repr_of_a_client_names_kernel_state_and_requests(kernel: FakeKernel) -> None:
    """From before it is started until after it is stopped."""
    kc = kernel.client()
    seen = [repr(kc)]
    assert "channels closed" in seen[0]
    await opened(kc)
    run = kc.run("wait\n" * 50)
    seen += [repr(kc), repr(run)]
    assert seen[1].startswith(
        f"<ConKernelClient {kc.kernel_name}, kernel here, 1 requests under way"
    )
    run.cancel()
    seen.append(repr(run))
    assert "cancelled" in seen[-1]
    kc.stop_channels()
    seen.append(repr(kc))
    assert "channels closed" in seen[-1]
    for text in seen:
        assert KEY.decode() not in text
        assert "\n" not in text
        assert len(text) < 300


async def test_the_repr_of_a_run_names_its_status_and_its_code_cut_short(
    kernel: FakeKernel,
) -> None:
    """A cell may be long."""
    kc = await kernel.client().start_channels()
    run = kc.run("wait\n" * 50)
    assert f"<Run {run.msg_id} running " in repr(run)
    assert "'wait wait" in repr(run)
    assert "…" in repr(run)
    run.cancel()
    done = kc.run("x = 1")
    await done
    assert "ok done" in repr(done)
    kc.stop_channels()


def test_the_repr_of_a_result_names_its_status_and_its_outputs_cut_short() -> None:
    """On one line, without controls, whatever was printed."""
    text = "\x1b[31mred\x1b[0m\n" * 1000
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
    result = Result(
        status="ok", msg_id="m", code="c", outputs=outputs, execution_count=3, duration=0.1234
    )
    shown = repr(result)
    assert shown.startswith("<Result ok [3], 0.123 s, 1 outputs: 'red red")
    assert len(shown) < 150
    assert "\x1b" not in shown
    assert "…" in shown
    assert repr(Result(status="aborted", msg_id="m", code="c", aborted_by="E: x")) == (
        "<Result aborted, aborted_by='E: x'>"
    )


@pytest.mark.parametrize("kind", [ConKernelClient, ConKernelManager, Run, Result])
def test_the_repr_of_what_is_half_constructed_does_not_raise(kind: Any) -> None:
    """A debugger shows `self` in the middle of a constructor."""
    assert repr(kind.__new__(kind)).startswith(f"<{kind.__name__} ")


async def test_the_repr_of_a_client_in_a_forked_child_does_not_raise(kernel: FakeKernel) -> None:
    """It says that it belongs to another process."""
    kc = await kernel.client().start_channels()
    read_fd, write_fd = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        try:
            os.write(write_fd, repr(kc).encode())
        finally:
            os._exit(0)
    os.close(write_fd)
    with os.fdopen(read_fd, "rb") as pipe:
        assert b"of another process" in pipe.read()
    os.waitpid(child, 0)
    kc.stop_channels()
