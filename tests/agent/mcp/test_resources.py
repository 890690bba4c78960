"""A client reads all of a run's text, its images and the journal by their names."""

from __future__ import annotations

import base64
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.exceptions import MCPError

from conkernelclient.agent.mcp.resources import (
    TEMPLATES,
    image_uri,
    journal_uri,
    list_resources,
    output_uri,
    read_resource,
)
from tests.agent.mcp.parts import handle_of, printed, result_of, shown
from tests.agent.mcp.test_answers import png

if TYPE_CHECKING:
    from pathlib import Path


def kernels_of(**more: Any) -> Any:
    """What stands for a client's kernels, of which one has run something."""
    handle = handle_of(result_of(printed("x" * 9000), shown(image_png=png())), **more)
    handles = {"default": handle}
    return SimpleNamespace(handles=handles, find=handles.get)


async def test_the_text_is_whole() -> None:
    """However little of it an answer may have."""
    read: Any = await read_resource(kernels_of(), output_uri("default", "r1"))
    assert read.text.startswith("x" * 9000)
    assert read.mime_type == "text/plain"


async def test_an_image_is_as_the_kernel_gave_it() -> None:
    """A blob of its type."""
    read: Any = await read_resource(kernels_of(), image_uri("default", "r1", 0))
    assert (base64.b64decode(read.blob)[:4], read.mime_type) == (b"\x89PNG", "image/png")


async def test_a_journal_is_read_from_its_file(tmp_path: Path) -> None:
    """As it stands."""
    path = tmp_path / "j.jsonl"
    path.write_text('{"event": "é"}\n', "utf-8")
    read: Any = await read_resource(kernels_of(journal=path), journal_uri("default"))
    assert (read.text, read.mime_type) == ('{"event": "é"}\n', "application/jsonl")
    listed = [it.uri for it in list_resources(kernels_of(journal=path))]
    assert listed == [journal_uri("default"), output_uri("default", "r1")]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (
            output_uri("default", "r7"),
            "there is no run 'r7' in the kernel 'default'; there are: r1",
        ),
        (output_uri("b", "r1"), "there is no kernel 'b'; there are: default"),
        (image_uri("default", "r1", 1), "r1 has 1 images, counted from 0"),
        (journal_uri("default"), "no journal is kept: start the server with --journal FILE"),
        ("file:///etc/passwd", "'file:///etc/passwd' names nothing: see resources/templates/list"),
        (output_uri("../x", "r1"), "names nothing"),
    ],
)
async def test_what_is_not_there_says_what_is(uri: str, said: str) -> None:
    """In one line."""
    with pytest.raises(MCPError) as caught:
        await read_resource(kernels_of(), uri)
    assert said in caught.value.message


async def test_a_journal_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """It may have been deleted."""
    kernels = kernels_of(journal=tmp_path / "gone.ipynb")
    with pytest.raises(MCPError, match="cannot be read: No such file"):
        await read_resource(kernels, journal_uri("default"))


@given(st.text() | st.from_regex(r"conkernel://\w+/(runs/r\d+/)?\w+(/\d+)?"))
async def test_any_name_is_read_or_refused(uri: str) -> None:
    """No rubbish is an error of the server."""
    with suppress(MCPError):
        await read_resource(kernels_of(), uri)


def test_the_templates_are_the_names() -> None:
    """What a client fills in is what is read."""
    filled = [it.uri_template.format(kernel="k", run_id="r1", number=2, **{}) for it in TEMPLATES]
    assert filled == [output_uri("k", "r1"), image_uri("k", "r1", 2), journal_uri("k")]
