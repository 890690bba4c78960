"""An image tells its size in pixels and in bytes."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.outputs.images import bytes_in_base64, pixels
from tests.outputs.stored import gif, jpeg, png


@given(st.integers(1, 65_535), st.integers(1, 65_535), st.sampled_from([png, jpeg, gif]))
def test_an_image_tells_its_size_in_pixels(width: int, height: int, made: Any) -> None:
    """Read from its header, whatever comes before that, also where the base64 has lines."""
    text = base64.encodebytes(made(width, height)).decode()
    assert pixels(text) == (width, height)
    assert bytes_in_base64(text) == len(made(width, height))


@given(st.one_of(st.binary(max_size=60), st.builds(lambda b: b"\xff\xd8" + b, st.binary())))
def test_broken_images_have_no_size_and_no_error(data: bytes) -> None:
    """Cut off anywhere, or of another kind."""
    for whole in (data, png(3, 4)[: len(data)], jpeg(3, 4)[: len(data)], gif(3, 4)[: len(data)]):
        pixels(base64.b64encode(whole).decode())
        pixels(whole.decode("latin1"))
