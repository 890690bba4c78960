"""Tests of `conkernelclient.outputs`: a file for each module."""
