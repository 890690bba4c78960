"""Tests of `conkernelclient.sidecar.actions`: a file for each module."""
