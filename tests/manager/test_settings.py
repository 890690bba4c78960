"""What can be configured of a manager is what jupyter_client's configuration reaches."""

from __future__ import annotations

import pytest
from jupyter_client.asynchronous import AsyncKernelClient
from traitlets import TraitError
from traitlets.config import Config

from conkernelclient import ConKernelClient, ConKernelManager
from conkernelclient.ioloop import ConIOLoopKernelManager
from conkernelclient.manager.settings import ManagerSettings


def test_each_setting_is_read_from_a_configuration() -> None:
    """By the class's name, as with jupyter_client's own."""
    config = Config()
    config.ConKernelManager.capture_stderr = False
    config.ConKernelManager.pass_on_output = False
    config.ConKernelManager.autorestart = True
    km = ConKernelManager(config=config)
    assert (km.capture_stderr, km.pass_on_output, km.autorestart) == (False, False, True)
    names = {"capture_stderr", "pass_on_output", "autorestart", "client_class", "client_factory"}
    assert names <= set(ManagerSettings.class_own_traits(config=True))


def test_the_client_is_made_by_the_class_that_is_named() -> None:
    """Ours, unless a program names another one."""
    assert ConKernelManager().client_factory is ConKernelClient
    other = "jupyter_client.asynchronous.AsyncKernelClient"
    assert ConKernelManager(client_class=other).client_factory is AsyncKernelClient
    with pytest.raises(TraitError):
        ConKernelManager(client_factory=int)


def test_only_the_managers_with_a_loop_of_their_own_restart_by_default() -> None:
    """As jupyter_client's do."""
    assert not ConKernelManager().autorestart
    assert ConIOLoopKernelManager().autorestart


def test_a_manager_of_an_own_kernel_encrypts_where_libzmq_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever its class; a plain one does as jupyter_client's."""
    for has_curve, encryption in ((True, "auto"), (False, "disabled")):
        monkeypatch.setattr("zmq.has", lambda _name, has_curve=has_curve: has_curve)
        km = ConIOLoopKernelManager.of_own_kernel("python3", pass_on_output=False)
        assert type(km) is ConIOLoopKernelManager
        assert (km.transport_encryption, km.pass_on_output) == (encryption, False)
    assert ConKernelManager().transport_encryption == "disabled"
