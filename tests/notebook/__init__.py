"""Tests of what notebooks use."""
