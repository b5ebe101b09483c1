"""The pair of keys: read anew for each operation, so that rotated ones are used at once."""

import base64
from collections.abc import Mapping

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.secretfile import secret_from_env, secret_from_file
from refresher.sinks.rancher.options import Options


class Key:
    """The keys that the options name."""

    def __init__(self, options: Options, env: Mapping[str, str]) -> None:
        """Take the options and the environment; nothing is read yet."""
        self._options = options
        self._env = env

    @property
    def source(self) -> str:
        """Where the access key comes from: two sinks with the same have the same key."""
        options = self._options
        if options.access_key_file is not None:
            return f"access_key_file {options.access_key_file}"
        if options.access_key_env is not None:
            return f"access_key_env {options.access_key_env}"
        return f"access_key {options.access_key}"

    def authorization(self) -> Secret:
        """Return the header that presents the keys (RFC 7617).

        Raises `PermanentError` if one can't be read.
        """
        access, secret = self._access(), self._secret()
        if ":" in access:
            raise PermanentError(
                "the access key holds a colon, so it is none",
                hint="write the access key alone there; the secret key has a setting of its own",
            )
        pair = f"{access}:{secret.reveal()}".encode()
        return Secret(f"Basic {base64.b64encode(pair).decode()}")

    def _access(self) -> str:
        options = self._options
        if options.access_key_file is not None:
            return secret_from_file(options.access_key_file, "access_key_file").reveal()
        if options.access_key_env is not None:
            return secret_from_env(options.access_key_env, self._env, "access_key_env").reveal()
        # The options insist on one of the three.
        return options.access_key or ""

    def _secret(self) -> Secret:
        options = self._options
        if options.secret_key_file is not None:
            return secret_from_file(options.secret_key_file, "secret_key_file")
        return secret_from_env(options.secret_key_env or "", self._env, "secret_key_env")
