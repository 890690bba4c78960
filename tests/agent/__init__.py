"""Tests of the sessions that tool loops use."""
