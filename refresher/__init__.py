"""Keep container-registry credentials alive, wherever they are needed.

The engine in ten lines, with a provider and a sink of your own:

    import refresher

    engine = refresher.Engine({"mine": MyProvider()}, {"here": MySink()})
    report = engine.run()                 # once
    refresher.Daemon(engine).run()        # for good

What a provider and a sink must do is said in `refresher.ports`; suites that
hold them to it are in `refresher.testing`.
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "NEVER",
    "UNKNOWN",
    "Absent",
    "Busy",
    "Change",
    "Clock",
    "ClockError",
    "Credential",
    "Daemon",
    "Duty",
    "Engine",
    "Event",
    "EventName",
    "Events",
    "Expiry",
    "Fetch",
    "Foreign",
    "Held",
    "Holding",
    "Lock",
    "LockTimeoutError",
    "Opaque",
    "Outcome",
    "Pass",
    "PermanentError",
    "Provider",
    "ProviderReport",
    "Records",
    "RefresherError",
    "Refused",
    "Report",
    "RetryableError",
    "Route",
    "Secret",
    "SettingsError",
    "Severity",
    "Sink",
    "Source",
    "Step",
    "Store",
    "StoreError",
    "Terms",
    "Tools",
    "Value",
    "Written",
    "__version__",
]

if TYPE_CHECKING:
    from refresher.daemon import (
        Daemon,
        Duty,
    )
    from refresher.engine.engine import (
        Engine,
        Pass,
    )
    from refresher.engine.report import (
        Fetch,
        ProviderReport,
        Report,
        Step,
    )
    from refresher.errors import (
        ClockError,
        LockTimeoutError,
        PermanentError,
        RefresherError,
        RetryableError,
        SettingsError,
        StoreError,
    )
    from refresher.model.credential import (
        NEVER,
        UNKNOWN,
        Credential,
        Expiry,
        Secret,
    )
    from refresher.model.lease import (
        Terms,
    )
    from refresher.model.plan import (
        Absent,
        Foreign,
        Holding,
        Opaque,
        Value,
    )
    from refresher.ports import (
        Busy,
        Change,
        Clock,
        Event,
        EventName,
        Events,
        Held,
        Lock,
        Outcome,
        Provider,
        Records,
        Refused,
        Route,
        Severity,
        Sink,
        Source,
        Store,
        Tools,
        Written,
    )
else:
    _HOMES = {
        "refresher.daemon": ("Daemon", "Duty"),
        "refresher.engine.engine": ("Engine", "Pass"),
        "refresher.engine.report": ("Fetch", "ProviderReport", "Report", "Step"),
        "refresher.errors": (
            "ClockError",
            "LockTimeoutError",
            "PermanentError",
            "RefresherError",
            "RetryableError",
            "SettingsError",
            "StoreError",
        ),
        "refresher.model.credential": ("NEVER", "UNKNOWN", "Credential", "Expiry", "Secret"),
        "refresher.model.lease": ("Terms",),
        "refresher.model.plan": ("Absent", "Foreign", "Holding", "Opaque", "Value"),
        "refresher.ports": (
            "Busy",
            "Change",
            "Clock",
            "Event",
            "EventName",
            "Events",
            "Held",
            "Lock",
            "Outcome",
            "Provider",
            "Records",
            "Refused",
            "Route",
            "Severity",
            "Sink",
            "Source",
            "Store",
            "Tools",
            "Written",
        ),
    }

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used: `refresher version` must not pay for all."""
        for module, names in _HOMES.items():
            if name in names:
                value = getattr(importlib.import_module(module), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted(__all__)
