"""Tests of `conkernelclient.sidecar.session`: a file for each module."""
