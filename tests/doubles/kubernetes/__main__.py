"""Kubernetes on loopback as a process of its own, for measurements and for trials by hand.

python -m tests.doubles.kubernetes --ready-file F --namespaces 1000

The files appear once the server listens: F with the URL, an admin's token and the path of a
kubeconfig, which is beside it. The process serves until it is killed.
"""

import argparse
import json
import threading
from pathlib import Path

from tests.doubles.certificates import Authority
from tests.doubles.kubernetes.double import KubernetesDouble
from tests.doubles.kubernetes.faults import slow


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="Kubernetes on loopback")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--namespaces", type=int, default=0, help="team-0 and so on")
    parser.add_argument("--seconds", type=float, default=0.0, help="what each request takes")
    parser.add_argument("--tls", action="store_true", help="speak HTTPS")
    options = parser.parse_args()
    ready: Path = options.ready_file
    authority = Authority(ready.parent) if options.tls else None
    with KubernetesDouble(authority) as kube:
        for number in range(options.namespaces):
            kube.add_namespace(f"team-{number}")
        if options.seconds:
            kube.fail(slow(options.seconds), times=None)
        token = kube.admin()
        kubeconfig = kube.kubeconfig(ready.with_suffix(".kubeconfig"), token)
        told = {"url": kube.url, "token": token, "kubeconfig": str(kubeconfig)}
        partial = ready.with_suffix(".partial")
        partial.write_text(json.dumps(told))
        partial.replace(ready)
        threading.Event().wait()


if __name__ == "__main__":
    main()
