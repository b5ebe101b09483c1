"""Observation: what people and machines see of the engine's work, and never a secret in it."""
