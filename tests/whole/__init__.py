"""Tests of the whole program: clients and kernels as a user has them."""
