"""Tests of `conkernelclient.cli`: a file for each module."""
