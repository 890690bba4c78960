"""Tests of `conkernelclient.sidecar`."""
