"""Outputs are parts of a message to a model, within a budget."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conkernelclient.outputs.events import ErrorOutput
from conkernelclient.outputs.parts import ErrorPart, ImagePart, TextPart
from conkernelclient.outputs.result import Result
from tests.outputs.made import clear, display, ended_as, error, folded, stream
from tests.outputs.stored import DATA, TEXT, assert_readable, gif, jpeg, png, printed, raised, shown


def result(*outputs: Any, status: Any = "ok", **more: Any) -> Result:
    return ended_as(status, outputs=list(outputs), started=True, **more)


def image(width: int = 20, height: int = 10, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, kind)
    return file.getvalue()


def figure(data: bytes, plain: str = "<Figure size 20x10>", mime: str = "image/png") -> Any:
    return shown({"text/plain": plain, mime: base64.b64encode(data).decode()})


def document(value: Any) -> Any:
    return shown({"text/plain": "<IPython.core.display.JSON object>", "application/json": value})


def size_of(parts: list[Any]) -> int:
    return sum(len(it.alt if isinstance(it, ImagePart) else it.text) for it in parts)


def texts(parts: list[Any]) -> str:
    return "\n".join(it.text for it in parts if not isinstance(it, ImagePart))


def test_outputs_become_parts_in_their_order() -> None:
    """Text that stands together is one; an exception and an image are their own."""
    parts = result(
        printed("10%\r100%\n"), printed("warn", "stderr"), shown({"text/plain": "v"}),
        figure(image()), printed("more\n"), raised("ValueError", "bad"),
    ).parts()  # fmt: skip
    assert parts == [
        TextPart("100%\nwarn\nv"),
        ImagePart(image(), "image/png", None, "<Figure size 20x10> [image/png, 20x10 pixels, "
                  f"{len(image())} bytes]", 20, 10),
        TextPart("more"),
        ErrorPart("---\nFile x, line 1\nValueError: bad"),
    ]  # fmt: skip
    assert [part.kind for part in parts] == ["text", "image", "text", "error"]
    assert result().parts() == result(printed(" \n")).parts() == []


def test_a_part_shows_no_bytes_in_its_repr() -> None:
    """It stands in logs."""
    assert "data" not in repr(ImagePart(b"x" * 1000, "image/png"))


def test_cleared_and_updated_outputs_are_in_their_last_state() -> None:
    """As in a notebook."""
    outputs = folded(
        stream("gone"), clear(True), display("0%", "d"), display("50%", "d", "update_display_data")
    ).outputs
    assert result(*outputs).parts() == [TextPart("50%")]


def test_head_and_tail_are_kept_with_a_marker_that_says_how_much_is_missing() -> None:
    """Over all outputs together; the exception's last line and the status stay."""
    outputs = [printed("start\n"), printed("x" * 5000, "stderr"), shown({"text/plain": "y" * 5000})]
    (part,) = result(*outputs).parts(200)
    missing = re.search(r"\n\[\.\.\. (\d+) characters left out \.\.\.\]\n", part.text)
    assert missing is not None
    assert part.text.startswith("start\nxxx")
    assert part.text.endswith("yyy")
    assert (
        len(part.text) - len(missing[0]) + int(missing[1]) == len("start\n") + 10_001
    )  # but for the last newline
    late = result(*outputs, raised("ValueError", "why"), printed("z" * 5000), status="timeout")
    parts = late.parts(300)
    assert size_of(parts) <= 300
    assert parts[1].kind == "error"
    assert parts[1].text.endswith("ValueError: why")
    assert parts[2].text.endswith("z\n[timed out]")


