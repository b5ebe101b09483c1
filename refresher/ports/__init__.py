"""The ports: what the engine asks of providers, sinks, stores, clocks and observers.

Each is a small protocol, and its docstring is the contract; `refresher.testing`
ships the suites that hold an implementation to it. A port's optional abilities
are protocols of their own that an implementation may also satisfy.

All moments are aware UTC datetimes, all durations seconds. Registries are
addresses in canonical form (`refresher.model.address`).
"""

from refresher.ports.providers import (
    Declares,
    HasInputs,
    Provider,
    Source,
    Validates,
)
from refresher.ports.sinks import (
    Advises,
    Busy,
    Change,
    HasLimits,
    Held,
    Limits,
    Occupies,
    Outcome,
    Refused,
    Remote,
    Retires,
    Route,
    Sink,
    Written,
)
from refresher.ports.storage import (
    Lock,
    Place,
    Records,
    Store,
    StoredCredential,
)
from refresher.ports.surroundings import (
    Clock,
    Event,
    EventName,
    Events,
    Severity,
    Tools,
)
from refresher.ports.verification import Judgement, Verdict, Verifier

__all__ = [
    "Advises",
    "Busy",
    "Change",
    "Clock",
    "Declares",
    "Event",
    "EventName",
    "Events",
    "HasInputs",
    "HasLimits",
    "Held",
    "Judgement",
    "Limits",
    "Lock",
    "Occupies",
    "Outcome",
    "Place",
    "Provider",
    "Records",
    "Refused",
    "Remote",
    "Retires",
    "Route",
    "Severity",
    "Sink",
    "Source",
    "Store",
    "StoredCredential",
    "Tools",
    "Validates",
    "Verdict",
    "Verifier",
    "Written",
]
