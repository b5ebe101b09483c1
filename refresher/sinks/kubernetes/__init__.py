"""Kubernetes as a sink: each namespace is a target, and holds a Secret that pods pull with.

    lists of namespaces, Secrets and accounts -> what is held
    what was seen -> one PUT or POST per Secret -> its answer shows what is there

| module | its one concern |
|---|---|
| options | the settings |
| names | what Secrets are called |
| choice | which namespaces and service accounts are meant |
| access | the way to the cluster, for as long as its description stays the same |
| cluster | a cluster: address, certificates, who we are there |
| incluster | the cluster around this pod |
| kubeconfig | the cluster of a kubeconfig |
| plugin | credential plug-ins of a kubeconfig |
| proxies | the proxy to a cluster |
| identity | tokens and logins, read anew when they change |
| talk | one operation: calls within a time, under one identity |
| faults | what an answer that refuses means |
| api | the resources of the core API |
| document | a `.dockerconfigjson` as the kubelet reads it |
| marks | how a Secret shows what is ours in it |
| pullsecret | what a Secret holds, and what it is to become |
| accounts | `imagePullSecrets` of service accounts |
| seen | what was last seen of each namespace |
| survey | one look at the namespaces |
| holding | what was seen, told as what is held |
| writing | one write at one namespace |
| removal | what is left of a Secret without what is ours |
| retiring | taking back what was put into one namespace |
| rules | the rules of a role that the settings need |
| advice | which of them are missing |
| manifest | roles and bindings of those rules |
| sink | the port |

Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/ and the code of
https://github.com/kubernetes/kubernetes.
"""

from refresher.sinks.kubernetes.options import Options
from refresher.sinks.kubernetes.sink import KubernetesSink, build

__all__ = ["KubernetesSink", "Options", "build"]
