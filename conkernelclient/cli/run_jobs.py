"""
Which notebooks are to be run, with what, and where does each go?

All of it is settled before a kernel starts: what is wrong with the arguments costs no run.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conkernelclient import ConKernelManager

from .notebook_file import read_notebook
from .notebook_parameters import inject, parameters_of
from .options import UsageError
from .run_notebook import Plan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from .notebook_file import Notebook

__all__ = ["TO_STDOUT", "Job", "jobs_of"]

TO_STDOUT: Final = Path("-")
ANY_PYTHON: Final = "python"  # jupyter_client takes it for the one of this Python


@dataclass(frozen=True, slots=True)
class Job:
    """One notebook: where it is from, where it goes (None: nowhere), what is to be done."""

    source: Path
    target: Path | None
    plan: Plan


def jobs_of(args: argparse.Namespace, values: Mapping[str, Any]) -> list[Job]:
    """
    Settle what is to be run.

    Args:
        args: notebooks, output, inplace, kernel, timeout, cwd, keep_going.
        values: Of parameters, by their names.

    Raises:
        UsageError: Something is wrong with an argument, or with a notebook.
    """
    sources: list[Path] = args.notebooks
    targets = _targets(sources, args.output, is_inplace=args.inplace)
    if args.cwd is not None and not args.cwd.is_dir():
        raise UsageError(f"--cwd {args.cwd}: there is no such folder")
    known = _kernels()
    jobs: list[Job] = []
    for source, name, target in zip(sources, _names(sources), targets, strict=True):
        notebook = read_notebook(source)
        kernel_name = args.kernel or _kernel_of(notebook)
        if kernel_name not in known and kernel_name != ANY_PYTHON:
            raise UsageError(
                f"{source}: there is no kernel {kernel_name!r}: give --kernel; there are"
                f" {', '.join(sorted(known))}"
            )
        if values:
            _give(source, notebook, values)
        cwd = str(args.cwd or source.parent)
        plan = Plan(name, notebook, kernel_name, cwd, args.timeout, args.keep_going)
        jobs.append(Job(source, target, plan))
    return jobs


def _kernels() -> set[str]:
    manager: Any = ConKernelManager()  # jupyter_client gives its methods no types
    return {*manager.kernel_spec_manager.find_kernel_specs(), "conkernel"}


def _names(sources: list[Path]) -> list[str]:
    """Give what each is called: the file's name, or its path where two have the same."""
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        return [str(source) for source in sources]
    return names


def _targets(sources: list[Path], output: Path | None, *, is_inplace: bool) -> list[Path | None]:
    if len({source.resolve() for source in sources}) < len(sources):
        raise UsageError("a notebook is given twice")
    if is_inplace:
        return list(sources)
    if output is None:
        return [None] * len(sources)
    if len(sources) > 1:
        return list(_into(output, sources))
    target = output / sources[0].name if output.is_dir() else output
    if target != TO_STDOUT:
        _check(target, sources)
    return [target]


def _into(folder: Path, sources: list[Path]) -> list[Path]:
    """Give where each goes in a folder, which is made if need be."""
    if folder == TO_STDOUT:
        raise UsageError("-o -: one notebook alone goes to stdout; give a folder for several")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"-o {folder}: is no folder; give one for several notebooks")
    targets = [folder / source.name for source in sources]
    if len(set(targets)) < len(targets):
        raise UsageError(f"-o {folder}: two of the notebooks have the same name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"-o {folder}: cannot be made: {error.strerror}") from None
    for target in targets:
        _check(target, sources)
    return targets


def _check(target: Path, sources: list[Path]) -> None:
    if target.resolve() in {source.resolve() for source in sources}:
        raise UsageError(f"-o {target}: that is the notebook itself; if so meant, give --inplace")
    folder = target.resolve().parent
    if not folder.is_dir():
        raise UsageError(f"-o {target}: there is no folder {folder}")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise UsageError(f"-o {target}: may not be written")


def _kernel_of(notebook: Notebook) -> str:
    return str(notebook.metadata.get("kernelspec", {}).get("name") or "python3")


def _give(source: Path, notebook: Notebook, values: Mapping[str, Any]) -> None:
    metadata = notebook.metadata
    language = metadata.get("kernelspec", {}).get("language") or metadata.get(
        "language_info", {}
    ).get("name", "python")
    if str(language).lower() not in ("python", "ipython"):
        raise UsageError(f"{source}: -p is for notebooks in Python, and this one is in {language}")
    known = parameters_of(notebook)
    unknown = [] if known is None else [name for name in values if name not in known]
    if unknown:
        there_are = f"there are {', '.join(known)}" if known else "there are none"
        raise UsageError(f"{source}: has no parameter {', '.join(unknown)}; {there_are}")
    if not inject(notebook, values):
        note = "has no cell tagged `parameters`: the values stand at its top"
        print(f"conkernel: {source}: {note}", file=sys.stderr)
