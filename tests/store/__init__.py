"""Tests of the registry store, the records and the locks."""
