"""Kernels that are forked off a process which has loaded what they need, in a third of the time."""
