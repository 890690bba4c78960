"""The package's own kernel has its name also where no kernelspec is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from conkernelclient import ConKernelManager, run_kernel
from conkernelclient.kernel.spec import NAME as ITS_NAME
from conkernelclient.kernel.spec import kernel_dict
from conkernelclient.manager.native import NAME, native_spec

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., KernelSpecManager]:
    """What has the given kernelspecs, and no other."""

    def install(**specs: object) -> KernelSpecManager:
        for name, spec in specs.items():
            path = tmp_path / name
            path.mkdir()
            (path / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        return KernelSpecManager(kernel_dirs=[str(tmp_path)])

    return install


def test_it_says_what_an_installed_one_says() -> None:
    """Word for word, although neither can import the other."""
    made = native_spec().to_dict()
    assert {key: made[key] for key in kernel_dict()} == kernel_dict()
    assert made["env"] == {}
    assert NAME == ITS_NAME


def test_one_that_is_installed_comes_first(
    installed: Callable[..., KernelSpecManager],
) -> None:
    """It may have options of its own."""
    manager = installed(conkernel=kernel_dict(display_name="mine", python="python"))
    km = ConKernelManager(kernel_name=NAME, kernel_spec_manager=manager)
    assert km.kernel_spec is not None
    assert km.kernel_spec.display_name == "mine"


def test_one_that_is_installed_and_cannot_be_started_says_so(
    installed: Callable[..., KernelSpecManager],
) -> None:
    """What starts it is missing: another kernel in its place would be a surprise."""
    spec = kernel_dict()
    spec["metadata"]["kernel_provisioner"] = {"provisioner_name": "no-such-provisioner"}
    km = ConKernelManager(kernel_name=NAME, kernel_spec_manager=installed(conkernel=spec))
    with pytest.raises(NoSuchKernel):
        km.kernel_spec  # noqa: B018


def test_other_names_are_as_unknown_as_before(
    installed: Callable[..., KernelSpecManager],
) -> None:
    """Nothing is guessed."""
    km = ConKernelManager(kernel_name="conkernel2", kernel_spec_manager=installed())
    with pytest.raises(NoSuchKernel, match="conkernel2"):
        km.kernel_spec  # noqa: B018


async def test_its_kernel_starts_by_name_from_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an editable installation, which installs no kernelspec."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", ROOT)
    async with run_kernel(NAME, cwd=str(tmp_path)) as kc:
        info = await kc.kernel_info(reply=True)
        assert info["content"]["implementation"] == "conkernel"
        assert (await kc.run("6 * 7")).text == "42\n"
