"""Options that several commands have are read, and shown, in one way."""

from __future__ import annotations

import argparse
import os

import pytest

from conkernelclient.cli.options import (
    UsageError,
    add_command,
    add_json,
    add_kernel,
    seconds,
    take_token,
)


def parser_of(*examples: str) -> argparse.ArgumentParser:
    """A command's parser."""
    commands = argparse.ArgumentParser(prog="conkernel").add_subparsers()
    return add_command(commands, "look", "look at it", examples)


def test_help_ends_with_examples_as_they_are_typed() -> None:
    """A line each."""
    shown = parser_of("conkernel look 'a  b'", "conkernel look -").format_help()
    assert "Look at it.\n" in shown
    assert shown.endswith("examples:\n  conkernel look 'a  b'\n  conkernel look -\n")
    assert "examples" not in parser_of().format_help()


def test_the_kernel_is_python3_unless_it_is_named() -> None:
    """By `--kernel`."""
    parser = parser_of()
    add_kernel(parser)
    assert parser.parse_args([]).kernel == "python3"
    assert parser.parse_args(["--kernel", "conkernel"]).kernel == "conkernel"


def test_a_kernel_that_may_be_left_out_has_no_name_then() -> None:
    """And `--json` is there for programs."""
    parser = parser_of()
    add_kernel(parser, None)
    add_json(parser)
    assert vars(parser.parse_args([])) == {"kernel": None, "json": False}
    assert parser.parse_args(["--json"]).json


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon"])
def test_what_is_no_number_of_seconds_is_refused(text: str) -> None:
    """By argparse, whose exit status is 2."""
    assert seconds("0.5") == 0.5
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        seconds(text)


def test_a_token_is_taken_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option comes first; an empty one is none."""
    monkeypatch.setenv("SESAME", "one")
    assert take_token("two", "SESAME") == "two"
    assert take_token(None, "SESAME") is None
    monkeypatch.setenv("SESAME", "one")
    assert take_token(None, "SESAME") == "one"
    assert "SESAME" not in os.environ
    assert take_token("", "SESAME") is None


@pytest.mark.parametrize("token", ["a b", "é", "a\n"])
def test_a_token_that_fits_into_no_header_is_refused(token: str) -> None:
    """With what is to be given instead."""
    with pytest.raises(UsageError, match="printable ASCII"):
        take_token(token, "SESAME")
