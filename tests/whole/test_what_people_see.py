"""What people and models see of real cells: how they ended, and what their displays hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients import client_of

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager


async def test_a_cell_that_prints_megabytes_and_raises_shows_its_error(
    km: ConKernelManager,
) -> None:
    """A marker alone hid what it was."""
    async with client_of(km) as kc:
        for _ in range(5):
            result = await kc.run(
                "print('x' * 3_000_000); raise ValueError('why')", max_output_bytes=1_000_000
            )
            assert result.stdout.startswith("xxx")
            assert 900_000 < len(result.stdout) <= 1_000_000
            assert "left out: beyond 1000000 bytes" in result.stderr
            assert result.outputs[-1]["ename"] == "ValueError"
            assert result.to_llm(max_chars=100).endswith("ValueError: why\n")


async def test_a_cell_that_prints_megabytes_shows_its_value(km: ConKernelManager) -> None:
    """There is room for it."""
    async with client_of(km) as kc:
        result = await kc.run("print('x' * 3_000_000)\n6 * 7", max_output_bytes=10_000)
        assert result.data == {"text/plain": "42"}
        assert "beyond 10000 bytes]\nxxx" in result.to_llm()
        assert result.to_llm().endswith("xxx\n42\n")


async def test_a_cell_that_prints_megabytes_and_times_out_says_so(km: ConKernelManager) -> None:
    """With the KeyboardInterrupt that ended it, and the note."""
    async with client_of(km) as kc:
        code = "print('x' * 3_000_000, flush=True)\nimport time; time.sleep(60)"
        result = await kc.run(code, timeout=1, max_output_bytes=10_000)
        assert result.status == "timeout"
        text = result.to_llm(max_chars=200)
        assert "KeyboardInterrupt: " in text
        assert text.endswith("[timed out]\n")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("display.HTML('<b>bold</b>')", "bold"),
        ("display.Markdown('# Title')", "# Title"),
        ("display.Latex('$x^2$')", "$x^2$"),
        ("display.JSON({'a': [1, 2]})", '{"a": [1, 2]}'),
        ("object.__new__(type('Thing', (), {'_repr_html_': lambda self: '<p>it'}))", "it"),
    ],
)
async def test_a_display_is_read_by_its_content(km: ConKernelManager, code: str, text: str) -> None:
    """IPython gives their reprs as text/plain."""
    async with client_of(km) as kc:
        result = await kc.run(f"from IPython import display\n{code}")
        assert result.to_llm() == text + "\n"


async def test_a_syntax_error_keeps_its_line(km: ConKernelManager) -> None:
    """Its message is not that of the traceback."""
    async with client_of(km) as kc:
        result = await kc.run("x = = 1\n" + "#" * 10_000)
        text = result.to_llm(max_chars=100)
        assert text.rstrip().splitlines()[-1].startswith("SyntaxError: invalid syntax")


async def test_an_exception_from_another_keeps_the_last_ones_line(km: ConKernelManager) -> None:
    """A chain has several; a message may have lines of its own."""
    async with client_of(km) as kc:
        result = await kc.run(
            "try:\n    1 / 0\nexcept Exception as error:\n"
            "    raise KeyError('two\\nlines' * 3) from error"
        )
        text = result.to_llm(max_chars=120)
        assert "KeyError: " in text
        result = await kc.run("raise RuntimeError('first\\nValueError: false\\nlast')")
        assert "RuntimeError: first\nValueError: false\nlast\n" in result.to_llm(max_chars=150)
