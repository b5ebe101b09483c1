"""Sources of credentials: one module for each, built from its `Options` by its `build`."""
