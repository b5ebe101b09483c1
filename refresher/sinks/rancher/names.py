"""What a person has to change, by the names under which it was written.

Where environment variables stand for a settings file, `Tools.names` names them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from refresher.sinks.rancher.server import Server


@dataclass(frozen=True, slots=True)
class Names:
    """The settings of the sink, as messages call them; one that is empty can't be written."""

    url: str = "url"
    keys: str = "access_key and secret_key"
    environments: str = "environments"
    create: str = "create: true"
    activate: str = "activate: true"
    ca_file: str = "ca_file"

    @classmethod
    def of(cls, server: Server, names: Mapping[str, str]) -> Self:
        """Return the names of a sink of `server`; `names` are those of `Tools`."""
        made = cls(**names)
        # Two settings never name the environment at once.
        return replace(made, environments=made.url) if server.environment else made

    @property
    def scope(self) -> str:
        """What says which environments are meant."""
        return self.environments or self.url


USUAL: Final = Names()
"""What they are called in a settings file."""
