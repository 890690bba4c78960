"""
What can a client read beside the answers to its calls?

All of a run's text, its images as they are, and a kernel's journal.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import TYPE_CHECKING, Final

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

if TYPE_CHECKING:
    from ..results import SessionResult
    from .kernels import Handle, Kernels

__all__ = [
    "TEMPLATES",
    "image_uri",
    "journal_uri",
    "list_resources",
    "output_uri",
    "read_resource",
]

ROOT: Final = "conkernel://"
LISTED: Final = 20  # runs of a kernel that are listed, the last ones
JOURNALS: Final = {".ipynb": "application/x-ipynb+json", ".jsonl": "application/jsonl"}

OUTPUT: Final = re.compile(rf"{ROOT}([\w-]+)/runs/(r\d+)/output")
IMAGE: Final = re.compile(rf"{ROOT}([\w-]+)/runs/(r\d+)/images/(\d{{1,6}})")
JOURNAL: Final = re.compile(rf"{ROOT}([\w-]+)/journal")

TEMPLATES: Final = (
    ResourceTemplate(
        uri_template=f"{ROOT}{{kernel}}/runs/{{run_id}}/output",
        name="output",
        description="All that a run has shown, as text",
        mime_type="text/plain",
    ),
    ResourceTemplate(
        uri_template=f"{ROOT}{{kernel}}/runs/{{run_id}}/images/{{number}}",
        name="image",
        description="An image of a run as it is; they are counted from 0",
    ),
    ResourceTemplate(
        uri_template=f"{ROOT}{{kernel}}/journal",
        name="journal",
        description="What the kernel ran, with the outputs",
    ),
)


def output_uri(kernel: str, run_id: str) -> str:
    """Name all of a run's text."""
    return f"{ROOT}{kernel}/runs/{run_id}/output"


def image_uri(kernel: str, run_id: str, number: int) -> str:
    """Name an image of a run; they are counted from 0."""
    return f"{ROOT}{kernel}/runs/{run_id}/images/{number}"


def journal_uri(kernel: str) -> str:
    """Name a kernel's journal."""
    return f"{ROOT}{kernel}/journal"


def list_resources(kernels: Kernels) -> list[Resource]:
    """Give the journals, and the texts of the last runs; `TEMPLATES` name the rest."""
    listed: list[Resource] = []
    for handle in list(kernels.handles.values()):
        if handle.journal is not None:
            uri, mime_type = journal_uri(handle.name), JOURNALS.get(handle.journal.suffix)
            title = f"Journal of the kernel {handle.name!r}"
            listed.append(Resource(uri=uri, name="journal", title=title, mime_type=mime_type))
        for run_id, call in list(handle.session.runs.items())[-LISTED:]:
            uri = output_uri(handle.name, run_id)
            listed.append(Resource(uri=uri, name=run_id, title=call.name, mime_type="text/plain"))
    return listed


async def read_resource(kernels: Kernels, uri: str) -> TextResourceContents | BlobResourceContents:
    """
    Give what `uri` names.

    Raises:
        MCPError: There is no such thing; the text says what there is.
    """
    if found := OUTPUT.fullmatch(uri):
        result = _run(kernels, *found.groups())
        text = await asyncio.to_thread(result.to_llm, None)
        return TextResourceContents(uri=uri, mime_type="text/plain", text=text)
    if found := IMAGE.fullmatch(uri):
        name, run_id, number = found.groups()
        images = await asyncio.to_thread(_run(kernels, name, run_id).images.copy)
        if int(number) >= len(images):
            raise _missing(f"{run_id} has {len(images)} images, counted from 0")
        image = images[int(number)]
        blob = base64.b64encode(image.data or b"").decode("ascii")
        return BlobResourceContents(uri=uri, mime_type=image.mime_type, blob=blob)
    if found := JOURNAL.fullmatch(uri):
        return await _journal(_handle(kernels, found[1]), uri)
    raise _missing(f"{uri[:200]!r} names nothing: see resources/templates/list")


async def _journal(handle: Handle, uri: str) -> TextResourceContents:
    path = handle.journal
    if path is None:
        raise _missing("no journal is kept: start the server with --journal FILE")
    try:
        text = await asyncio.to_thread(path.read_text, "utf-8")
    except OSError as error:
        raise _missing(f"the journal cannot be read: {error.strerror or error}") from error
    return TextResourceContents(uri=uri, mime_type=JOURNALS.get(path.suffix), text=text)


def _handle(kernels: Kernels, name: str) -> Handle:
    handle = kernels.find(name)
    if handle is None:
        known = ", ".join(kernels.handles) or "none"
        raise _missing(f"there is no kernel {name!r}; there are: {known}")
    return handle


def _run(kernels: Kernels, name: str, run_id: str) -> SessionResult:
    runs = _handle(kernels, name).session.runs
    if run_id not in runs:
        known = ", ".join(list(runs)[-10:]) or "none"
        raise _missing(f"there is no run {run_id!r} in the kernel {name!r}; there are: {known}")
    return runs[run_id].so_far()


def _missing(text: str) -> MCPError:
    return MCPError(INVALID_PARAMS, text)
