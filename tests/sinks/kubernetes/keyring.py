"""What the kubelet finds in a pull secret: an oracle that shares no code with the sink.

Written after github.com/kubernetes/kubernetes, pkg/credentialprovider/keyring.go, config.go and
secrets/secrets.go; the vectors hold it to them.
"""

import base64
import fnmatch
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

Login = tuple[str, str]

HUB = "index.docker.io"
_KEYS = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}


def index(auths: Iterable[str]) -> dict[str, str]:
    """Return the kubelet's keys for the keys of a document, in the order in which it looks."""
    found = {}
    for key in auths:
        url = urlsplit(key if key.startswith(("https://", "http://")) else f"https://{key}")
        path = url.path
        if path.startswith(("/v1/", "/v2/")):
            path = path[3:]
        found[url.netloc + (path if path != "/" else "")] = key
    return dict(sorted(found.items(), reverse=True))


def matches(glob: str, target: str) -> bool:
    """Say whether a key fits an image (URLsMatchStr)."""
    wanted, asked = urlsplit(f"https://{glob}"), urlsplit(f"https://{target}")
    labels, names = _split(wanted.netloc), _split(asked.netloc)
    if labels[1] != names[1] or len(labels[0]) != len(names[0]):
        return False
    if not asked.path.startswith(wanted.path):
        return False
    pairs = zip(labels[0], names[0], strict=True)
    return all(fnmatch.fnmatchcase(name, label) for label, name in pairs)


def lookup(auths: Iterable[str], image: str) -> list[str]:
    """Return the keys, as the kubelet has them, whose credentials it tries, in order."""
    keys = index(auths)
    found = [key for key in keys if matches(key, image)]
    if not found and is_default(image) and HUB in keys:
        return [HUB]
    return found


def is_default(image: str) -> bool:
    """Say whether an image is one of Docker Hub (isDefaultRegistryMatch)."""
    host, slash, _ = image.partition("/")
    if not image:
        return False
    if not slash or host in ("docker.io", HUB):
        return True
    return "." not in host and ":" not in host


def decode_auth(auth: str) -> Login:
    """Return the login in an `auth`. Raises `ValueError`."""
    packed = auth.replace("\n", "")
    if "=" not in packed:
        packed += "=" * (-len(packed) % 4)
    try:
        text = base64.b64decode(packed, validate=True).decode()
    except ValueError:
        raise ValueError("not decodable") from None
    username, colon, password = text.partition(":")
    if not colon:
        raise ValueError("not decodable")
    return username, password


def decode_entry(entry: Mapping[str, Any]) -> Login:
    """Return the login in an entry. Raises `ValueError`."""
    known = {name: entry.get(name) or "" for name in ("username", "password", "email", "auth")}
    if not all(isinstance(text, str) for text in entry.values()):
        raise ValueError("not decodable")
    return decode_auth(known["auth"]) if known["auth"] else (known["username"], known["password"])


def logins(secret: Mapping[str, Any], image: str) -> list[Login]:
    """Return the logins that a Secret, its data being JSON, gives for an image, in order."""
    key = _KEYS.get(secret["type"], "")
    document = secret["data"].get(key)
    if document is None:
        return []
    auths = document.get("auths", {}) if key == ".dockerconfigjson" else document
    entries = {name: decode_entry(entry) for name, entry in auths.items()}
    keys = index(auths)
    return [entries[keys[found]] for found in lookup(auths, image)]


def pulled(secret: Mapping[str, Any], image: str) -> list[Login]:
    """Return the logins that a Secret, as the API has it, gives for an image, in order."""
    data = {key: json.loads(base64.b64decode(text)) for key, text in secret["data"].items()}
    return logins({"type": secret["type"], "data": data}, image)


def _split(netloc: str) -> tuple[list[str], str]:
    host, _, port = netloc.partition(":")
    return host.split("."), port
