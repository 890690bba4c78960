"""Tests of what the servers have in common."""
