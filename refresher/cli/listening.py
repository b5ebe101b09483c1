"""Health and metrics of a daemon, for as long as it runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import click

from refresher.errors import Problem, SettingsError
from refresher.model import listen
from refresher.model.listen import ListenAddress
from refresher.model.standing import Survey
from refresher.observe.tally import Tally
from refresher.ports import Clock, Events

_RETRY: Final = 60.0


def _checked(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    wrong = "" if text is None else listen.defect(text)
    if wrong:
        raise click.BadParameter(wrong)
    return text


listen_option = click.option(
    "--listen",
    metavar="ADDRESS",
    callback=_checked,
    help="Serve health and metrics at host:port or :port; off for nowhere.",
)


class Watched(Protocol):
    """A daemon, as far as its health goes."""

    def stalled(self) -> str:
        """Return why it makes no progress, "" while it does."""
        ...

    def survey(self) -> Survey:
        """Return how everything stands."""
        ...


def listen_address(
    option: str | None, setting: str | None, env: Mapping[str, str]
) -> ListenAddress | None:
    """Return where to listen, None for nowhere: the option says, else the settings, else `env`.

    Raises `SettingsError` if the variable in `env` is wrong; an empty one says nothing.
    """
    said = option or setting
    if said is not None:
        return listen.parse(said)
    given = env.get(listen.VARIABLE) or listen.OFF
    wrong = listen.defect(given)
    if wrong:
        raise SettingsError(listen.VARIABLE, (Problem(wrong),))
    return listen.parse(given)


@contextmanager
def listening(
    address: ListenAddress | None,
    daemon: Watched,
    *,
    tally: Tally,
    events: Events,
    clock: Clock,
    retry: float = _RETRY,
) -> Iterator[None]:
    """Serve health and metrics of `daemon` at `address`, if there is one, while the block runs.

    What goes wrong with that is told to `events`, and never raised. Where nothing
    can listen it is tried again every `retry` seconds.
    """
    if address is None:
        yield
        return
    # Whoever listens nowhere pays for no server.
    from refresher.observe.metrics import Metrics  # noqa: PLC0415
    from refresher.observe.reading import Reading  # noqa: PLC0415
    from refresher.observe.web.listener import Listener  # noqa: PLC0415
    from refresher.observe.web.pages import pages  # noqa: PLC0415
    from refresher.observe.web.site import Site  # noqa: PLC0415

    survey = Reading(daemon.survey, clock).get
    metrics = Metrics(survey, tally, daemon.stalled)
    site = Site(pages(daemon.stalled, survey, metrics), events)
    listener = Listener(address, site, events=events, clock=clock, retry=retry)
    listener.start()
    try:
        yield
    finally:
        listener.stop()
