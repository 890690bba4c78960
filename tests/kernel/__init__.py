"""Tests of `conkernelclient.state`: a file for each module."""
