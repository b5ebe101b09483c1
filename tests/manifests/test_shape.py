"""Each way to install gives documents that a server takes, and pods that are as safe as can be."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import yaml

import refresher
from tests.conftest import requires
from tests.manifests.conftest import COMPONENTS, DIFFERENT
from tests.manifests.rendering import (
    CHART,
    KUSTOMIZE,
    Document,
    of_kind,
    pod_template,
    workload,
)
from tests.manifests.standards import offences


def validated(documents: list[Document], version: str, folder: Path) -> str:
    """Return what is wrong with documents, as a server of a version would say."""
    known = importlib.util.find_spec("kubernetes_validate") is not None
    requires("kubernetes-validate, of this package's extra dev", available=known)
    path = folder / "documents.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    done = subprocess.run(
        [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_oldest_server_knows_every_field(documents: list[Document], tmp_path: Path) -> None:
    """A misspelt one would be dropped in silence. What a version has, the later ones keep."""
    assert validated(documents, "1.25", tmp_path) == ""


@DIFFERENT
def test_the_newest_server_knows_every_kind(documents: list[Document], tmp_path: Path) -> None:
    """None of them was taken away meanwhile."""
    assert validated(documents, "1.37", tmp_path) == ""


def test_misspelt_fields_are_found(tmp_path: Path) -> None:
    """The check itself works, and without a network."""
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"}}
    wrong = [{**budget, "spec": {"maxUnavailabel": 1}}]
    assert "maxUnavailabel" in validated(wrong, "1.37", tmp_path)


def test_pods_keep_the_restricted_standard(documents: list[Document]) -> None:
    """They are let into every namespace, and can't write to their image."""
    pod = pod_template(workload(documents))["spec"]
    assert list(offences(pod)) == []
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsUser"] == 65532  # as in the Dockerfile


def test_the_standard_is_checked() -> None:
    """A pod that says nothing is not restricted, and neither is one that wants the host."""
    assert len(list(offences({"containers": [{"name": "a"}]}))) == 4
    volumes = [{"name": "host", "hostPath": {"path": "/"}}]
    assert list(offences({"hostPID": True, "volumes": volumes, "containers": []})) == [
        "hostPID",
        "volume host: hostPath",
    ]


def test_the_daemon_is_alone_and_watched(documents: list[Document]) -> None:
    """One at a time, restarted when it is stalled, and ready when every place is supplied."""
    for deployment in of_kind(documents, "Deployment"):
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}
        (container,) = pod_template(deployment)["spec"]["containers"]
        assert container["args"] == ["run"]
        (port,) = container["ports"]
        assert port["containerPort"] == 8080
        for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}


def test_jobs_never_pile_up(documents: list[Document]) -> None:
    """One run at a time, which ends before the next, and few are kept."""
    for cron in of_kind(documents, "CronJob"):
        spec, job = cron["spec"], cron["spec"]["jobTemplate"]["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        # Every run of the pattern '* */3 * * *' starts sixty of them.
        assert re.fullmatch(r"\d+(,\d+)* \S+ \S+ \S+ \S+", spec["schedule"])
        assert 60 < job["activeDeadlineSeconds"] < 1800
        assert 10 <= spec["startingDeadlineSeconds"] < 1800
        assert job["backoffLimit"] == 0
        assert spec["successfulJobsHistoryLimit"] + spec["failedJobsHistoryLimit"] <= 5
        pod = pod_template(cron)["spec"]
        assert pod["restartPolicy"] == "Never"
        assert pod["containers"][0]["args"] == ["once"]


def test_there_is_one_workload_and_it_has_limits(documents: list[Document]) -> None:
    """Either a daemon or jobs, with memory that is asked for and bounded."""
    resources = pod_template(workload(documents))["spec"]["containers"][0]["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert "memory" in resources["limits"]


def test_the_image_has_the_version_of_this_source(documents: list[Document]) -> None:
    """A pod that starts next month starts the same program."""
    (container,) = pod_template(workload(documents))["spec"]["containers"]
    assert container["image"] == f"registry.example/refresher:{refresher.__version__}"


def test_everything_selects_the_pods(documents: list[Document]) -> None:
    """Policies, budgets and the deployment mean the pods that are made."""
    labels = pod_template(workload(documents))["metadata"]["labels"].items()
    selecting = of_kind(documents, "Deployment", "PodDisruptionBudget", "NetworkPolicy")
    for each in selecting:
        selector = each["spec"].get("selector") or each["spec"]["podSelector"]
        assert selector["matchLabels"]
        assert selector["matchLabels"].items() <= labels
    for budget in of_kind(selecting, "PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] == 1
        assert of_kind(documents, "Deployment")


def test_everything_that_pods_name_is_there(documents: list[Document]) -> None:
    """The account with its token, the settings, and a place to write."""
    pod = pod_template(workload(documents))["spec"]
    (account,) = of_kind(documents, "ServiceAccount")
    (settings,) = of_kind(documents, "ConfigMap")
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    mounts = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert set(mounts) == set(volumes)
    assert volumes["settings"]["configMap"]["name"] == settings["metadata"]["name"]
    assert mounts["settings"] == "/etc/refresher"
    assert mounts["state"] == "/var/lib/refresher"
    assert mounts["account"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    files = [
        path
        for source in volumes["account"]["projected"]["sources"]
        for held in source.values()
        for path in ([held["path"]] if "path" in held else [i["path"] for i in held["items"]])
    ]
    assert sorted(files) == ["ca.crt", "namespace", "token"]


def test_the_network_is_narrow(documents: list[Document]) -> None:
    """Nothing comes in but to health, nothing goes out but names, HTTPS and identities."""
    names = set()
    for policy in of_kind(documents, "NetworkPolicy"):
        spec = policy["spec"]
        ports = {port["port"] for rule in spec.get("ingress", ()) for port in rule["ports"]}
        assert ports <= {"health"}
        assert "Egress" in spec["policyTypes"]
        for rule in spec["egress"]:
            local = all(
                to["ipBlock"]["cidr"].startswith(("169.254.", "fd00:ec2:"))
                for to in rule.get("to", ())
            )
            assert local
            allowed = {80, 988} if "to" in rule else {53, 443, 6443}
            assert {port["port"] for port in rule["ports"]} <= allowed
        names.add(policy["metadata"]["name"])
    assert names


def test_everything_is_in_one_namespace_but_rights(documents: list[Document]) -> None:
    """The account of every binding is the one that is installed."""
    homes = {
        each["metadata"].get("namespace")
        for each in documents
        if each["kind"] not in {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    }
    (home,) = homes
    (account,) = of_kind(documents, "ServiceAccount")
    for binding in of_kind(documents, "RoleBinding", "ClusterRoleBinding"):
        (subject,) = binding["subjects"]
        assert subject["name"] == account["metadata"]["name"]
        assert subject.get("namespace", binding["metadata"].get("namespace")) == home


def test_the_example_names_every_component() -> None:
    """Whoever copies it finds what there is; what excludes each other is commented out."""
    text = (KUSTOMIZE / "example" / "kustomization.yaml").read_text()
    assert sorted(re.findall(r"\.\./components/([a-z-]+)", text)) == COMPONENTS


def test_the_chart_has_the_version_of_this_source() -> None:
    """The tag of its image follows from it."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == refresher.__version__
