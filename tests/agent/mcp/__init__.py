"""Tests of the room `agent/mcp`."""
