"""What a registry asks for: the challenges of its `WWW-Authenticate` headers.

RFC 9110, section 11.6.1: challenges and their parameters are both separated by
commas, so where one ends is seen only by what comes next. What is no challenge
is skipped, as containerd does (core/remotes/docker/auth/parse.go).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

BEARER: Final = "bearer"
BASIC: Final = "basic"

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110, section 5.6.2
_PARAMETER: Final = re.compile(
    rf'({_TOKEN})[ \t]*=[ \t]*(?:({_TOKEN})|"((?:[^"\\]|\\.)*)")(?=[ \t,]|\Z)', re.DOTALL
)
_SCHEME: Final = re.compile(rf"({_TOKEN})(?:[ \t]+|(?=,)|\Z)")
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|\Z)")
_GAP: Final = re.compile(r"[ \t,]*")
_JUNK: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])[^,"]*', re.DOTALL)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_LONGEST: Final = 8_192
"""Characters of a header. Those of registries have a few hundred."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge; scheme and names of parameters are in lower case."""

    scheme: str
    params: Mapping[str, str] = field(default_factory=dict)


def choose(headers: Iterable[str]) -> Challenge | None:
    """Return the challenge to answer: Bearer with a realm, else Basic; None if there is neither."""
    given = [challenge for header in headers for challenge in challenges(header)]
    usable = (each for each in given if each.scheme == BEARER and each.params.get("realm"))
    basic = (each for each in given if each.scheme == BASIC)
    return next(usable, None) or next(basic, None)


def challenges(header: str) -> Iterator[Challenge]:
    """Yield the challenges of one header, in order, leaving out what is none."""
    text = header[:_LONGEST]
    position = _GAP.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    found: Challenge | None = None
    while position < len(text):
        if found is not None and (parameter := _PARAMETER.match(text, position)):
            found = _with(found, parameter)
            position = parameter.end()
        elif scheme := _SCHEME.match(text, position):
            if found is not None:
                yield found
            found = Challenge(scheme[1].lower())
            credentials = _TOKEN68.match(text, scheme.end())
            position = credentials.end() if credentials else scheme.end()
        else:
            position = _JUNK.match(text, position).end()  # type: ignore[union-attr]  # as above
        position = _GAP.match(text, position).end()  # type: ignore[union-attr]  # as above
    if found is not None:
        yield found


def _with(challenge: Challenge, parameter: re.Match[str]) -> Challenge:
    name, token, quoted = parameter.groups()
    value = token if token is not None else _QUOTED_PAIR.sub(r"\1", quoted)
    return Challenge(challenge.scheme, {**challenge.params, name.lower(): value})
