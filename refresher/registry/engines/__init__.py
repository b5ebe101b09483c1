"""What the container engines of this host trust, and what they lack to pull.

| module | its one concern |
|---|---|
| engine | which engines there are, and what is in their files |
| advice | what each of them needs for the registries of the settings |
"""
