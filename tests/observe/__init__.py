"""Tests of `refresher.observe`."""
