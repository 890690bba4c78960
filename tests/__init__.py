"""Tests of conkernelclient."""
