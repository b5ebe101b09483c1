"""Tests of the Rancher sink, against a double of the server."""
