"""What a kernelspec says is what Jupyter starts; by its name it is found, listed and removed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from conkernelclient import ConKernelManager, run_kernel
from conkernelclient.kernel.spec import (
    DEFAULT_MODES,
    DISPLAY_NAME,
    NAME,
    TRIO_NAME,
    ForeignKernelError,
    Installed,
    Place,
    UnknownKernelError,
    find,
    install,
    kernel_dict,
    uninstall,
)
from tests.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
IN_WHEEL: Final = ROOT / "share" / "jupyter" / "kernels" / "conkernel" / "kernel.json"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user without kernelspecs, whose environment has none either."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "path"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [str(tmp_path / "env")])
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [str(tmp_path / "system")])
    monkeypatch.setattr("jupyter_client.kernelspec.SYSTEM_JUPYTER_PATH", [str(tmp_path / "system")])
    return tmp_path


def read(path: str) -> dict[str, Any]:
    return json.loads(Path(path, "kernel.json").read_text(encoding="utf-8"))


def test_it_starts_this_kernel_with_this_interpreter() -> None:
    """And says what front ends ask about: debugging, encryption, how it is interrupted."""
    assert kernel_dict() == {
        "argv": [sys.executable, "-m", "conkernelclient.kernel", "-f", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {"concurrent": True, "debugger": True, "supported_encryption": ["curve"]},
    }


def test_a_mode_and_variables_are_said_where_they_are_not_the_usual_ones() -> None:
    """The mode as an option of the kernel's own."""
    made = kernel_dict(mode="auto", env={"A": "1"}, display_name="mine")
    assert made["argv"][-1] == "--ConKernel.default_mode=auto"
    assert (made["env"], made["display_name"]) == ({"A": "1"}, "mine")


def test_a_mode_that_is_none_is_refused_with_those_that_are() -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match="no mode 'task': choose one of queue, auto"):
        kernel_dict(mode="task")


def test_the_modes_are_those_of_the_kernel() -> None:
    """And the option has its name."""
    from conkernelclient.kernel.kernel import ConKernel

    trait = ConKernel.class_traits(config=True)["default_mode"]
    assert set(trait.values) == set(DEFAULT_MODES)


def test_the_wheel_has_the_same_kernelspec_for_any_interpreter() -> None:
    """Jupyter puts its own in the place of `python`."""
    assert json.loads(IN_WHEEL.read_text(encoding="utf-8")) == kernel_dict(python="python")


def test_each_place_has_kernelspecs_of_its_own(home: Path) -> None:
    """One that is removed in one place stays in the others."""
    places = [Place(user=True), Place(prefix=str(home / "prefix")), Place()]
    paths = [install(place) for place in places]
    assert [Path(path).relative_to(home).as_posix() for path in paths] == [
        "data/kernels/conkernel",
        "prefix/share/jupyter/kernels/conkernel",
        "system/kernels/conkernel",
    ]
    assert all(read(path) == kernel_dict() for path in paths)
    assert uninstall(place=places[1]) == paths[1]
    assert [len(find(place)) for place in places] == [1, 0, 1]


@pytest.mark.usefixtures("home")
def test_jupyter_finds_what_was_installed() -> None:
    """And it is found among others, with its mode."""
    path = install(Place(user=True), name="Mine", mode="auto", env={"A": "b c"})
    assert KernelSpecManager().get_kernel_spec("mine").env == {"A": "b c"}
    assert find() == [Installed("mine", path, "Python 3 (Mine)", "auto", "asyncio")]
    assert Path(path).stat().st_mode & 0o555 == 0o555


@pytest.mark.usefixtures("home")
def test_one_whose_cells_await_trio_is_another_one() -> None:
    """Beside the usual one, with what else is wanted."""
    paths = [install(Place(user=True)), install(Place(user=True), trio=True, mode="auto")]
    assert Path(paths[1]).name == TRIO_NAME
    assert read(paths[1])["argv"][-2:] == [
        "--ConKernel.default_mode=auto",
        "--ConKernel.library=trio",
    ]
    assert [(it.display_name, it.library) for it in find()] == [
        (DISPLAY_NAME, "asyncio"),
        ("Python 3 (conkernel, trio)", "trio"),
    ]


@pytest.mark.usefixtures("home")
async def test_its_cells_await_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager starts it by its name."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    install(Place(user=True), trio=True)
    km = ConKernelManager(kernel_name="conkernel-trio")
    await km.start_kernel()
    try:
        async with client_of(km) as kc:
            result = await kc.run("import trio; await trio.sleep(0); trio.current_time() > 0")
            assert result.data["text/plain"] == "True"
    finally:
        await km.shutdown_kernel(now=True)


@pytest.mark.usefixtures("home")
def test_a_second_one_of_a_name_takes_the_place_of_the_first() -> None:
    """Nothing of the first is left."""
    install(Place(user=True), mode="auto")
    path = install(Place(user=True), display_name="anew")
    assert read(path) == kernel_dict(display_name="anew")
    assert [it.mode for it in find()] == ["queue"]


@pytest.mark.usefixtures("home")
def test_what_is_not_there_cannot_be_removed() -> None:
    """Nor what is elsewhere, when the place is named."""
    install(Place(user=True))
    with pytest.raises(UnknownKernelError, match="no kernelspec 'other'"):
        uninstall("other")
    with pytest.raises(UnknownKernelError):
        uninstall(NAME, Place())


def test_a_kernelspec_of_another_kernel_is_neither_listed_nor_removed(home: Path) -> None:
    """It is not ours."""
    path = home / "data" / "kernels" / "other"
    path.mkdir(parents=True)
    spec = {**kernel_dict(), "argv": ["python", "-m", "ipykernel_launcher", "-f", "x"]}
    (path / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    assert find() == []
    with pytest.raises(ForeignKernelError, match="'other' starts another kernel"):
        uninstall("other")
    assert path.exists()


@pytest.mark.usefixtures("home")
def test_a_name_that_jupyter_would_not_find_is_refused() -> None:
    """In Jupyter's words."""
    with pytest.raises(ValueError, match="Invalid kernel name"):
        install(Place(user=True), name="a b")


@pytest.mark.usefixtures("home")
async def test_a_kernel_of_mode_auto_runs_cells_that_await_beside_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first waits for the second."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    install(Place(user=True), mode="auto")
    async with run_kernel(NAME) as kc:
        await kc.run("import asyncio; it = asyncio.Event()")
        first = kc.run("await asyncio.wait_for(it.wait(), 30)")
        second = await kc.run("it.set(); await asyncio.sleep(0)")
        assert (second.status, (await first).status) == ("ok", "ok")
