"""Tests of `conkernelclient.values`: a file for each module."""
