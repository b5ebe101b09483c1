"""The outside source of a federated identity: where its subject tokens come from.

google-auth reads it by a file, a URL, a program or the AWS environment, and
raises whatever that meets. None of it is the fault of the credential file, and
time may heal all of it: a token that is being written, a role that comes late.
"""

from pathlib import Path
from typing import Final

from refresher.errors import PermanentError, RetryableError
from refresher.providers.google.config import Identity
from refresher.providers.google.file import Kind
from refresher.secretfile import read_bytes

AWS: Final = "urn:ietf:params:aws:token-type:aws4_request"
"""The type of subject token that AWS credentials sign
(https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds)."""


def outside(asked: Identity | None) -> Identity | None:
    """Return the federated identity that `asked` rests on, None if it is not federated."""
    while asked is not None and asked.source is not None:
        asked = asked.source
    return asked if asked is not None and asked.kind is Kind.EXTERNAL else None


def file_fault(asked: Identity | None) -> PermanentError | None:
    """Return why the file of subject tokens can't be read; None if it can, or if there is none."""
    federated = outside(asked)
    path = _field(federated, "file") if federated else None
    if federated is None or not isinstance(path, str):
        return None
    try:
        read_bytes(Path(path), f"credential_source.file (in {federated.what})")
    except PermanentError as error:
        return error
    return None


def no_token(federated: Identity, detail: str = "") -> RetryableError:
    """Return the error that stands for a source without a token. `detail` says more, if known."""
    what = f"the source of the identity in {federated.what} gave no token"
    return RetryableError(f"{what}: {detail}" if detail else what, hint=_hint(federated))


def _hint(federated: Identity) -> str:
    if federated.fields.get("subject_token_type") == AWS:
        return "give this process AWS credentials and AWS_REGION, or a role by instance metadata"
    if _field(federated, "executable") is not None:
        return "run the program that credential_source.executable names, and see what it says"
    if _field(federated, "certificate") is not None:
        return "check the certificate that credential_source.certificate leads to"
    return "check what credential_source names, and its format"


def _field(federated: Identity, name: str) -> object:
    source = federated.fields.get("credential_source")
    return source.get(name) if isinstance(source, dict) else None
