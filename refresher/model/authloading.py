"""Whether a client could load an "auths" document at all.

Go's encoding/json, with which the clients read it, refuses a whole file for one known
member of a wrong type; what is unknown may be anything. docker decodes the `auth` of
every entry too, and does without any entry if one doesn't decode. podman decodes just
the entry that it needs.

Sources: github.com/docker/cli, cli/config/configfile/file.go (`ConfigFile`,
`LoadFromReader`), tried with docker 28.2; github.com/containers/image,
pkg/docker/config/config.go (`dockerConfigFile`, `readJSONFile`), tried with skopeo 1.9.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from refresher.model.authdocument import Document
from refresher.model.authentry import TEXTS, is_decodable
from refresher.model.authkeys import Format, docker_host
from refresher.model.jsontext import MalformedError, fold

_Fits = Callable[[Any], bool]


class _Type(NamedTuple):
    """What a member must be, in words and as a test."""

    words: str
    fits: _Fits


def _is_text(value: object) -> bool:
    # In Go's encoding/json null stands for nothing in any type.
    return isinstance(value, str | None)


def _is_list(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_text, value)))


def _is_map(value: object, fits: _Fits = _is_text) -> bool:
    return value is None or (isinstance(value, dict) and all(map(fits, value.values())))


def _is_proxy(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(_is_text(proxy) for name, proxy in value.items() if fold(name) in _PROXIES)
    )


_PROXIES: Final = frozenset({"allproxy", "ftpproxy", "httpproxy", "httpsproxy", "noproxy"})
_TEXT: Final = _Type("a text", _is_text)
_TEXTS: Final = _Type("a list of texts", _is_list)
_MAP: Final = _Type("an object of texts", _is_map)
_PLUGINS: Final = _Type("an object of objects of texts", partial(_is_map, fits=_is_map))
_PROXY_MAP: Final = _Type("an object of objects of texts", partial(_is_map, fits=_is_proxy))
_DOCKER: Final[Mapping[str, _Type]] = MappingProxyType(
    {
        "aliases": _MAP,
        "clipluginsextradirs": _TEXTS,
        "configformat": _TEXT,
        "credsstore": _TEXT,
        "currentcontext": _TEXT,
        "detachkeys": _TEXT,
        "experimental": _TEXT,  # known up to version 28
        "features": _MAP,
        "httpheaders": _MAP,
        "imagesformat": _TEXT,
        "networksformat": _TEXT,
        "nodesformat": _TEXT,
        "plugins": _PLUGINS,
        "pluginsformat": _TEXT,
        "proxies": _PROXY_MAP,
        "prunefilters": _TEXTS,
        "psformat": _TEXT,
        "secretformat": _TEXT,
        "serviceinspectformat": _TEXT,
        "servicesformat": _TEXT,
        "statsformat": _TEXT,
        "tasksformat": _TEXT,
        "volumesformat": _TEXT,
    }
)


def document_obstacle(
    document: Document, fmt: Format, ours: Collection[int] = ()
) -> MalformedError | None:
    """Return why a client could not load a document, None if it could.

    `ours` are the indices of the entries that don't count, because a write would put
    them right. The message names the member, or the host of the entry, and no value.
    """
    return _setting_obstacle(document, fmt) or _entry_obstacle(document, fmt, ours)


def _setting_obstacle(document: Document, fmt: Format) -> MalformedError | None:
    # Those that podman knows too are checked as the document is read.
    for member in document.root.members if fmt is Format.DOCKER else ():
        must = _DOCKER.get(fold(member.key))
        if must and not must.fits(member.value):
            message = f"{member.key} keeps docker from loading the file: it must be {must.words}"
            return MalformedError(
                message, document.text, member.value_start, hint="correct or remove that member"
            )
    return None


def _entry_obstacle(
    document: Document, fmt: Format, ours: Collection[int]
) -> MalformedError | None:
    for index, entry in enumerate(document.auths.members if document.auths else ()):
        flaw = _flaw(entry.value or {}, fmt)
        if flaw and index not in ours:
            host = _shown_host(entry.key)
            message = f"the entry of {host} keeps {fmt.value} from loading the file: its {flaw}"
            return MalformedError(
                message, document.text, entry.start, hint="correct or remove that entry"
            )
    return None


def _flaw(entry: Mapping[str, object], fmt: Format) -> str:
    known, auth = TEXTS[fmt], ""
    for name, value in entry.items():
        field = name if name in known else fold(name)
        if value is None or field not in known:
            continue
        if not isinstance(value, str):
            return f"{field} must be a text"
        if field == "auth":
            auth = value
    if auth and fmt is Format.DOCKER and not is_decodable(auth):
        return "auth must be the base64 of user:password"
    return ""


def _shown_host(key: str) -> str:
    # A user name and a password may stand in the key.
    return docker_host(key).rpartition("@")[2]
