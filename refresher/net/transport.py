"""How connections are made: known to a wire, with certificates checked or not. Loads requests."""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from refresher.net.trust import chosen, named_authorities
from refresher.net.wire import Lines, Wire

_KEPT: Final = 10
"""How many connections to a host are kept open by default; the same as in requests."""


class Adapter(HTTPAdapter):
    """Leads connections over a wire; a context checks certificates, where `verify` is not False."""

    def __init__(self, wire: Wire | Lines, context: ssl.SSLContext, *, kept: int = _KEPT) -> None:
        """Connect to nobody yet. At most `kept` connections to a host stay open after use."""
        self._wire = wire
        self._context = context
        super().__init__(pool_maxsize=kept)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Bind direct connections to the wire."""
        super().init_poolmanager(*args, **options)
        self._bind(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Bind connections to a proxy, too."""
        manager = super().proxy_manager_for(proxy, **options)
        self._bind(manager)
        return manager

    def _bind(self, manager: Any) -> None:
        pools = dict(manager.pool_classes_by_scheme)
        if pools["https"] is HTTPSConnectionPool:
            pools["https"] = _TlsPool
        manager.pool_classes_by_scheme = self._wire.pools(pools)

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        """Say by what certificates are checked."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify is False:
            return host, {"cert_reqs": "CERT_NONE"}
        return host, {"cert_reqs": "CERT_REQUIRED", "ssl_context": self._context}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the pool is told above. Authorities are loaded once, not per connection."""


class _Tls(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        # urllib3 would warn at each request. That TLS is not verified was told when it was wired.
        self.is_verified = True


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


def trusting(named: Iterable[tuple[str, Path]], env: Mapping[str, str]) -> ssl.SSLContext:
    """Return what checks certificates: by the usual authorities, and by those that are `named`.

    The usual ones are those that a variable in `env` names, else the public ones.
    Raises `PermanentError` for a file that holds none, as `refresher.net.trust.chosen`.
    """
    paths = [path for _, path in chosen(named, env)]
    if not any(named_authorities(env)):
        paths.append(DEFAULT_CA_BUNDLE_PATH)
    context = create_urllib3_context()
    for path in paths:
        place = {"capath" if Path(path).is_dir() else "cafile": path}
        context.load_verify_locations(**place)
    return context
