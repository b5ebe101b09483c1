"""Tests of the values and decisions."""
