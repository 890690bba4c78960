"""Tests of `conkernelclient.transport`: a file for each module."""
