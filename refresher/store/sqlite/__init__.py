"""The embedded database: one file of one host, and the locks beside it."""
