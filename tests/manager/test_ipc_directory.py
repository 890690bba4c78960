"""A kernel's ipc sockets lie in a directory of their own, under names that fit."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from conkernelclient import ConKernelManager
from conkernelclient.manager.ipc_directory import IpcDirectory

HIGHEST = 5  # what a kernel numbers its sockets by, behind the address


def test_it_is_absolute_private_and_another_one_each_time() -> None:
    """Others on the machine cannot listen in, nor can two kernels meet."""
    one, other = IpcDirectory(), IpcDirectory()
    try:
        assert one.path != other.path
        assert os.path.isabs(one.address)
        assert stat.S_IMODE(os.stat(one.path).st_mode) == 0o700
    finally:
        one.remove()
        other.remove()
    assert not os.path.exists(one.path)


def test_it_goes_with_its_sockets_and_only_once() -> None:
    """A directory that somebody made under the same name later is not ours."""
    directory = IpcDirectory()
    Path(directory.address + "-1").touch()
    directory.remove()
    assert not directory.is_there
    Path(directory.path).mkdir()
    directory.remove()
    Path(directory.path).rmdir()


def test_a_socket_can_be_bound_there_however_long_the_directory_for_temporary_files_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a socket may have 107 bytes."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    directory = IpcDirectory()
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"{directory.address}-{HIGHEST}")
    finally:
        directory.remove()
    assert list(long.iterdir()) == []


def test_a_manager_makes_one_for_ipc_alone_and_names_the_same_address_again() -> None:
    """`ip` is asked for many times."""
    assert ConKernelManager()._ipc is None
    km = ConKernelManager(transport="ipc")
    assert km.ip == km.ip
    assert km._ipc is not None
    assert (km.ip, km._ipc.is_there) == (km._ipc.address, True)
    km.cleanup_connection_file()
    assert not os.path.exists(km._ipc.path)
