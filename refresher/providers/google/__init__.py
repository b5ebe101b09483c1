"""What the `gcr` provider is made of. Only `token` and what it uses import google-auth."""
