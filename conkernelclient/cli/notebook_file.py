"""
How is a notebook read from a file, and written to one?

By nbformat (extra `[run]`). What is wrong with a file is told in one line; a file is replaced as a
whole, or stays as it was.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from conkernelclient.sidecar.document.saving import replace_file

from .options import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Notebook", "as_output", "new_code_cell", "read_notebook", "write_notebook"]

Notebook: TypeAlias = Any  # nbformat's NotebookNode, which has no types

SHOWN = 200  # characters of what is wrong with a file


def read_notebook(path: Path) -> Notebook:
    """
    Read a notebook as format 4; one of format 3 is made one of 4.

    Raises:
        UsageError: nbformat is missing; there is no such file; it is no notebook.
    """
    nbformat = _nbformat()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {_reason(error)}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without ids, which get some
            notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
            if notebook.nbformat != 4:
                notebook = nbformat.convert(notebook, 4)
            _, notebook = nbformat.validator.normalize(notebook)
            if "name" not in notebook.metadata.get("kernelspec", {"name": ""}):
                del notebook.metadata["kernelspec"]  # it names none; nbformat would refuse it
            nbformat.validate(notebook)
    except nbformat.reader.NotJSONError:
        raise UsageError(f"{path}: is no notebook: it is not JSON") from None
    except nbformat.ValidationError as error:
        where = ".".join(map(str, getattr(error, "absolute_path", ())))
        what = _first_line(f"{where}: {error.message}" if where else error.message)
        raise UsageError(f"{path}: is no valid notebook: {what}") from None
    except Exception as error:  # nbformat raises nearly anything for JSON of another kind
        raise UsageError(f"{path}: is no notebook: {_reason(error)}") from None
    return notebook


def write_notebook(notebook: Notebook, path: Path | None) -> None:
    """
    Write a notebook, with the rights of the file that is there; None: to stdout.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    # What is no valid UTF-8, as half of a character that a kernel printed, is an escape of JSON.
    data = (_nbformat().writes(notebook) + "\n").encode("utf-8", "backslashreplace")
    if path is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    replace_file(path, data)


def as_output(output: Mapping[str, Any]) -> Any:
    """Give an output as nbformat's writer takes it."""
    return _nbformat().from_dict(output)


def new_code_cell(notebook: Notebook, source: str, tags: list[str]) -> Any:
    """Make a code cell that is valid in `notebook`."""
    cell = _nbformat().v4.new_code_cell(source, metadata={"tags": tags})
    if notebook.nbformat_minor < 5:  # the first with ids
        del cell["id"]
    return cell


def _nbformat() -> Any:
    try:
        import nbformat
    except ImportError:
        raise UsageError(
            "notebooks are read by nbformat: pip install 'conkernelclient[run]'"
        ) from None
    return nbformat


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return _first_line(f"{type(error).__name__}: {error}")


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
