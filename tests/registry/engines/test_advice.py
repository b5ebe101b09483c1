"""What engines need to pull, and whether it is there."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from refresher.registry.engines.advice import Advice, Host, addresses_of, advise
from refresher.registry.engines.engine import Engine, authorities_in
from refresher.registry.policy import Trust
from tests.doubles.certificates import Authority

LAB = "lab.example:5000"
OPEN = Trust(insecure=True)
NAMES = {"named.example": ("10.9.8.7",)}


@pytest.fixture(scope="module")
def corp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of the registry's authority."""
    return Authority(tmp_path_factory.mktemp("corp"), "corp").file


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of another authority."""
    return Authority(tmp_path_factory.mktemp("other"), "other").file


class Site:
    """A host with one engine."""

    def __init__(self, folder: Path, *, podman: bool = False) -> None:
        self.certs = folder / "certs.d"
        self.settings = folder / "daemon.json"
        settings = None if podman else self.settings
        self.engine = Engine("engine", (self.certs,), self.certs, settings)
        self.known: frozenset[bytes] = frozenset()

    def put(self, registry: str, content: bytes, name: str = "ca.crt") -> None:
        """Write a file of an authority."""
        (self.certs / registry).mkdir(parents=True, exist_ok=True)
        (self.certs / registry / name).write_bytes(content)

    def allow(self, *entries: str) -> None:
        """Write the list of insecure registries."""
        listed = ", ".join(f'"{each}"' for each in entries)
        self.settings.write_text(f'{{"insecure-registries": [{listed}]}}')

    def told(self, trusts: Mapping[str, Trust], *registries: str) -> list[Advice]:
        """Return the advice."""
        host = Host((self.engine,), self.known, lambda name: NAMES.get(name, ()))
        return list(advise(registries, trusts, host))

    def one(self, trusts: Mapping[str, Trust], *registries: str) -> Advice:
        """Return the only advice."""
        (made,) = self.told(trusts, *registries)
        return made


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a host with docker on it."""
    return Site(tmp_path)


def test_of_registries_with_usual_certificates_nothing_is_told(site: Site) -> None:
    """Whatever is configured for them."""
    assert site.told({}, "docker.io", "gcr.io/project", "localhost:5000") == []


# --- an authority of its own -------------------------------------------------------


def test_an_authority_that_is_missing_is_a_finding(site: Site, corp: Path) -> None:
    """With the directory, spelled as images name the registry, and the command to repair it."""
    made = site.one({LAB: Trust(corp)})
    assert not made.done
    target = site.certs / LAB / "ca.crt"
    assert made.message == f"{LAB}: there is no {target} with the authority in {corp}"
    assert made.hint == f"install -D -m 0644 {corp} {target}"


def test_an_authority_that_is_there_is_told(site: Site, corp: Path) -> None:
    """Whatever the file is called, and however it is written."""
    text = b"# our own\r\n" + corp.read_bytes().replace(b"\n", b"\r\n")
    site.put(LAB, text, "corp.crt")
    made = site.one({LAB: Trust(corp)})
    assert made == Advice("engine", f"{LAB}: its authority is in {site.certs / LAB}", done=True)


def test_one_among_several_is_enough(site: Site, corp: Path, other: Path) -> None:
    """The engine takes them all; of several in ca_file it has to have each."""
    site.put(LAB, other.read_bytes(), "a.crt")
    site.put(LAB, corp.read_bytes(), "b.crt")
    assert site.one({LAB: Trust(corp)}).done
    site.put("both.example", corp.read_bytes())
    both = site.certs.parent / "both.pem"
    both.write_bytes(corp.read_bytes() + other.read_bytes())
    assert not site.one({"both.example": Trust(both)}).done


def test_another_authority_is_a_finding(site: Site, corp: Path, other: Path) -> None:
    """As after a renewal that forgot this host."""
    site.put(LAB, other.read_bytes())
    made = site.one({LAB: Trust(corp)})
    assert not made.done
    assert made.message == f"{LAB}: {site.certs / LAB} holds another authority than {corp}"


@pytest.mark.parametrize("there", [("ca.crt",), ("ca.crt", "ca-2.crt")])
def test_an_authority_that_is_there_is_not_overwritten(
    site: Site, corp: Path, other: Path, there: tuple[str, ...]
) -> None:
    """It may be that of a mirror; the command, as a shell reads it, repairs what is missing."""
    for name in there:
        site.put(LAB, other.read_bytes(), name)
    spaced = site.certs.parent / "corp of ours.pem"
    spaced.write_bytes(corp.read_bytes())
    made = site.one({LAB: Trust(spaced)})
    subprocess.run(["sh", "-c", made.hint], check=True)
    assert site.one({LAB: Trust(spaced)}).done
    for name in there:
        assert (site.certs / LAB / name).read_bytes() == other.read_bytes()


