"""
What does a kernelspec of this kernel say, and where is it installed?

It is a directory with a file `kernel.json`, in one of the directories in which Jupyter looks: the
user's, that of an environment, or that of the whole system.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jupyter_client.kernelspec import KernelSpecManager

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "DEFAULT_MODES",
    "NAME",
    "TRIO_NAME",
    "ForeignKernelError",
    "Installed",
    "MissingTrioError",
    "Place",
    "UnknownKernelError",
    "find",
    "install",
    "kernel_dict",
    "uninstall",
]

NAME: Final = "conkernel"
DISPLAY_NAME: Final = "Python 3 (conkernel)"
TRIO_NAME: Final = "conkernel-trio"
TRIO_DISPLAY_NAME: Final = "Python 3 (conkernel, trio)"
MODULE: Final = "conkernelclient.kernel"
FORKED: Final = {"provisioner_name": "conkernel-fork"}  # in `forks`, which this does not import
DEFAULT_MODES: Final = ("queue", "auto")
MODE_OPTION: Final = "--ConKernel.default_mode="
TRIO_OPTION: Final = "--ConKernel.library=trio"


class UnknownKernelError(LookupError):
    """No kernelspec of that name is installed there."""


class ForeignKernelError(ValueError):
    """The kernelspec of that name starts another kernel than this one."""


class MissingTrioError(RuntimeError):
    """The kernel is to run cells that await trio, which is not installed."""

    def __init__(self) -> None:
        super().__init__("a kernel of trio cells needs trio: pip install 'conkernelclient[trio]'")


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a kernelspec is installed. By default, for the whole system.

    Attributes:
        user: For this user alone.
        prefix: In an environment, at `PREFIX/share/jupyter`.
    """

    user: bool = False
    prefix: str | None = None

    def manager(self) -> KernelSpecManager:
        """Give what finds kernelspecs in this place alone."""
        place = KernelSpecManager()._get_destination_dir("", self.user, self.prefix)
        return KernelSpecManager(kernel_dirs=[str(Path(place))], ensure_native_kernel=False)


@dataclass(frozen=True, slots=True)
class Installed:
    """
    A kernelspec of this kernel that is installed.

    Attributes:
        name: By which it is started.
        path: Its directory.
        display_name: What a front end shows.
        mode: How its cells run that do not say it: "queue" or "auto".
        library: What its cells await: "asyncio" or "trio".
    """

    name: str
    path: str
    display_name: str
    mode: str
    library: str


def kernel_dict(
    *,
    python: str | None = None,
    display_name: str = DISPLAY_NAME,
    mode: str = "queue",
    trio: bool = False,
    env: Mapping[str, str] | None = None,
    preload: Sequence[str] | None = None,
) -> dict[str, Any]:
    """
    Give what `kernel.json` says.

    Args:
        python: The interpreter; None: this one. Of "python" Jupyter makes its own.
        display_name: What a front end shows.
        mode: How cells run that do not say it: "queue", or "auto" for tasks where they await.
        trio: Whether cells await trio, and not asyncio.
        env: Variables of the kernel's environment.
        preload: Modules that its cells will import: it is forked off a process that has loaded
            them, which may be none; None: it is a fresh process.

    Raises:
        ValueError: There is no such mode.
    """
    if mode not in DEFAULT_MODES:
        raise ValueError(f"no mode {mode!r}: choose one of {', '.join(DEFAULT_MODES)}")
    options = [] if mode == "queue" else [f"{MODE_OPTION}{mode}"]
    if trio:
        options.append(TRIO_OPTION)
    made: dict[str, Any] = {
        "argv": [python or sys.executable, "-m", MODULE, "-f", "{connection_file}", *options],
        "display_name": display_name,
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {"concurrent": True, "debugger": True, "supported_encryption": ["curve"]},
    }
    if env:
        made["env"] = dict(env)
    if preload is not None:
        made["metadata"] |= {"kernel_provisioner": FORKED, "preload": list(preload)}
    return made


def install(
    place: Place = Place(),
    *,
    name: str | None = None,
    display_name: str | None = None,
    mode: str = "queue",
    trio: bool = False,
    env: Mapping[str, str] | None = None,
    preload: Sequence[str] | None = None,
) -> str:
    """
    Install a kernelspec; one of this name that is there is replaced.

    Args:
        place: Where.
        name: By which it is started; None: "conkernel", or "conkernel-trio".
        display_name: What a front end shows; None: the usual one, with a name of your own in it.
        mode: As `kernel_dict` has it.
        trio: As `kernel_dict` has it.
        env: As `kernel_dict` has it.
        preload: As `kernel_dict` has it.

    Returns:
        Its directory.

    Raises:
        MissingTrioError: Its cells are to await trio, which is not installed.
        ValueError: The name cannot be one, or there is no such mode.
        OSError: The place cannot be written.
    """
    if trio and not _has_trio():
        raise MissingTrioError
    usual, usual_shown = (TRIO_NAME, TRIO_DISPLAY_NAME) if trio else (NAME, DISPLAY_NAME)
    name = name or usual
    shown = display_name or (usual_shown if name == usual else f"Python 3 ({name})")
    made = kernel_dict(display_name=shown, mode=mode, trio=trio, env=env, preload=preload)
    with tempfile.TemporaryDirectory() as source:
        Path(source, "kernel.json").write_text(json.dumps(made, indent=1), encoding="utf-8")
        Path(source).chmod(0o755)  # others read it, where it is for the whole system
        return KernelSpecManager().install_kernel_spec(
            source, kernel_name=name, user=place.user, prefix=place.prefix
        )


def uninstall(name: str = NAME, place: Place | None = None) -> str:
    """
    Remove a kernelspec of this kernel.

    Args:
        name: Of which name.
        place: Where; None: the one that Jupyter finds.

    Returns:
        The directory that was.

    Raises:
        UnknownKernelError: There is none.
        ForeignKernelError: It is another kernel's.
        OSError: It cannot be removed.
    """
    manager = _manager(place)
    if name not in manager.find_kernel_specs():
        raise UnknownKernelError(f"no kernelspec {name!r} is installed there")
    if all(installed.name != name for installed in find(place)):
        raise ForeignKernelError(f"the kernelspec {name!r} starts another kernel")
    return manager.remove_kernel_spec(name)


def find(place: Place | None = None) -> list[Installed]:
    """Give the installed kernelspecs that start this kernel: in a place, or all that are found."""
    found: list[Installed] = []
    for name, entry in sorted(_manager(place).get_all_specs().items()):
        spec: dict[str, Any] = entry["spec"]
        argv: list[str] = spec["argv"]
        if MODULE in argv:
            modes = [it.removeprefix(MODE_OPTION) for it in argv if it.startswith(MODE_OPTION)]
            mode = modes[-1] if modes else "queue"
            library = "trio" if TRIO_OPTION in argv else "asyncio"
            found.append(
                Installed(name, entry["resource_dir"], spec["display_name"], mode, library)
            )
    return found


def _has_trio() -> bool:
    try:
        return importlib.util.find_spec("trio") is not None
    except ValueError:  # something stands in its place in `sys.modules`
        return False


def _manager(place: Place | None) -> KernelSpecManager:
    return KernelSpecManager(ensure_native_kernel=False) if place is None else place.manager()
