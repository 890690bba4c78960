"""Tests of `conkernelclient.sidecar.document`: a file for each module."""