def test_of_a_directory_of_authorities_each_is_wanted(site: Site, corp: Path) -> None:
    """There is no one file to install."""
    made = site.one({LAB: Trust(corp.parent)})
    assert (
        made.hint == f"copy what {corp.parent} holds to {site.certs / LAB}, to files that end "
        "with .crt"
    )


def test_a_part_of_the_authorities_is_a_finding(site: Site, corp: Path, other: Path) -> None:
    """It is not another one."""
    site.put(LAB, corp.read_bytes())
    both = site.certs.parent / "both.pem"
    both.write_bytes(corp.read_bytes() + other.read_bytes())
    made = site.one({LAB: Trust(both)})
    assert not made.done
    assert "holds only a part of the authorities" in made.message


@pytest.mark.parametrize("content", [b"", b"\x30\x82\x01\x0a", b"no PEM"])
def test_a_file_that_does_not_count_is_a_finding(site: Site, corp: Path, content: bytes) -> None:
    """DER is skipped without a word."""
    site.put(LAB, content)
    made = site.one({LAB: Trust(corp)})
    assert not made.done
    assert f"{site.certs / LAB / 'ca.crt'} holds no PEM certificate" in made.message


@pytest.mark.parametrize("elsewhere", ["lab.example", "lab.example:443", "LAB.example:5000"])
def test_the_directory_is_spelled_as_images_are(site: Site, corp: Path, elsewhere: str) -> None:
    """Another port, or none, is another directory."""
    site.put(elsewhere, corp.read_bytes())
    assert not site.one({LAB: Trust(corp)}).done


def test_an_authority_of_the_host_is_enough(site: Site, corp: Path) -> None:
    """update-ca-certificates is a good way, too."""
    site.known = authorities_in(corp)
    made = site.one({LAB: Trust(corp)})
    assert made == Advice("engine", f"{LAB}: this host knows its authority", done=True)


def test_images_with_and_without_the_usual_port_are_two(site: Site, corp: Path) -> None:
    """Trust is of one registry, and each spelling that is configured needs its directory."""
    site.put("lab.example", corp.read_bytes())
    made = {
        each.message.partition(": ")[0]: each.done
        for each in site.told({"lab.example": Trust(corp)}, "lab.example:443/team")
    }
    assert made == {"lab.example:443": False, "lab.example": True}


def test_docker_takes_the_hosts_authorities_alone_for_docker_hub(
    site: Site, tmp_path: Path, corp: Path
) -> None:
    """A proxy that opens TLS is what needs it; podman reads a directory for it."""
    site.put("docker.io", corp.read_bytes())
    made = site.one({"docker.io": Trust(corp)})
    assert not made.done
    assert "those of the host" in made.hint
    site.known = authorities_in(corp)
    assert site.one({"docker.io": Trust(corp)}).done
    podman = Site(tmp_path, podman=True)
    assert podman.one({"docker.io": Trust(corp)}).done


@pytest.mark.parametrize("content", [None, b"", b"no PEM"])
def test_a_ca_file_that_is_none_is_a_finding(
    site: Site, tmp_path: Path, content: bytes | None
) -> None:
    """It is named, whatever the engine has."""
    path = tmp_path / "corp.pem"
    if content is not None:
        path.write_bytes(content)
    made = site.one({LAB: Trust(path)})
    assert not made.done
    assert str(path) in made.message


def test_an_engine_that_does_not_ask_for_the_certificate_is_a_finding(
    site: Site, corp: Path
) -> None:
    """The authority is there for nothing."""
    site.put(LAB, corp.read_bytes())
    site.allow(LAB)
    made = site.one({LAB: Trust(corp)})
    assert not made.done
    assert f"{LAB} is asked for no TLS" in made.message
    assert "take it out" in made.hint


