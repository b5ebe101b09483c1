"""What the container engines of this host need to pull from the configured registries.

https://rancher.com/docs/rancher/v1.6/en/environments/registries/ tells people to put the
authority of a self-signed registry into `/etc/docker/certs.d`, and to name an insecure one
in docker's settings, on every host. Here it is looked up whether that was done.
"""

import shlex
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from refresher.errors import PermanentError
from refresher.model.address import DOCKER_HUB, parse
from refresher.model.insecure import KEY, Insecure, Lookup, is_loopback
from refresher.registry.engines.engine import (
    Authorities,
    Engine,
    UnreadableError,
    authorities_in,
    authorities_of_host,
    engines,
)
from refresher.registry.policy import Trust, trust_of


@dataclass(frozen=True, slots=True)
class Advice:
    """What an engine needs. `done` tells that it is there, or that nobody can see whether it is."""

    engine: str
    message: str
    hint: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """What is on a host: its engines, the authorities of all programs, and how names lead on."""

    engines: tuple[Engine, ...]
    authorities: Authorities
    lookup: Lookup

    @classmethod
    def this(
        cls, env: Mapping[str, str], *, offline: bool = False, root: Path = Path("/")
    ) -> "Host":
        """Return this host, as far as can be seen below `root`; `offline` looks up no name."""
        lookup = _no_lookup if offline else addresses_of
        return cls(engines(env, root), authorities_of_host(root), lookup)


def addresses_of(name: str) -> Collection[str]:
    """Return the addresses of a host name, none if it can't be looked up."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return {str(address[0]) for *_, address in found}


def _no_lookup(_name: str) -> Collection[str]:
    return ()


def advise(registries: Iterable[str], trusts: Mapping[str, Trust], host: Host) -> Iterator[Advice]:
    """Yield what each engine needs for the `registries` and for those in `trusts`.

    For a registry of which nothing is said, none needs anything.
    """
    hosts = dict.fromkeys(parse(each).host for each in (*registries, *trusts))
    wanted = {each: trust_of(each, trusts) for each in hosts}
    for engine in host.engines:
        try:
            insecure = engine.insecure()
        except UnreadableError as error:
            if trusts:
                yield Advice(engine.name, str(error), error.hint)
            continue
        except PermanentError as error:
            yield Advice(engine.name, str(error), error.hint)
            continue
        for registry, trust in wanted.items():
            lookup = host.lookup if trust != Trust() else _no_lookup
            is_open = engine.settings is not None and insecure.covers(registry, lookup)
            if trust.insecure and not is_open:
                yield from _not_open(engine, registry, insecure)
            elif trust.ca_file is not None and not is_open:
                yield _authority(engine, registry, trust.ca_file, host.authorities)
            elif is_open:
                yield from _open(engine, registry, trust)
    if not host.engines:
        yield from (each for it in wanted.items() for each in _elsewhere(*it))


def _open(engine: Engine, registry: str, trust: Trust) -> Iterator[Advice]:
    if is_loopback(registry):
        if trust != Trust():
            yield Advice(engine.name, f"{registry} is on this host, and needs no TLS", done=True)
        return
    listed = f"{registry} is asked for no TLS: {KEY} in {engine.settings} covers it"
    if trust.ca_file is not None:
        hint = f"take it out there, so that the authority in {trust.ca_file} counts"
        yield Advice(engine.name, listed, hint)
    else:
        yield Advice(engine.name, listed, done=True)


def _not_open(engine: Engine, registry: str, insecure: Insecure) -> Iterator[Advice]:
    if engine.settings is None:
        where = "insecure = true in registries.conf, which is not looked at here"
        yield Advice(engine.name, f"{registry} is insecure in trust: it needs {where}", done=True)
        return
    similar = insecure.similar(registry)
    but = f", but {similar}: case and port count" if similar else ""
    yield Advice(
        engine.name,
        f"{registry} is insecure in trust, and {KEY} in {engine.settings} does not cover it{but}",
        f'add "{registry}" to it, then {engine.reload}; an option --insecure-registry of dockerd '
        "does as well, and is not looked at here",
    )


def _authority(engine: Engine, registry: str, ca_file: Path, known: Authorities) -> Advice:
    directory = engine.directory(registry)
    try:
        ours = authorities_in(ca_file)
        theirs = {} if _is_hub_of_docker(engine, registry) else engine.authorities(registry)
    except PermanentError as error:
        return Advice(engine.name, f"{registry}: {error}", error.hint)
    there: Authorities = frozenset().union(*theirs.values())
    if ours and ours <= there:
        return Advice(engine.name, f"{registry}: its authority is in {directory}", done=True)
    if ours and ours <= there | known:
        return Advice(engine.name, f"{registry}: this host knows its authority", done=True)
    if _is_hub_of_docker(engine, registry):
        return Advice(
            engine.name,
            f"{registry}: this host does not know the authority in {ca_file}",
            "add it to those of the host: for Docker Hub, docker looks at no other",
        )
    lack = _lack(directory, ca_file, ours, theirs)
    return Advice(engine.name, f"{registry}: {lack}", _remedy(directory, ca_file, theirs))


def _remedy(directory: Path, ca_file: Path, theirs: Mapping[Path, Authorities]) -> str:
    if ca_file.is_dir():
        return f"copy what {ca_file} holds to {directory}, to files that end with .crt"
    # A file that holds an authority may be needed for another server.
    names = chain(["ca.crt"], (f"ca-{number}.crt" for number in count(2)))
    target = next(path for name in names if not theirs.get(path := directory / name))
    return shlex.join(["install", "-D", "-m", "0644", str(ca_file), str(target)])


def _lack(
    directory: Path, ca_file: Path, ours: Authorities, theirs: Mapping[Path, Authorities]
) -> str:
    if not ours:
        return f"ca_file in trust names no PEM certificate: {ca_file}"
    unread = next((path for path, certificates in theirs.items() if not certificates), None)
    if unread is not None:
        return f"{unread} holds no PEM certificate, and does not count"
    if any(ours & each for each in theirs.values()):
        return f"{directory} holds only a part of the authorities in {ca_file}"
    if theirs:
        return f"{directory} holds another authority than {ca_file}"
    return f"there is no {directory / 'ca.crt'} with the authority in {ca_file}"


def _is_hub_of_docker(engine: Engine, registry: str) -> bool:
    # moby/moby, daemon/pkg/registry/service_v2.go: its endpoint has no directory of its own.
    return registry == DOCKER_HUB and engine.settings is not None


def _elsewhere(registry: str, trust: Trust) -> Iterator[Advice]:
    """Yield what docker needs where it runs, for there is no engine to be seen here."""
    usual = "docker is not to be seen here; where it pulls"
    if trust.insecure and not is_loopback(registry):
        where = f'"{registry}" in {KEY} of /etc/docker/daemon.json'
        yield Advice("docker", f"{usual}, it needs {where}", done=True)
    if trust.ca_file is not None and not is_loopback(registry):
        where = f"/etc/docker/certs.d/{registry}/ca.crt"
        yield Advice("docker", f"{usual}, it needs {trust.ca_file} as {where}", done=True)
