"""From a settings file, registry names alone or a known environment, to frozen settings.

    store: /var/lib/refresher/refresher.db
    providers:
      prod: {type: ecr, registries: [123456789012.dkr.ecr.us-west-2.amazonaws.com]}
    sinks:
      docker: {type: docker-config, path: ~/.docker/config.json}
    routes:
      - {from: [prod], to: [docker]}

Everything that is wrong is said at once, in one `SettingsError`, each with its
line and field and without a value. `refresher.wiring` makes objects of settings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from refresher.errors import Problem, RefresherError, SettingsError
from refresher.model.address import canonical
from refresher.settings.cattle import for_cattle, is_for_cattle, unheard
from refresher.settings.reader import Reader
from refresher.settings.tree import tree
from refresher.settings.values import PluginSettings, Settings

__all__ = [
    "PluginSettings",
    "Settings",
    "for_cattle",
    "for_registries",
    "is_for_cattle",
    "load",
    "parse",
]


def load(path: Path, env: Mapping[str, str]) -> Settings:
    """Return the settings in a YAML file. `env` gives `HOME` and what `*_env` options name.

    Relative paths start at the file, or at the working directory for a pipe.

    Raises `SettingsError`, which lists everything that is wrong.
    """
    from refresher.settings import yamlfile  # noqa: PLC0415 - settings without a file need no YAML

    text = yamlfile.read(path)
    # The directory is resolved, the file is not: a link to a file elsewhere is this directory's.
    directory = Path.cwd() if path.is_fifo() else path.parent.resolve()
    made = parse(text, str(path), directory, env)
    notice = unheard(env)
    return replace(made, notices=(notice,)) if notice else made


def parse(text: str, source: str, directory: Path, env: Mapping[str, str]) -> Settings:
    """Return the settings in YAML `text`; relative paths start at `directory`.

    Raises `SettingsError`, which lists everything that is wrong.
    """
    from refresher.settings import yamlfile  # noqa: PLC0415 - settings without a file need no YAML

    document = yamlfile.parse(text, source)
    reader = Reader(document.root, source, directory, env)
    reader.problems += document.problems
    return reader.settings()


def for_registries(registries: Iterable[str], env: Mapping[str, str]) -> Settings:
    """Return what serves cloud registries without a settings file.

    Each host names its provider; hosts of one kind and region share one, which is
    named after both, so that another host does not rename it. The sink is the
    user's docker config file. Raises `SettingsError` for a host of no known cloud.
    """
    from refresher.model.cloudhosts import (  # noqa: PLC0415 - a file names its types
        ecr_host,
        provider_for,
    )

    source = "--registry"
    problems: list[Problem] = []
    providers: dict[str, dict[str, Any]] = {}
    for text in registries:
        try:
            address = canonical(text)
        except RefresherError as error:
            problems.append(Problem(f"{error}: {error.hint}"))
            continue
        kind, ecr = provider_for(address), ecr_host(address)
        if kind is None:
            what = f"{address} is no host of ECR or Google: write a settings file"
            problems.append(Problem(f"{what} that gives it a provider of type static"))
        else:
            name = f"{kind}-{ecr.region}" if ecr and ecr.account else kind
            entry = providers.setdefault(name, {"type": kind, "registries": []})
            entry["registries"].append(address)
    if problems:
        raise SettingsError(source, tuple(problems))
    root = tree({"providers": providers, "sinks": {"docker": {"type": "docker-config"}}})
    return Reader(root, source, Path(), env).settings()
