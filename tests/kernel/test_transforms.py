"""Is what is taken for plain Python left alone by IPython?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import EscapedCommand, TransformerManager

from conkernelclient.kernel.transforms import has_default_transforms, transformed

PIECES = st.sampled_from(
    [
        *"\n\n\n \t\\()[]{}'\"#:=+*.,;/%!?@$\r\v\f\x1c\x1e\x85\u2028\0",
        *("a", "x = 1", "if a:", "    ", "pass", "f(x)", "lambda: 0", '"""', "'''", "1"),
        *("...", "....:", "...:", ">>> ", "In ", "In [1]: ", "[ins] In [2]: ", "%%", "!!", "??"),
        *("async", "await f()", "ls", "\\\n", "# a", "é", "\ud800"),
    ]
)
CODE = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text())


@settings(max_examples=2000)
@given(CODE)
def test_what_is_taken_for_plain_comes_out_of_ipython_as_it_is(code: str) -> None:
    """Where the pattern finds nothing, IPython changes nothing but the end."""
    plain = transformed(code)
    assert plain is None or plain == TransformerManager().transform_cell(code)


@pytest.mark.parametrize(
    "code", ["1", "x = [1,\n  2]\n\nprint(x)\n", "for i in a:\n    b(i)", "'%'.join", "a\n\n\nb"]
)
def test_plain_python_is_taken_for_plain(code: str) -> None:
    """The quick way is for what most cells are."""
    assert (transformed(code) is not None) == ("%" not in code)


def test_a_transformation_of_the_user_is_seen_wherever_it_was_put() -> None:
    """Nothing is taken for plain then."""
    assert has_default_transforms(TransformerManager())
    for name in ("cleanup_transforms", "line_transforms", "token_transformers"):
        manager = TransformerManager()
        getattr(manager, name).append(EscapedCommand)
        assert not has_default_transforms(manager)
