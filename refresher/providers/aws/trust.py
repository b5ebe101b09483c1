"""Whether a file of certificate authorities can be used."""

import ssl

from refresher.errors import PermanentError


def check_authorities(path: str) -> None:
    """Raise `PermanentError` if `path` names a file without certificates that can be read.

    Empty stands for the authorities that come with botocore.
    """
    if not path:
        return
    reason = _fault(path)
    if reason:
        raise PermanentError(
            f"the file of certificate authorities {path} {reason}",
            hint="check ca_file, AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE",
        )


def _fault(path: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificates"
    except (OSError, ValueError) as error:
        return f"can't be read: {getattr(error, 'strerror', None) or 'the path is malformed'}"
    return ""
