"""Code that is checked as a consumer's, and never run."""
