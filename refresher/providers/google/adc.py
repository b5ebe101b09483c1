"""Application Default Credentials: where a process finds its Google identity.

The order is Google's
(https://cloud.google.com/docs/authentication/application-default-credentials):
the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the login of the gcloud
tool, the metadata server. The files are found here and not by
`google.auth.default`, which would run gcloud, probe the network nine seconds
and longer, and load a file without checking which hosts it names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.model import pathtext

NO_IDENTITY: Final = (
    "give key_file, set GOOGLE_APPLICATION_CREDENTIALS, or log in with "
    "gcloud auth application-default login; a machine of Google Cloud has an identity of its own"
)

_VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_GCLOUD_FILE: Final = "application_default_credentials.json"


@dataclass(frozen=True, slots=True)
class Place:
    """A credential file, and the setting or variable that names it."""

    path: Path
    setting: str


def find(key_file: Path | None, env: Mapping[str, str]) -> Place | None:
    """Return the credential file to use; None stands for the metadata server.

    A file that is named need not exist; gcloud's is used only if it does.
    Raises `PermanentError` if there is none and `NO_GCE_CHECK=true` rules the
    metadata server out.
    """
    if key_file is not None:
        return Place(key_file, "key_file")
    if env.get(_VARIABLE):
        return Place(Path(env[_VARIABLE]), _VARIABLE)
    gcloud = _gcloud_file(env)
    if gcloud is not None and gcloud.is_file():
        return Place(gcloud, "the gcloud login")
    if env.get("NO_GCE_CHECK") == "true":
        raise PermanentError("no Google identity was found here", hint=NO_IDENTITY)
    return None


def candidates(key_file: Path | None, env: Mapping[str, str]) -> Iterable[Path]:
    """Return the files whose appearance or change may change the identity."""
    if key_file is not None:
        return [key_file]
    if env.get(_VARIABLE):
        # A key itself in its place is no file to watch; `find` leaves it to who reads it.
        return [] if pathtext.defect(env[_VARIABLE]) else [Path(env[_VARIABLE])]
    gcloud = _gcloud_file(env)
    return [] if gcloud is None else [gcloud]


def _gcloud_file(env: Mapping[str, str]) -> Path | None:
    if env.get("CLOUDSDK_CONFIG"):
        return Path(env["CLOUDSDK_CONFIG"]) / _GCLOUD_FILE
    if env.get("HOME"):
        return Path(env["HOME"]) / ".config" / "gcloud" / _GCLOUD_FILE
    return None
