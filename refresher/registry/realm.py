"""Whether a credential may be sent to the token server that a registry names.

A registry that was taken over, or that somebody stands in front of, could name
any host. The rule, stricter than that of google/go-containerregistry
(pkg/v1/remote/transport, `validateRealmURL`):

- no user name in the URL, and no scheme but `https`; `http` only where plain HTTP
  was asked for;
- no address of this host or of its own networks, unless it is the registry's own
  host and port, or was named in the settings.

A name is not looked up first. What it leads to then is not what it leads to a
moment later, and a company's token server has a private address behind a good name.
The certificate proves whose the name is before anything is sent; where
certificates are not looked at, the host was named in the settings.
"""

from collections.abc import Collection
from typing import Final

from refresher.net.url import Url, parse
from refresher.registry.policy import without_default_port

_SHOWN: Final = 80


def defect(
    text: str, registry: str, *, insecure: bool = False, trusted: Collection[str] = ()
) -> str:
    """Return why nothing is sent to the realm `text` of `registry`, "" if it may be.

    `registry` is a `host[:port]`, `insecure` tells that plain HTTP was asked for,
    `trusted` are the hosts and ports that the settings name.
    """
    realm = parse(text)
    if realm is None:
        return "its realm is no plain http or https URL"
    if realm.scheme == "http" and not insecure:
        return f"its realm at {shown(realm)} is plain HTTP; if right, name it in verify.insecure"
    named = {without_default_port(each) for each in (registry, *trusted)}
    if realm.internal and realm.authority not in named:
        return f"its realm at {shown(realm)} is internal; if right, name it in verify.realms"
    return ""


def shown(realm: Url) -> str:
    """Return the host and port of a realm, short enough for a message."""
    return realm.authority if len(realm.authority) <= _SHOWN else f"{realm.authority[:_SHOWN]}..."
