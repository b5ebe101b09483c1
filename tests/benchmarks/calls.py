"""How many calls a number of registries costs."""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from tests.benchmarks.once import installed
from tests.benchmarks.report import Result
from tests.doubles.aws import AwsDouble, without_aws

_REGISTRIES: Final = 200


def one_region(directory: Path) -> Result:
    """Serve many registries of one identity and region, and count the calls."""
    hosts = [
        f"{100_000_000_000 + number}.dkr.ecr.us-west-2.amazonaws.com"
        for number in range(_REGISTRIES)
    ]
    settings = directory / "refresher.yaml"
    settings.write_text(
        f"store: memory\n"
        f"providers: {{prod: {{type: ecr, registries: {json.dumps(hosts)}}}}}\n"
        f"sinks: {{docker: {{type: docker-config, path: config.json}}}}\n"
    )
    with AwsDouble() as aws:
        env = {**without_aws(os.environ), **aws.environment()}
        command = [installed("refresher"), "once", "--config", str(settings)]
        subprocess.run(
            command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        calls = aws.calls()
    return Result(f"{_REGISTRIES} registries of one region", calls, 1, "calls")
