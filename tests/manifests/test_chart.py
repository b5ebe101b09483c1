"""The Helm chart: its values are checked, and the rights follow from the settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from refresher.sinks.kubernetes import Options
from refresher.sinks.kubernetes.rules import needed
from tests.manifests.conftest import VALUES
from tests.manifests.rendering import (
    CHART,
    NAMESPACE,
    RELEASE,
    Document,
    as_manifest,
    granted,
    needs,
    of_kind,
    printed,
    sent,
    settings,
    templating,
    workload,
)

PROVIDERS = {"hub": {"type": "static", "registries": ["docker.io"], "username": "0123"}}
IMAGE = {"repository": "registry.example/refresher"}


def rendered(
    folder: Path, sinks: dict[str, Any] | None = None, **values: Any
) -> tuple[list[Document], str]:
    """Return the documents of the chart with values, and what helm objects to."""
    sinks = {"kubernetes": {}} if sinks is None else sinks
    typed = {name: {"type": "kubernetes", **sink} for name, sink in sinks.items()}
    given = {
        "image": IMAGE,
        "settings": {"providers": PROVIDERS, "sinks": typed},
        **values,
    }
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(given))
    done = templating("-f", str(path))
    return sent(done.stdout), done.stderr if done.returncode else ""


def test_helm_finds_nothing_to_object_to() -> None:
    """Neither in the chart as it is, nor with any values that it comes with."""
    printed(needs("helm"), "lint", "--strict", str(CHART))
    for path in VALUES.values():
        printed(needs("helm"), "lint", "--strict", str(CHART), "-f", str(path))


@pytest.mark.parametrize(
    "values",
    [
        {"image": {"repository": ""}},
        {"image": {**IMAGE, "tag": "latest"}},
        {"image": {**IMAGE, "digest": "sha256:0"}},
        {"settings": {}},
        {"settings": {"listen": ":9090", "providers": PROVIDERS}},
        {"settings": {"providers": {"hub": {"registries": ["docker.io"]}}}},
        {"mode": "daemonset"},
        {"replicas": 2},
        {"cronjob": {"schedule": "every day"}},
        {"cronjob": {"concurrencyPolicy": "Allow"}},
        {"cronjob": {"activeDeadlineSeconds": 0}},
        {"serviceAccount": {"anotations": {}}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(values: dict[str, Any], tmp_path: Path) -> None:
    """Before anything is installed, and with the name of the value."""
    documents, objection = rendered(tmp_path, **values)
    assert documents == []
    name = next(iter(values))
    assert name in objection


@pytest.mark.parametrize(
    "sink",
    [
        {},
        {"secret": "pull"},
        {"secret": "pull", "service_accounts": "none"},
        {"service_accounts": "default"},
        {"service_accounts": "all"},
        {"service_accounts": {"names": ["web", "api", "web"]}},
        {"service_accounts": {"labels": "pulls=true"}},
        {"namespaces": "shop"},
        {"namespaces": ["shop", "billing", "shop"]},
        {"namespaces": "team-*"},
        {"namespaces": ["shop", "team-?"]},
        {"namespaces": {"names": ["shop", "billing"], "exclude": ["bill*"]}},
        {"namespaces": {"names": ["shop", "a-b"], "exclude": ["[!s]*"]}},
        {"namespaces": {"names": ["shop"], "labels": "env=prod"}},
        {"namespaces": {"names": ["shop"], "regex": ["team-[0-9]+"]}},
        {"namespaces": {"exclude": ["kube-*"]}},
    ],
    ids=str,
)
def test_the_rights_follow_from_the_settings(sink: dict[str, Any], tmp_path: Path) -> None:
    """They are those that the program itself says it needs."""
    documents, objection = rendered(tmp_path, {"kubernetes": sink})
    assert objection == ""
    options = Options.model_validate(sink)
    names = options.secret.all(["docker.io"])
    expected = needed(options.chosen(NAMESPACE), names, options.accounts)
    assert dict(granted(documents)) == {
        where: [as_manifest(each) for each in rules] for where, rules in expected.items()
    }


def test_secrets_for_each_registry_are_named_by_hand(tmp_path: Path) -> None:
    """Templates can't tell their names, so whoever installs says them."""
    sinks = {"kubernetes": {"secret": "pull-{registry}"}}
    documents, objection = rendered(tmp_path, sinks)
    assert documents == []
    assert "rbac.secrets" in objection
    documents, _ = rendered(tmp_path, sinks, rbac={"secrets": ["pull-quay.io", "pull-docker.io"]})
    ((_, rules),) = granted(documents)
    assert rules[0]["resourceNames"] == ["pull-docker.io", "pull-quay.io"]


