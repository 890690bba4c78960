"""Joins what is decided and what is carried, in an event loop."""
