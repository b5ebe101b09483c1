"""Tests of the Kubernetes sink, against a double of the API server or against a real one."""
