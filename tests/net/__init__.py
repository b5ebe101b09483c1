"""Tests of what talks over HTTP share."""
