"""Tests of what container engines need."""