def test_settings_that_mean_no_namespace_allow_nothing(tmp_path: Path) -> None:
    """They are refused; they never become rights everywhere."""
    wrong = {"kubernetes": {"namespaces": {"names": ["shop"], "exclude": ["shop"]}}}
    documents, objection = rendered(tmp_path, wrong)
    assert documents == []
    assert "exclude" in objection


def test_each_sink_in_this_cluster_has_rights_of_its_own(tmp_path: Path) -> None:
    """Another cluster, by a kubeconfig, knows another account; files need no rights."""
    sinks = {
        "own": {"secret": "own"},
        "other": {"secret": "other", "namespaces": "shop"},
        "away": {"kubeconfig": "/run/kubeconfig"},
        "store": {"type": "store"},
    }
    documents, _ = rendered(tmp_path, sinks)
    found = {
        (each["metadata"]["name"], each["metadata"]["namespace"]): each["rules"][0]["resourceNames"]
        for each in of_kind(documents, "Role")
    }
    assert found == {
        (f"{RELEASE}-own", NAMESPACE): ["own"],
        (f"{RELEASE}-other", "shop"): ["other"],
    }
    assert of_kind(documents, "ClusterRole") == []


def test_parts_can_be_left_out(tmp_path: Path) -> None:
    """Where somebody else makes accounts, rights and policies."""
    off = {"create": False}
    documents, _ = rendered(
        tmp_path,
        rbac=off,
        serviceAccount={"create": False, "name": "given"},
        networkPolicy=off,
        podDisruptionBudget=off,
    )
    assert {each["kind"] for each in documents} == {"ConfigMap", "Deployment"}
    assert workload(documents)["spec"]["template"]["spec"]["serviceAccountName"] == "given"


def test_settings_arrive_as_they_were_written(tmp_path: Path) -> None:
    """Text that looks like a number stays text, and health is where the probes ask."""
    documents, _ = rendered(tmp_path)
    mounted = yaml.safe_load(settings(documents))
    assert mounted["providers"] == PROVIDERS
    assert mounted["listen"] == ":8080"


def test_changed_settings_start_a_new_pod(tmp_path: Path) -> None:
    """The daemon reads its settings when it starts; the same settings restart nothing."""

    def annotations(secret: str) -> Any:
        documents, _ = rendered(tmp_path, {"kubernetes": {"secret": secret}})
        return workload(documents)["spec"]["template"]["metadata"]["annotations"]

    assert annotations("one") == annotations("one")
    assert annotations("one") != annotations("two")


def test_what_is_added_to_the_pod_is_there(tmp_path: Path) -> None:
    """Files and variables with passwords, and where the pod may run."""
    variable = {"name": "HUB_PASSWORD", "value": "x"}
    volume = {"name": "hub", "secret": {"secretName": "hub"}}
    mount = {"name": "hub", "mountPath": "/run/secrets/hub", "readOnly": True}
    place: dict[str, Any] = {
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "imagePullSecrets": [{"name": "pull"}],
    }
    documents, _ = rendered(
        tmp_path,
        extraEnv=[variable],
        extraVolumes=[volume],
        extraVolumeMounts=[mount],
        podLabels={"team": "platform"},
        podAnnotations={"note": "x"},
        image={**IMAGE, "digest": f"sha256:{'0' * 64}"},
        **place,
    )
    template = workload(documents)["spec"]["template"]
    spec, (container,) = template["spec"], template["spec"]["containers"]
    assert {key: spec[key] for key in place} == place
    assert container["env"] == [variable]
    assert mount in container["volumeMounts"]
    assert volume in spec["volumes"]
    assert container["image"] == f"{IMAGE['repository']}@sha256:{'0' * 64}"
    assert template["metadata"]["labels"]["team"] == "platform"
    assert template["metadata"]["annotations"]["note"] == "x"
