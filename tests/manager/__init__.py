"""Tests of `conkernelclient.manager`: a file for each module."""
