"""Tests of whole runs with real clients."""
