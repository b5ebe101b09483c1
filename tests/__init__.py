"""Tests of refresher."""
