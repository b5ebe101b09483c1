"""Why a Google server could not be asked at all, and whether authorities can be used."""

import socket
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError, RefresherError
from refresher.net import silence
from refresher.net.trust import holds_authorities
from refresher.providers.google.adc import NO_IDENTITY
from refresher.secretfile import about, refuse_content

METADATA_HOST: Final = "metadata.google.internal"


def refuse_bad_authorities(path: str, setting: str) -> None:
    """Raise `PermanentError` unless `path` is a file (or a directory) of certificate authorities.

    `setting` names the path.
    """
    refuse_content(path, setting)
    if not holds_authorities(path):
        raise PermanentError(
            about(Path(path), setting, "holds no certificate authorities that can be read"),
            hint=f"check {setting}: it must name a PEM file, or a directory of them",
        )


def unanswered(host: str, error: BaseException) -> RefresherError:
    """Return the error that stands for a call that got no answer; see `silence.unanswered`."""
    if host == METADATA_HOST:
        lookup = silence.first(error, socket.gaierror)
        if lookup is not None and lookup.errno != socket.EAI_AGAIN:
            return PermanentError("no Google identity was found here", hint=NO_IDENTITY)
    fault = silence.unanswered(host, error)
    if host == METADATA_HOST:
        fault.hint = fault.hint or NO_IDENTITY
    return fault
