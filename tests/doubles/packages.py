"""Packages as pip would install them: a module, and a dist-info folder with entry points."""

from collections.abc import Mapping
from pathlib import Path

VAULT = '''
"""A provider of another package."""
from datetime import timedelta
from refresher import options
from refresher.errors import PermanentError
from refresher.model.credential import Credential, Secret

class Options(options.Options):
    url: str
    ports: tuple[int, ...] = ()
    token_env: str = "VAULT_TOKEN"

class Vault:
    def __init__(self, url, clock):
        self.url, self.clock = url, clock
    def fetch(self, deadline):
        now = self.clock.now()
        end = now + timedelta(hours=1)
        return Credential(("v.example",), "u", Secret("s"), issued_at=now, expires_at=end)

def build(options, tools):
    if options.ports:
        return {str(port): Vault(f"{options.url}:{port}", tools.clock) for port in options.ports}
    return Vault(options.url, tools.clock)
'''
"""The source of a plug-in that works."""


def install(site: Path, name: str, source: str, entries: Mapping[str, Mapping[str, str]]) -> None:
    """Install module `name` into `site`, with entry points by group, name and value."""
    (site / f"{name}.py").write_text(source)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    sections = (
        "\n".join([f"[{group}]", *(f"{key} = {value}" for key, value in points.items())])
        for group, points in entries.items()
    )
    (info / "entry_points.txt").write_text("\n".join(sections))
