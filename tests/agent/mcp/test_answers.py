"""An answer has text and images for a model, and the same facts for a program."""

from __future__ import annotations

import base64
import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image

from conkernelclient.agent import words
from conkernelclient.agent.mcp.answers import RUN_SCHEMA, plain, refused, run_answer
from conkernelclient.events import ErrorOutput
from tests.agent.mcp.parts import handle_of, printed, result_of, shown, text_of


def png(width: int = 2, height: int = 2) -> str:
    """An image in base64."""
    file = BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


async def test_a_run_that_shows_nothing_says_so() -> None:
    """No client takes an answer without content."""
    answer = await run_answer(handle_of(result_of()), result_of())
    assert text_of(answer) == "[the code ran and showed nothing]"
    assert not answer.is_error


async def test_an_image_is_content_and_its_bytes_are_nowhere_else() -> None:
    """The structured content names the resource that has them."""
    data = png()
    result = result_of(printed("a\n"), shown(image_png=data))
    answer = await run_answer(handle_of(result), result)
    assert [block.type for block in answer.content] == ["text", "image"]
    assert answer.content[1].data == data  # type: ignore[union-attr]
    facts = answer.structured_content
    assert facts is not None
    assert data not in json.dumps(facts)
    uri = "conkernel://default/runs/r1/images/0"
    assert facts["images"] == [{"uri": uri, "mime_type": "image/png", "width": 2, "height": 2}]


async def test_what_was_cut_has_a_link_to_the_whole() -> None:
    """Text that is too long, and an image that was scaled down."""
    result = result_of(printed("x" * 9000), shown(image_png=png(2000, 1)))
    answer = await run_answer(handle_of(result), result)
    links = [block.uri for block in answer.content if block.type == "resource_link"]
    assert links == [
        "conkernel://default/runs/r1/output",
        "conkernel://default/runs/r1/images/0",
    ]
    assert answer.structured_content is not None
    assert answer.structured_content["is_cut"]
    assert len(text_of(answer)) <= 2000


async def test_news_of_a_poll_name_images_by_their_place_in_the_whole_run() -> None:
    """The resource counts all of them."""
    first, second = shown(image_png=png(3, 3)), shown(image_png=png(4, 4))
    whole = result_of(first, second, status="running")
    answer = await run_answer(handle_of(whole), result_of(second, status="running"))
    assert answer.structured_content is not None
    (image,) = answer.structured_content["images"]
    assert (image["uri"][-9:], image["width"]) == ("/images/1", 4)


async def test_a_fresh_kernel_is_told_in_content_and_structured() -> None:
    """A model reads the one or the other."""
    answer = await run_answer(handle_of(result_of()), result_of(), news="a fresh kernel")
    assert text_of(answer) == "[a fresh kernel]"
    facts = answer.structured_content
    assert facts is not None
    assert (facts["restarted"], facts["notes"]) == (True, ["a fresh kernel"])


async def test_a_run_under_which_the_kernel_was_ended_says_what_to_do() -> None:
    """The session is closed, but the client has others."""
    result = result_of(status="cancelled", started=False, notes=(words.CLOSED,))
    assert text_of(await run_answer(handle_of(result), result)) == "[it was ended]"


async def test_a_run_of_another_kernel_that_goes_on_names_it() -> None:
    """A poll needs the name."""
    result = result_of(status="running")
    answer = await run_answer(handle_of(result, name="b"), result)
    assert text_of(answer) == "[it runs in the kernel 'b']"


@pytest.mark.parametrize(
    ("more", "is_error"),
    [
        ({"status": "error", "error": ErrorOutput("E", "m", [])}, False),
        ({"status": "timeout"}, False),
        ({"status": "running", "started": False}, False),
        ({"status": "error", "error": ErrorOutput("KernelEnded", "", []), "is_lost": True}, True),
        ({"status": "timeout", "started": False}, True),
        ({"status": "cancelled", "started": False}, True),
    ],
)
async def test_an_error_of_the_tool_is_that_there_was_no_kernel_for_it(
    more: dict[str, object], is_error: bool
) -> None:
    """What the code raised is what was asked for."""
    result = result_of(**more)  # type: ignore[arg-type]
    assert (await run_answer(handle_of(result), result)).is_error is is_error


OUTPUTS = st.lists(
    st.builds(printed, st.text(max_size=400))
    | st.builds(lambda text: shown(text_plain=text), st.text(max_size=400))
    | st.builds(lambda data: shown(image_png=data), st.text(max_size=9) | st.just(png())),
    max_size=6,
)


@given(OUTPUTS, st.integers(100, 600), st.sampled_from(["ok", "running", "error", "cancelled"]))
async def test_any_answer_fits_its_schema_and_its_budget(
    outputs: list[object], most: int, status: str
) -> None:
    """And is never empty."""
    result = result_of(*outputs, status=status)
    answer = await run_answer(handle_of(result, most), result)
    Draft202012Validator(dict(RUN_SCHEMA)).validate(answer.structured_content)
    assert answer.content
    assert len(text_of(answer)) <= max(most, len("[the code ran and showed nothing]"))
    answer.model_dump_json()


def test_other_tools_answer_with_one_text() -> None:
    """Within the budget, and with facts."""
    answer = plain("x" * 100, {"a": 1}, 20)
    assert len(text_of(answer)) < 30
    assert (answer.structured_content, answer.is_error) == ({"a": 1}, False)
    assert refused("no").is_error
