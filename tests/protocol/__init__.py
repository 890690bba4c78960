"""Tests of `conkernelclient.protocol`: a file for each module."""
