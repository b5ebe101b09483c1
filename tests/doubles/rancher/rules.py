"""What can be set about the server: versions and modes that differ, and how fast it works."""

from dataclasses import dataclass, field
from enum import StrEnum


class Choice(StrEnum):
    """Which active credential of a registry a pull uses."""

    OLDEST = "oldest"
    """The lowest id: what the code does (DockerImageCredentialLookup)."""
    NEWEST = "newest"
    """The highest id: what the documentation says."""


@dataclass
class Pace:
    """How long a transitional state lasts: both conditions must hold.

    `seconds` by the clock, and until it was read `polls` times.
    """

    seconds: float = 0.0
    polls: int = 0


@dataclass
class Rules:
    """How the server behaves. All may be changed while it serves.

    `access_control` off (Rancher's own default) makes everybody admin. `email_required` is a
    server from before 2017-03-20. `public_url` is the origin that links name, as behind a proxy;
    by default it is the one that was asked. `rancher2` answers as Rancher 2 does.
    """

    access_control: bool = True
    choice: Choice = Choice.OLDEST
    pace: Pace = field(default_factory=Pace)
    email_required: bool = False
    default_limit: int = 100
    max_limit: int = 3000
    public_url: str | None = None
    rancher2: bool = False
    version: str = "v1.6.30"