# --- no TLS ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registry", "entry"),
    [
        (LAB, LAB),
        (LAB, f"http://{LAB}"),
        ("10.1.2.3:5000", "10.0.0.0/8"),
        ("[2001:db8::1]:5000", "2001:db8::/32"),
        ("named.example:5000", "10.0.0.0/8"),
    ],
)
def test_an_insecure_registry_that_is_listed_is_told(site: Site, registry: str, entry: str) -> None:
    """By name, by network, and by the address that its name has."""
    site.allow(entry)
    made = site.one({registry: OPEN})
    assert made.done
    assert f"{registry} is asked for no TLS" in made.message


@pytest.mark.parametrize("entries", [None, [], ["other.example"], ["11.0.0.0/8"]])
def test_an_insecure_registry_that_is_not_listed_is_a_finding(
    site: Site, entries: list[str] | None
) -> None:
    """With the entry to add; a missing file lists nothing."""
    if entries is not None:
        site.allow(*entries)
    made = site.one({LAB: OPEN})
    assert not made.done
    assert made.message == (
        f"{LAB} is insecure in trust, and insecure-registries in {site.settings} does not cover it"
    )
    assert f'add "{LAB}"' in made.hint


@pytest.mark.parametrize("entry", ["lab.example", "Lab.Example:5000", "lab.example:443"])
def test_a_near_miss_is_shown(site: Site, entry: str) -> None:
    """Or a person looks at the list and sees it there."""
    site.allow(entry)
    made = site.one({LAB: OPEN})
    assert not made.done
    assert f"but {entry}: case and port count" in made.message


@pytest.mark.parametrize("registry", ["127.0.0.1:5000", "localhost:5000", "[::1]:5000"])
@pytest.mark.parametrize("with_authority", [True, False])
def test_this_host_needs_nothing(
    site: Site, corp: Path, registry: str, *, with_authority: bool
) -> None:
    """Its own addresses are asked for no TLS, whatever is configured."""
    made = site.one({registry: Trust(corp) if with_authority else OPEN})
    assert made.done
    assert "is on this host" in made.message


def test_a_registry_that_only_the_engine_calls_insecure_is_told(site: Site) -> None:
    """Nobody may know any more; that it works makes it no finding."""
    site.allow(LAB, "10.0.0.0/8")
    made = site.told({}, LAB, "docker.io", "10.0.0.1", "11.0.0.1")
    assert [each.message.partition(" ")[0] for each in made] == [LAB, "10.0.0.1"]
    assert all(each.done for each in made)


def test_podman_is_asked_for_authorities_alone(tmp_path: Path, corp: Path) -> None:
    """Where it goes without TLS is in files that are not looked at; its host is no exception."""
    podman = Site(tmp_path, podman=True)
    made = podman.one({LAB: OPEN})
    assert made.done
    assert "it needs insecure = true in registries.conf" in made.message
    assert not podman.one({"localhost:5000": Trust(corp)}).done


# --- the host ----------------------------------------------------------------------


def test_malformed_settings_are_one_finding(site: Site, corp: Path) -> None:
    """Whatever the registries need: the engine does not even start."""
    site.settings.write_text("{")
    made = site.one({LAB: OPEN, "r.example": Trust(corp)}, "docker.io")
    assert not made.done
    assert f"{site.settings} is no JSON at line 1" in made.message


def test_settings_that_can_not_be_read_matter_where_something_is_asked(site: Site) -> None:
    """Of registries with usual certificates there is nothing to look up."""
    site.settings.mkdir()
    assert site.told({}, LAB) == []
    made = site.one({LAB: OPEN}, LAB)
    assert not made.done
    assert f"{site.settings} can't be read" in made.message


def test_where_no_engine_is_seen_the_needs_are_told(corp: Path) -> None:
    """This program runs in a container, and pulls happen elsewhere: no finding."""
    trusts = {LAB: Trust(corp), "10.0.0.7:5000": OPEN, "localhost:5000": OPEN}
    made = list(advise(["docker.io"], trusts, Host((), frozenset(), lambda _name: ())))
    assert all(each.done for each in made)
    assert [each.engine for each in made] == ["docker", "docker"]
    assert f"/etc/docker/certs.d/{LAB}/ca.crt" in made[0].message
    assert '"10.0.0.7:5000" in insecure-registries' in made[1].message


def test_names_are_looked_up_unless_offline() -> None:
    """A name that nobody knows has no address."""
    assert set(addresses_of("localhost")) & {"127.0.0.1", "::1"}
    assert addresses_of("no-such-host.invalid") == ()
    assert addresses_of("x" * 300) == ()
    assert Host.this({"PATH": ""}, offline=True).lookup("localhost") == ()
    assert Host.this({"PATH": ""}).lookup is addresses_of
