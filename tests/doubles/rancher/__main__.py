"""Rancher on loopback as a process of its own, for measurements.

python -m tests.doubles.rancher --ready-file F --environments 1000 --registries 10

The file appears once the server listens. It holds the URL, and an admin's key that may enter every
environment; each registry has one credential. The process serves until it is killed.
"""

import argparse
import json
import threading
from pathlib import Path

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.faults import slow


def fill(rancher: RancherDouble, environments: int, registries: int) -> None:
    """Add environments, each with the same registries: `registry-0.example`, and so on."""
    for environment in range(environments):
        project = rancher.add_project(f"environment-{environment}")
        for number in range(registries):
            registry = rancher.add_registry(project, f"registry-{number}.example")
            rancher.add_credential(registry, "AWS", "old")


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="Rancher 1.6 on loopback")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--environments", type=int, default=1)
    parser.add_argument("--registries", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0, help="what each request takes")
    options = parser.parse_args()
    with RancherDouble() as rancher:
        fill(rancher, options.environments, options.registries)
        if options.seconds:
            rancher.fail(slow(options.seconds), times=None)
        key = rancher.admin_key()
        ready = {"url": rancher.url, "access_key": key.access, "secret_key": key.secret}
        partial = options.ready_file.with_suffix(".partial")
        partial.write_text(json.dumps(ready))
        partial.replace(options.ready_file)
        threading.Event().wait()


if __name__ == "__main__":
    main()
