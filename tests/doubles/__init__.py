"""Servers on loopback that play the other side."""
