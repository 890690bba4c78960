"""Tests of `conkernelclient.client`: a file for each module."""
