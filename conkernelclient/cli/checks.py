"""
Is what this package needs there, and does it work?

Each check gives findings: one line of what there is, and what to do where it is not as it should
be. None raises: what goes wrong is what it finds.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .kernels import connection_files, look_at, runtime_directory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conkernelclient import ConKernelClient

__all__ = [
    "Finding",
    "Verdict",
    "check_descriptors",
    "check_extras",
    "check_kernel",
    "check_runtime",
    "check_specs",
    "check_versions",
]

# "note": it works, and could be better. "broken": something does not work.
Verdict: TypeAlias = Literal["ok", "note", "broken"]
NEEDED: Final = ("conkernelclient", "jupyter_client", "pyzmq", "ipykernel", "orjson", "fastcore")
DESCRIPTORS: Final = 1024  # a kernel and its client have about 50
START: Final = 60.0  # seconds for a kernel to start
PATIENCE: Final = 10.0  # seconds for a cell, and for an interrupt
OURS: Final = 0o077  # the rights of others, of which there should be none


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What a check found.

    Attributes:
        topic: What was looked at.
        verdict: See `Verdict`.
        found: What there is.
        advice: What to do; "" if nothing.
        seconds: How long it took, where that was measured.
    """

    topic: str
    verdict: Verdict
    found: str
    advice: str = ""
    seconds: float | None = None


def check_versions() -> Iterator[Finding]:
    """Look which versions are installed of what is always needed."""
    yield Finding("python", "ok", f"{sys.version.split()[0]}, {sys.executable}")
    for name in NEEDED:
        version = _version(name)
        if version is None:
            yield Finding(name, "broken", "not installed", f"pip install {name}")
        else:
            yield Finding(name, "ok", version)
    import zmq

    yield Finding("libzmq", "ok", zmq.zmq_version())
    if not zmq.has("curve"):
        advice = "install a pyzmq whose libzmq has libsodium, to encrypt what passes over tcp"
        yield Finding("CURVE", "note", "this libzmq cannot encrypt", advice)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if name != "conkernelclient":
            return None
        from conkernelclient import __version__  # run from a copy that is not installed

        return __version__


def check_extras() -> Iterator[Finding]:
    """Look which of the extras have what they need."""
    from packaging.requirements import Requirement  # it comes with ipykernel

    try:
        lines = importlib.metadata.requires("conkernelclient") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("extras", "note", "not known: this copy is not installed")
        return
    extras: dict[str, list[str]] = {}
    for line in lines:
        requirement = Requirement(line)
        for extra in re.findall(r"extra\s*==\s*[\"']([^\"']+)", str(requirement.marker)):
            extras.setdefault(extra, []).append(requirement.name)
    for extra, names in sorted(extras.items()):
        if extra in ("all", "dev", "docs"):
            continue
        lacking = [name for name in names if _version(name) is None]
        if lacking:
            advice = f"pip install 'conkernelclient[{extra}]', if you want it"
            yield Finding(f"[{extra}]", "ok", f"not there: lacks {', '.join(lacking)}", advice)
        else:
            versions = ", ".join(f"{name} {_version(name)}" for name in names)
            yield Finding(f"[{extra}]", "ok", versions)


def check_specs(wanted: str) -> Iterator[Finding]:
    """Look which kernelspecs there are, and whether their programs are."""
    from shutil import which

    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    found = manager.find_kernel_specs()
    if wanted not in found:
        advice = "python -m ipykernel install --sys-prefix" if wanted == "python3" else ""
        yield Finding("kernelspec", "broken", f"there is no {wanted}", advice or "name another one")
    for name, directory in sorted(found.items()):
        try:
            program = manager.get_kernel_spec(name).argv[0]
        except (NoSuchKernel, ValueError, IndexError, OSError) as error:
            advice = f"mend it, or jupyter kernelspec uninstall {name}"
            yield Finding(f"kernelspec {name}", "note", f"cannot be read: {error}", advice)
            continue
        if which(program) is None:
            advice = f"install it, or jupyter kernelspec uninstall {name}"
            verdict: Verdict = "broken" if name == wanted else "note"
            yield Finding(f"kernelspec {name}", verdict, f"there is no program {program}", advice)
        else:
            yield Finding(f"kernelspec {name}", "ok", directory)


