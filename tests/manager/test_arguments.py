"""What a kernel cannot be started with is named, with what was most likely meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from conkernelclient import ConKernelManager, run_kernel
from conkernelclient.manager.arguments import check_launch
from conkernelclient.manager.running import start_new_async_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def launched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The arguments of the processes that were started: none may be."""
    started: list[Any] = []
    monkeypatch.setattr(
        "jupyter_client.provisioning.local_provisioner.launch_kernel",
        lambda *args, **_: started.append(args),
    )
    yield started
    assert started == []


async def test_run_kernel_names_an_unknown_argument_and_the_nearest_known_one() -> None:
    """Popen's own error named neither the function nor what was meant."""
    with pytest.raises(TypeError, match=r"run_kernel\(\).*'timeout'.*mean 'startup_timeout'"):
        async with run_kernel(timeout=5):
            pass


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cdw": "/"}, "mean 'cwd'"),
        ({"enviroment": {}}, "mean 'env'"),
        ({"start_new_sesion": True}, "mean 'start_new_session'"),
        ({"window": None}, r"trait of the client: client_options=\{'window': \.\.\.\}"),
        ({"autorestart": True}, r"trait of the manager: ConKernelManager\(autorestart=\.\.\.\)"),
        ({"qqq": 1, "cdw": "/"}, "'qqq'; 'cdw'"),
    ],
)
async def test_each_kind_of_argument_is_sent_to_where_it_belongs(
    arguments: dict[str, Any], words: str
) -> None:
    """Traits of the client and of the manager are not misspelt."""
    with pytest.raises(TypeError, match=words):
        async with run_kernel(**arguments):
            pass


async def test_start_kernel_and_start_new_async_kernel_name_it_as_their_own() -> None:
    """What they take themselves is not the same."""
    km = ConKernelManager()
    with pytest.raises(
        TypeError, match=r"start_kernel\(\) does not take 'enf': did you mean 'env'"
    ):
        await km.start_kernel(enf={})
    assert not km.has_kernel
    with pytest.raises(TypeError, match=r"start_new_async_kernel\(\).*mean 'startup_timeout'"):
        await start_new_async_kernel(startup_timout=5)
    with pytest.raises(TypeError, match=r"km\.client\(window=\.\.\.\)"):
        await start_new_async_kernel(window=5)


class Anything(LocalProvisioner):
    """A provisioner that takes arguments of its own."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        return {}


class Nearly(LocalProvisioner):
    """One that launches as jupyter_client's does."""


def test_what_other_provisioners_take_is_their_business() -> None:
    """Nobody else knows it."""
    km = ConKernelManager()
    km.provisioner = Anything()
    check_launch(km, ConKernelManager, ["colour", "cwd"])
    km.provisioner = Nearly()
    check_launch(km, ConKernelManager, ["cwd", "env", "extra_arguments", "user", "stderr"])
    with pytest.raises(TypeError, match="colour"):
        check_launch(km, ConKernelManager, ["colour", "cwd"])
