"""Rancher 1.x (Cattle) as a sink: each environment of a server is a target.

    environments -> two lists per environment -> what is held
    two lists -> steps, one after the other -> lists again, until nothing is left to do

| module | its one concern |
|---|---|
| server | where the server is, in every form of its URL |
| options | the settings |
| key | the pair of keys, read anew for each operation |
| names | what messages call the settings |
| connections | sessions that live for a while |
| talk | one operation: calls within a time, under one key |
| faults | what an answer that refuses means |
| api | the resources of one environment, page by page |
| rows | registries and credentials, and what their states mean |
| steps | the decision: what is missing for a registry to be supplied |
| holding | the same decision, told as what is held |
| writing | takes the steps at one environment, and verifies what came of them |
| environments | which environments the settings mean |
| advice | the server's settings that make a credential useless |
| sink | the port |

Sources: the code of rancher/cattle, branch v1.6, and
https://rancher.com/docs/rancher/v1.6/en/api/v2-beta/. Where the two differ, the code counts.
"""

from refresher.sinks.rancher.options import Options
from refresher.sinks.rancher.sink import RancherSink, build

__all__ = ["Options", "RancherSink", "build"]
