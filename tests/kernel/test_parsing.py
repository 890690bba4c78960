"""A cell that is right is parsed, also where Python miscounts."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from conkernelclient.kernel import parsing
from conkernelclient.kernel.compat import XCachingCompiler
from conkernelclient.kernel.parsing import TIMES, WORDS, Compiler, miscounts, settle


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What IPython's compiler raises at each call, and "ok" where it parses."""
    script: list[Any] = []

    def parse(_self: Any, source: str) -> ast.Module:
        error = script.pop(0) if script else None
        if error is not None:
            raise error
        return ast.parse(source)

    monkeypatch.setattr(XCachingCompiler, "ast_parse", parse)
    return script


def test_what_python_miscounts_is_parsed_again(asked: list[Any]) -> None:
    """The code is the same, and so is what it gives."""
    asked += [SystemError(f"{WORDS} (before=1, after=2)")] * (TIMES - 1)
    assert ast.dump(Compiler().ast_parse("x = 1")) == ast.dump(ast.parse("x = 1"))
    assert asked == []


@pytest.mark.parametrize("error", [SystemError("another"), SyntaxError("wrong")])
def test_other_errors_are_the_cells(asked: list[Any], error: Exception) -> None:
    """At once."""
    asked += [error, None]
    with pytest.raises(type(error), match=str(error)):
        Compiler().ast_parse("x = 1")
    assert asked == [None]


def test_what_is_miscounted_each_time_is_an_error_at_last(asked: list[Any]) -> None:
    """Nobody waits for ever."""
    asked += [SystemError(WORDS)] * TIMES
    with pytest.raises(SystemError, match=WORDS):
        Compiler().ast_parse("x = 1")


def test_what_a_cell_parses_itself_is_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As what an import of a cell parses; only where Python miscounts, and once."""
    errors: list[Exception] = [SystemError(WORDS)] * (TIMES - 1)
    real = ast.parse

    def parse(source: str) -> ast.Module:
        if errors:
            raise errors.pop()
        return real(source)

    monkeypatch.setattr(ast, "parse", parse)
    monkeypatch.setattr(parsing, "miscounts", lambda _version: False)
    settle()
    assert ast.parse is parse
    monkeypatch.setattr(parsing, "miscounts", lambda _version: True)
    settle()
    settle()
    assert ast.parse.__wrapped__ is parse  # type: ignore[attr-defined]
    assert ast.dump(ast.parse("x = 1")) == ast.dump(real("x = 1"))


@pytest.mark.parametrize(
    ("version", "does"),
    [
        ((3, 11, 7), True),
        ((3, 11, 8), False),
        ((3, 12, 0), True),
        ((3, 12, 1), True),
        ((3, 12, 2), False),
        ((3, 13, 0), False),
    ],
)
def test_the_pythons_that_miscount_are_known(version: tuple[int, ...], does: bool) -> None:
    """Those before the counter became each parsing's own."""
    assert miscounts(version) is does
