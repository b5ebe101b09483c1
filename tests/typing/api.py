"""The public API as a strictly typed consumer uses it; mypy reads this, nobody runs it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import refresher


class Vault:
    """A provider."""

    def fetch(self, deadline: float) -> refresher.Credential:
        """Answer, or say what kind of fault it is."""
        if deadline < 1:
            raise refresher.RetryableError("too little time", retry_after=5.0)
        now = datetime.now(UTC)
        return refresher.Credential(
            ("registry.example",),
            "robot",
            refresher.Secret("secret"),
            issued_at=now,
            expires_at=refresher.NEVER,
        )


class Nowhere:
    """A sink."""

    def read(self, registries: Collection[str]) -> refresher.Held:
        """Hold nothing."""
        return {"nowhere": dict.fromkeys(registries, refresher.Absent())}

    def write(self, target: str, changes: Sequence[refresher.Change]) -> refresher.Outcome:
        """Refuse everything."""
        return refresher.Refused(f"{target} takes none of {len(changes)}")


class Silence:
    """An observer."""

    def emit(self, event: refresher.Event) -> None:
        """Look at the event and say nothing."""
        assert event.severity is not refresher.Severity.ERROR or event.name


provider: refresher.Provider = Vault()
sink: refresher.Sink = Nowhere()
events: refresher.Events = Silence()
engine = refresher.Engine(
    {"vault": refresher.Source(provider, refresher.Terms(interval=600.0))},
    {"nowhere": sink},
    routes=[refresher.Route(("vault",), ("nowhere",))],
    events=events,
)
report: refresher.Report = engine.run(how=refresher.Pass(lock_wait=1.0))
steps: list[refresher.Step] = [step for each in report.providers for step in each.steps]
credential: refresher.Credential | None = engine.get("registry.example")
daemon = refresher.Daemon(refresher.Duty(engine, drift_interval=300.0), events=events)
refresher.Nonsense  # type: ignore[attr-defined]  # noqa: B018 - a name that is not there is an error
