"""How single registries are recognised: `trust` at the top.

    trust:
      registry.example:5000: {ca_file: corp.pem}
      10.0.0.7:5000: {insecure: true}

It counts wherever a registry is asked, and says what docker needs to pull from it
(https://rancher.com/docs/rancher/v1.6/en/environments/registries/, "Self-signed" and
"Insecure").
"""

from collections.abc import Iterable, Iterator, Mapping

from refresher.errors import RefresherError
from refresher.model.address import DOCKER_HUB, parse
from refresher.options import Options, SettingsPath
from refresher.registry.policy import Policy, Trust


class TrustFrame(Options):
    """What is said of one registry."""

    ca_file: SettingsPath | None = None
    insecure: bool = False

    def trust(self) -> Trust:
        """Return what this says."""
        return Trust(self.ca_file, self.insecure)


def addresses(written: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Yield each name of a registry as it is written, its address, and what is wrong with it."""
    seen: dict[str, str] = {}
    for text in written:
        try:
            address = parse(text)
        except RefresherError as error:
            # The hint alone: the message repeats the text.
            yield text, "", f"is no registry address that can be used: {error.hint}"
            continue
        if address.path:
            yield text, "", "is more than a host: write host or host:port alone"
        elif seen.setdefault(address.host, text) != text:
            yield text, "", "is there twice, in two spellings"
        else:
            yield text, address.host, ""


def defect(address: str, trust: Trust, policies: Iterable[Policy]) -> str:
    """Return what is wrong with what is said of the registry at an address, "" if nothing is.

    `policies` are what `verify` says.
    """
    if trust.insecure and trust.ca_file is not None:
        return f"{address} needs no ca_file where insecure is true: take one of them out"
    if trust.insecure and address == DOCKER_HUB:
        return f"{address} is never insecure: docker asks Docker Hub for TLS in any case"
    if trust == Trust():
        return f"says nothing of {address}: give ca_file, or insecure: true"
    if trust.ca_file is not None and any(each.is_insecure(address) for each in policies):
        return f"{address} needs no ca_file where insecure of verify names it: take it out there"
    return ""
