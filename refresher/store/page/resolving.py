"""Which credential an image is pulled with."""

from datetime import datetime

from refresher.model.resolving import Reason, Request, Unresolved, choose
from refresher.model.whitelist import PageSettings
from refresher.ports.registries import Resolved
from refresher.store.page import environments, registryrows, settingrows
from refresher.store.page.reading import PageReading
from refresher.store.session import Session


def resolve(
    session: Session, reading: PageReading, image: str, environment: str, now: datetime
) -> Resolved | Unresolved:
    """Return what `docker run image` would pull with at `now`, or why with nothing.

    Each look-up is by an index: the time grows with the logarithm of the registries.

    Raises `PermanentError` for text that is no image.
    """
    settings = PageSettings.of(settingrows.load(session))
    request = Request.of(image, settings)
    home = environments.find(session, environment)
    if home is None:
        sentence = str(environments.unknown(session, environment))
        return Unresolved(request.image, request.address, Reason.NO_ENVIRONMENT, sentence)
    row = registryrows.find(session, home, request.address)
    registered = reading.registered(session, row) if row else None
    chosen = choose(request, settings, environment, registered, now)
    if isinstance(chosen, Unresolved):
        return chosen
    stored = reading.stored(session, home, request.address, chosen)
    if stored is None:
        sentence = f"the secret of credential {chosen.id} at {row} can't be read"
        return Unresolved(request.image, request.address, Reason.NO_ACTIVE_CREDENTIAL, sentence)
    return Resolved(request.image, request.address, stored)
