"""The places that credentials are written to, one file each."""
