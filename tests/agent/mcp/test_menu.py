"""A client sees few tools, and each says what it takes and gives."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from conkernelclient.agent.mcp.handlers import HANDLERS
from conkernelclient.agent.mcp.kernels import Settings
from conkernelclient.agent.mcp.menu import ENTRIES, menu_of, tools_of

FEW = ["run", "poll", "interrupt", "restart", "variables"]


def test_a_client_sees_few_tools_unless_all_are_asked_for() -> None:
    """Each is done by a handler."""
    assert [tool.name for tool in menu_of(Settings())] == FEW
    assert [tool.name for tool in menu_of(Settings(has_all_tools=True))] == list(ENTRIES)
    assert ENTRIES.keys() == HANDLERS.keys()


def test_the_few_tools_cost_a_model_little() -> None:
    """Some 1,000 tokens are what a client gives to the model of them."""
    given = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
        for tool in menu_of(Settings())
    ]
    assert len(json.dumps(given)) < 3500


@pytest.mark.parametrize("tool", menu_of(Settings(has_all_tools=True)), ids=lambda it: it.name)
def test_each_schema_is_json_schema_of_an_object(tool: object) -> None:
    """As clients check it."""
    for schema in (tool.input_schema, tool.output_schema):  # type: ignore[attr-defined]
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"


def test_each_tool_but_one_takes_the_name_of_a_kernel() -> None:
    """Which may be left out."""
    for name, (_, parameters, required) in tools_of(Settings(has_all_tools=True)).items():
        assert ("kernel" in parameters) == (name != "kernels")
        assert "kernel" not in required


def test_a_model_reads_how_long_a_call_waits() -> None:
    """The server's own time, if there is one."""

    def about(settings: Settings) -> str:
        return tools_of(settings)["run"][1]["timeout"]["description"]

    assert "at the latest, 45 if left out:" in about(Settings())
    assert "at the latest:" in about(Settings(timeout=None))


def test_runs_in_the_background_are_among_all_tools() -> None:
    """Few clients need another way than a short timeout."""
    assert "background" not in tools_of(Settings())["run"][1]
    assert "background" in tools_of(Settings(has_all_tools=True))["run"][1]
