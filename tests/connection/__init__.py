"""Tests of `conkernelclient.connection`: a file for each module."""
