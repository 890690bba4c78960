"""Tests of what the repository holds beside the code of its modules."""