async def check_kernel(name: str) -> AsyncIterator[Finding]:
    """Start a kernel, run a cell in it, interrupt one, and look how it is reached."""
    from conkernelclient import run_kernel

    began = time.perf_counter()
    try:
        async with run_kernel(name, startup_timeout=START) as kc:
            took = time.perf_counter() - began
            yield Finding("a kernel starts", "ok", f"{name}, in {took:.2f} s", seconds=took)
            yield await _runs_a_cell(kc)
            yield await _takes_an_interrupt(kc)
            yield _encryption(kc, name)
    except Exception as error:
        advice = "start it by hand to see why: jupyter console --kernel " + name
        text = " ".join(f"{type(error).__name__}: {error}".split())
        yield Finding("a kernel starts", "broken", text, advice)


async def _runs_a_cell(kc: ConKernelClient) -> Finding:
    result = await kc.run("print(6 * 7)", timeout=PATIENCE)
    took = result.duration or 0.0
    if result.status == "ok" and result.text.strip() == "42":
        return Finding("a cell runs", "ok", f"in {took * 1e3:.0f} ms", seconds=took)
    if result.status == "error":  # print is no function of each language
        return Finding("a cell runs", "note", "it answers, in another language than Python")
    return Finding("a cell runs", "broken", f"{result!r}", "see the kernel's own messages")


async def _takes_an_interrupt(kc: ConKernelClient) -> Finding:
    run = kc.run("print('here', flush=True)\nwhile True: pass", timeout=2 * PATIENCE)
    async for _event in run:
        break
    began = time.perf_counter()
    is_over = await run.interrupt()
    result = await run
    took = time.perf_counter() - began
    if is_over and result.error is not None:
        return Finding("an interrupt ends it", "ok", f"in {took * 1e3:.0f} ms", seconds=took)
    return Finding(
        "an interrupt ends it", "note", f"{result!r}", "its cells end by a restart alone"
    )


def _encryption(kc: ConKernelClient, name: str) -> Finding:
    if kc.curve_publickey:
        return Finding("transport", "ok", "encrypted and authenticated, with CURVE")
    if kc.transport == "ipc":
        return Finding("transport", "ok", "sockets of this machine, which its user alone reaches")
    return Finding(
        "transport",
        "note",
        f"tcp on {kc.ip}, signed and not encrypted",
        f"{name} has to declare it: ipykernel from 7.3 on, installed anew with "
        "`python -m ipykernel install`; managers: c.KernelManager.transport_encryption = 'auto'",
    )


async def check_runtime() -> list[Finding]:
    """Look where connection files are, and whether others can read them."""
    directory = runtime_directory()
    findings = [_private(directory, "runtime directory", 0o700)]
    files = connection_files()
    open_to_all = [path for path in files if _rights(path) & OURS]
    if open_to_all and os.name != "nt":
        names = " ".join(str(path) for path in open_to_all[:3])
        advice = f"whoever reads the key can run code: chmod 600 {names}"
        found = f"{len(open_to_all)} of {len(files)} can be read by others"
        findings.append(Finding("connection files", "note", found, advice))
    else:
        findings.append(Finding("connection files", "ok", f"{len(files)}, private"))
    stale = [kernel.path for kernel in await look_at(files) if kernel.state == "stale"]
    if stale:
        found = f"{len(stale)} of kernels that have ended"
        findings.append(Finding("left over", "ok", found, "conkernel ps --all lists them"))
    return findings


def _private(directory: Path, topic: str, mode: int) -> Finding:
    if not directory.exists():
        return Finding(topic, "ok", f"{directory}, made with the first kernel")
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        advice = f"chmod u+rwx {directory}, or set JUPYTER_RUNTIME_DIR to another one"
        return Finding(topic, "broken", f"{directory} cannot be written", advice)
    if os.name != "nt" and _rights(directory) & 0o022:
        return Finding(
            topic, "note", f"{directory} can be written by others", f"chmod {mode:o} {directory}"
        )
    return Finding(topic, "ok", str(directory))


def _rights(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def check_descriptors() -> Iterator[Finding]:
    """Look how many files this process may open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told: Any = "no limit" if hard == resource.RLIM_INFINITY else hard
    found = f"{soft}, may be raised to {told}"
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        advice = f"each kernel takes about 50: ulimit -n {DESCRIPTORS * 4}"
        yield Finding("descriptors", "note", found, advice)
    else:
        yield Finding("descriptors", "ok", found)
