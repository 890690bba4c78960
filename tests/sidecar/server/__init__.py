"""Tests of the server for front ends."""