def test_the_whole_text_is_in_a_file_that_the_marker_names(tmp_path: Path) -> None:
    """Where there is a directory for it."""
    many = result(printed("line\n" * 5000), raised("E", "m"))
    for images in ("path", "inline", "none"):
        parts = many.parts(1000, images=images, directory=tmp_path)
        assert size_of(parts) <= 1000
        named = re.search(r"left out; the whole is in (\S+) \.\.\.\]", texts(parts))
        assert named is not None
        whole = Path(named[1]).read_text(encoding="utf-8")
        assert Path(named[1]).is_absolute()
        assert whole == "line\n" * 5000 + "---\nFile x, line 1\nE: m\n"
    assert len(list(tmp_path.iterdir())) == 3
    many.parts(1000)
    result(printed("short")).parts(1000, images="path", directory=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_json_is_whole_or_one_line_and_the_longest_goes_first(tmp_path: Path) -> None:
    """Never cut in its middle, displayed or printed."""
    small, large = {"a": 1}, {"rows": list(range(5000))}
    outputs = document(small), printed(json.dumps(large)), document(large), printed("end\n")
    parts = result(*outputs).parts(60_000)
    assert texts(parts) == f"{json.dumps(small)}\n{json.dumps(large)}\n{json.dumps(large)}\nend"
    told = texts(result(*outputs).parts(1000, directory=tmp_path))
    assert told.startswith('{"a": 1}\n[JSON, ')
    assert told.count(': an object with 1 key: "rows": an array of 5000 items]') == 2
    assert told.endswith("end")
    files = re.findall(r"; the whole is in (\S+): an object", told)
    assert [json.loads(Path(name).read_text()) for name in files] == [large, large]
    assert "[JSON, " in result(document(large)).to_llm(max_chars=1000)


def test_ten_megabytes_of_json_are_one_line() -> None:
    """So is a huge repr a head and a tail."""
    value = {str(number): "x" * 90 for number in range(100_000)}
    (part,) = result(document(value)).parts()
    assert part.text.startswith("[JSON, 10288891 characters: an object with 100000 keys: ")
    assert len(part.text) < 400
    (part,) = result(shown({"text/plain": "'" + "x" * 10_000_000 + "'"})).parts()
    assert len(part.text) in (19_999, 20_000)


def test_an_image_is_scaled_down_and_says_so() -> None:
    """A large plot may not fill a context."""
    (part,) = result(figure(image(4000, 4000))).parts()
    assert isinstance(part, ImagePart)
    assert part.alt.endswith("scaled down to 1568x1568]")
    assert part.data is not None
    assert Image.open(io.BytesIO(part.data)).size == (part.width, part.height) == (1568, 1568)
    (part,) = result(figure(image(400, 200))).parts(max_image_px=100)
    assert (part.width, part.height) == (100, 50)
    (part,) = result(figure(image(400, 200))).parts(max_image_px=None)
    assert part.data == image(400, 200)


def test_images_are_files_or_lines_if_asked_for(tmp_path: Path) -> None:
    """A file has the whole image, whatever `max_image_px`."""
    outputs = figure(image(400, 200)), shown({"image/svg+xml": "<svg/>"})
    drawn, vector = result(*outputs).parts(images="path", max_image_px=10, directory=tmp_path)
    assert isinstance(drawn, ImagePart)
    assert isinstance(vector, ImagePart)
    assert (drawn.data, drawn.width, drawn.height) == (None, 400, 200)
    assert drawn.path is not None
    assert f"bytes: {drawn.path}]" in drawn.alt
    assert Path(drawn.path).read_bytes() == image(400, 200)
    assert Path(vector.path or "").read_text() == "<svg/>"
    assert vector.mime_type == "image/svg+xml"
    (line,) = result(*outputs).parts(images="none")
    assert line.kind == "text"
    assert "image/png, 400x200 pixels" in line.text


BOMB = base64.b64encode(png(60_000, 60_000)).decode()
BROKEN = base64.b64encode(image()[:-30]).decode()


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"image/png": BOMB}, "[image/png, 60000x60000 pixels, 33 bytes; not shown: too many pixel"
                              "s to be decoded]"),
        ({"image/png": BROKEN}, "bytes; broken: its end is missing]"),
        ({"image/png": "bm8gaW1hZ2U="}, "[image/png, 8 bytes; not shown: no PNG, JPEG, GIF or WebP "
                                        "image]"),
        ({"image/png": "é"}, "[image/png, 2 bytes; broken: no valid base64]"),
        ({"image/svg+xml": "<svg/>"}, "[image/svg+xml, 6 bytes; not shown: no PNG, JPEG, GIF or "
                                      "WebP image]"),
        ({"audio/wav": "AAAA"}, "[audio/wav, 3 bytes]"),
        ({"text/html": "<canvas></canvas>"}, "[text/html, 17 bytes]"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_one_clear_line(data: Any, line: str) -> None:
    """Of an image its type, size, and what is wrong with it."""
    (part,) = result(shown(data)).parts()
    assert isinstance(part, TextPart)
    assert part.text.endswith(line)
    assert "\n" not in part.text


def test_content_that_is_nothing_to_read_is_a_file_if_there_is_a_directory(tmp_path: Path) -> None:
    """HTML that is a program, sound."""
    page = {"text/html": "<canvas></canvas>"}
    sound = {"audio/wav": "YWJj"}
    (part,) = result(shown(page), shown(sound)).parts(directory=tmp_path)
    first, second = re.findall(r"bytes: (\S+)\]", part.text)
    assert Path(first).read_text() == "<canvas></canvas>"
    assert (Path(first).suffix, Path(second).read_bytes()) == (".html", b"abc")


def test_what_cannot_be_written_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    """A full disk, or a directory that is a file."""
    (tmp_path / "file").touch()
    outputs = printed("x" * 5000), figure(image()), shown({"audio/wav": "AAAA"}), raised("E", "m")
    parts = result(*outputs).parts(1000, images="path", directory=tmp_path / "file")
    assert "the whole could not be written: File exists" in parts[0].text
    assert "not written: File exists]" in texts(parts)
    assert parts[-1].text.endswith("E: m")


def test_of_many_images_the_middle_is_left_out() -> None:
    """A loop of plots would fill a context as well."""
    plots = [figure(image(), f"<Figure {number}>") for number in range(50)]
    parts = result(*plots).parts(max_images=4)
    assert [part.kind for part in parts] == ["image", "image", "text", "image", "image"]
    assert parts[2].text == "[46 of 50 images left out]"
    assert [it.alt[:11] for it in parts if it.kind == "image"] == [
        "<Figure 0> ", "<Figure 1> ", "<Figure 48>", "<Figure 49>",
    ]  # fmt: skip
    assert len(result(*plots).parts()) == 21
    assert [it.text for it in result(*plots).parts(max_images=0)] == ["[50 of 50 images left out]"]


def test_all_images_of_a_result_are_given_as_they_are() -> None:
    """But for broken ones, and for what is none of the types that are known."""
    outputs = figure(image(400, 200)), shown({"image/png": BROKEN}), printed("a")
    jpg = figure(image(30, 30, "JPEG"), mime="image/png")  # by a wrong name
    first, second = result(*outputs, jpg, shown({"image/svg+xml": "<svg/>"})).images
    assert (first.data, first.width, first.height) == (image(400, 200), 400, 200)
    assert (second.mime_type, second.width) == ("image/jpeg", 30)


def test_wrong_options_are_named() -> None:
    """Before anything is done."""
    with pytest.raises(ValueError, match='images is "inline", "path" or "none", not \'all\''):
        result().parts(images="all")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_image_px"):
        result().parts(max_image_px=0)


def test_an_exception_of_the_reply_alone_and_the_status_are_parts() -> None:
    """The status is joined to the text before it."""
    told = result(printed("a"), status="error", error=ErrorOutput("NameError", "no x", [])).parts()
    assert told == [TextPart("a"), ErrorPart("NameError: no x")]
    assert result(printed("a"), status="timeout").parts() == [TextPart("a\n[timed out]")]
    assert result(*folded(error()).outputs).parts()[-1].text.endswith("E: v")


IMAGES = st.one_of(
    st.builds(image, st.integers(1, 60), st.integers(1, 60), st.sampled_from(["PNG", "JPEG"])),
    st.sampled_from([png(60_000, 60_000), jpeg(9, 9), gif(9, 9), image()[:-30], b"", b"\xff\xd8"]),
    st.binary(max_size=50).map(lambda rubbish: image()[:60] + rubbish + image()[60:]),
)
NAMES = st.one_of(
    st.sampled_from(["ValueError", "E", "", "a.b", "Name with spaces", "\x1b[31mRed", "\n", "$^"]),
    st.text(st.characters(codec=None), max_size=40),
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
)
ANY_OUTPUT = st.one_of(
    st.builds(printed, TEXT, st.sampled_from(["stdout", "stderr"])),
    st.builds(lambda times: printed("line\n" * times), st.integers(0, 5000)),
    st.builds(lambda value: printed(json.dumps(value)), JSONS),
    st.builds(shown, DATA),
    st.builds(document, JSONS),
    st.builds(figure, IMAGES, st.sampled_from(["<Figure>", "text", ""])),
    st.builds(raised, NAMES, TEXT, traceback=st.booleans()),
)


@settings(deadline=None)
@given(
    st.lists(ANY_OUTPUT, max_size=8),
    st.sampled_from(["ok", "error", "timeout"]),
    st.integers(-5, 1500),
    st.sampled_from(["inline", "path", "none"]),
    st.integers(1, 40),
)
def test_any_outputs_are_within_any_budget_and_their_images_decode(
    tmp_path_factory: pytest.TempPathFactory,
    outputs: list[Any],
    status: Any,
    budget: int,
    images: Any,
    pixels: int,
) -> None:
    """The exception's name is kept from 100 characters on, unless it is half of them."""
    run = result(*outputs, status=status)
    place = tmp_path_factory.mktemp("parts")
    parts = run.parts(budget, images=images, max_image_px=pixels, directory=place)
    assert size_of(parts) <= max(0, budget)
    for part in parts:
        if not isinstance(part, ImagePart):
            assert_readable(part.text)
            assert part.text.strip()
            continue
        assert part.kind == "image"
        assert images != "none"
        if part.mime_type == "image/svg+xml":
            continue
        data = Path(part.path).read_bytes() if part.path else part.data
        assert data is not None
        opened = Image.open(io.BytesIO(data))
        opened.load()
        assert opened.size == (part.width, part.height)
        assert images == "path" or max(opened.size) <= pixels
    assert len(run.to_llm(max_chars=budget)) <= max(0, budget)
    last = [output for output in outputs if output["output_type"] == "error"][-1:]
    assert not last or budget < 100 or is_told(last[0], parts)
    shutil.rmtree(place)


def is_told(error: Any, parts: list[Any]) -> bool:
    """Tell whether the name of the exception's type is there, if it is no rubbish itself."""
    name = error["ename"]
    if not re.fullmatch(r"\w{1,40}", name):
        return True
    return any(part.kind == "error" and name in part.text for part in parts)


@settings(max_examples=50, deadline=None)
@given(st.lists(ANY_OUTPUT, max_size=8))
def test_without_a_limit_all_text_is_there(outputs: list[Any]) -> None:
    """And nothing is said to be left out."""
    parts = result(*outputs).parts(None, images="none")
    assert "characters left out" not in texts(parts)
    whole = result(*outputs).to_llm()
    assert "".join(texts(parts).split()) == "".join(whole.split())
