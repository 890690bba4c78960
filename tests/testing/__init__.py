"""Tests of `conkernelclient.testing`: a file for each module."""
