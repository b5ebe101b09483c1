"""Plug-ins by type name: built in, or offered by another package."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from refresher.errors import PermanentError
from refresher.options import Options
from refresher.plugins import BUILT_IN, Kind, find, known_types
from tests.doubles.packages import VAULT, install

Install = Callable[..., str]
_numbers = itertools.count()

OPTIONS = "from refresher.options import Options as Base\nclass Options(Base):\n    pass\n"
BUILD = "def build(options, tools):\n    return None\n"


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a plug-in `vault` and returns its module's name."""
    monkeypatch.syspath_prepend(tmp_path)

    def offer(source: str, *, group: str = "refresher.providers", suffix: str = "") -> str:
        # A name of its own: a module that was imported once stays imported.
        name = f"acme_vault_{next(_numbers)}_{tmp_path.name}".replace("-", "_")
        install(tmp_path, name, source, {group: {"vault": name + suffix}})
        return name

    return offer


def built_in() -> list[tuple[Kind, str]]:
    """Return every type of this package."""
    return [(kind, name) for kind, modules in BUILT_IN.items() for name in modules]


@pytest.mark.parametrize(("kind", "name"), built_in())
def test_every_built_in_type_can_be_built(kind: Kind, name: str) -> None:
    """The table names modules that are there and keep the contract of plug-ins."""
    plugin = find(kind, name)
    assert (plugin.kind, plugin.name) == (kind, name)
    assert issubclass(plugin.options, Options)
    assert callable(plugin.build)


def test_the_table_imports_nothing_and_reads_no_package() -> None:
    """Knowing the types costs no import of a provider, a sink or a cloud library."""
    code = (
        "import sys; from refresher.plugins import find, Kind; find(Kind.PROVIDER, 'static');"
        "print([m for m in ('boto3', 'botocore', 'google.auth', 'yaml', 'refresher.providers.ecr')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("suffix", ["", ":plug_in"])
def test_another_package_offers_a_type(offer: Install, suffix: str) -> None:
    """An entry point names a module, or an object in one."""
    source = VAULT + "import sys; plug_in = sys.modules[__name__]\n"
    name = offer(source, suffix=suffix)
    plugin = find(Kind.PROVIDER, "vault")
    assert plugin.options.__module__ == name
    assert name in plugin.where


def test_another_package_does_not_replace_a_built_in_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A built-in type is what it is, whatever is installed."""
    install(tmp_path, "acme_static", VAULT, {"refresher.providers": {"static": "acme_static"}})
    monkeypatch.syspath_prepend(tmp_path)
    assert find(Kind.PROVIDER, "static").options.__module__ == "refresher.providers.static"
    assert "acme_static" not in sys.modules


def test_known_types_are_those_of_all_packages(offer: Install) -> None:
    """They are listed by kind, without an import."""
    name = offer("raise RuntimeError\n")
    assert known_types(Kind.PROVIDER) == ("ecr", "ecr-public", "gcr", "static", "vault")
    assert known_types(Kind.SINK) == ("docker-config", "kubernetes", "memory", "rancher", "store")
    assert name not in sys.modules


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        pytest.param(Kind.PROVIDER, "statik", "did you mean static?", id="misspelt"),
        pytest.param(Kind.SINK, "dockerconfig", "did you mean docker-config?", id="hyphen"),
        pytest.param(Kind.SINK, "STORE", "did you mean store?", id="upper case"),
        pytest.param(Kind.SINK, "static", "known: docker-config, kubernetes", id="other kind"),
        pytest.param(Kind.PROVIDER, "", "known: ecr, ecr-public, gcr, static", id="empty"),
        pytest.param(Kind.PROVIDER, "vault", "known: ", id="not installed"),
    ],
)
def test_an_unknown_type_is_answered_with_the_known(kind: Kind, name: str, message: str) -> None:
    """The nearest one, or all."""
    with pytest.raises(PermanentError, match=message):
        find(kind, name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("raise RuntimeError('canary')", "imported: RuntimeError$", id="raises"),
        pytest.param("import acme_missing", "the module acme_missing is missing", id="dependency"),
        pytest.param("raise SystemExit('canary')", "imported: SystemExit$", id="exits"),
        pytest.param("def", "imported: SyntaxError$", id="no Python"),
        pytest.param(BUILD, "has no class Options", id="no options"),
        pytest.param("Options = 3\n" + BUILD, "has no class Options", id="options of no class"),
        pytest.param("class Options: pass\n" + BUILD, "has no class Options", id="foreign options"),
        pytest.param(OPTIONS, "has no function build", id="no build"),
        pytest.param(OPTIONS + "build = 3\n", "has no function build", id="build of no function"),
    ],
)
def test_a_broken_plug_in_is_named(offer: Install, source: str, message: str) -> None:
    """The entry point and the kind of the fault are told, and nothing that it said itself."""
    name = offer(source)
    with pytest.raises(PermanentError, match=message) as caught:
        find(Kind.PROVIDER, "vault")
    assert f"the plug-in vault (entry point refresher.providers: {name})" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_missing_object_is_a_broken_plug_in(offer: Install) -> None:
    """An entry point may name what its module has not."""
    offer(VAULT, suffix=":missing")
    with pytest.raises(PermanentError, match="imported: AttributeError"):
        find(Kind.PROVIDER, "vault")


def test_two_packages_with_one_type_are_refused(offer: Install) -> None:
    """Which one is meant can't be told, so neither is used."""
    names = sorted([offer(VAULT), offer(VAULT)])
    with pytest.raises(PermanentError, match="several packages: " + ", ".join(names)):
        find(Kind.PROVIDER, "vault")


def test_the_group_says_the_kind(offer: Install) -> None:
    """A sink is not found among providers."""
    offer(OPTIONS + BUILD, group="refresher.sinks")
    assert find(Kind.SINK, "vault").kind is Kind.SINK
    with pytest.raises(PermanentError):
        find(Kind.PROVIDER, "vault")


def test_modules_of_the_table_exist() -> None:
    """No row names a module that was moved."""
    assert all(find_spec(module) for modules in BUILT_IN.values() for module in modules.values())
