"""Size: many environments, and answers that are quick enough to measure a client by."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.__main__ import fill
from tests.doubles.rancher.conftest import Client, Connect

ENVIRONMENTS = 1000
REGISTRIES = 10


def test_a_list_is_quick_among_many(rancher: RancherDouble, connect: Connect) -> None:
    """Ten registries of one among a thousand environments take the server less than 2 ms."""
    fill(rancher, ENVIRONMENTS, REGISTRIES)
    client = connect(rancher.admin_key().pair)
    projects = client.get("/projects?all=true&limit=-1").json()["data"]
    assert len(projects) == ENVIRONMENTS
    for _ in range(30):
        listed = client.get(f"/projects/{projects[-1]['id']}/registries").json()["data"]
        assert len(listed) == REGISTRIES
    # The best of many: other processes of the host take their time, too.
    assert min(asked.seconds for asked in rancher.asked(kind="registry")) < 0.002


def test_many_clients_at_once_lose_nothing(rancher: RancherDouble, connect: Connect) -> None:
    """Each write is kept, and each request counted."""
    fill(rancher, 8, 5)
    clients = {number: connect(rancher.admin_key().pair) for number in range(8)}

    def rotate(environment: int, client: Client) -> None:
        for number in range(environment * 5 + 1, environment * 5 + 6):
            path = f"/projects/1a{environment + 5}/registrycredentials/1c{number}"
            assert client.put(path, {"secretValue": f"new-{number}"}).status_code == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(rotate, clients.keys(), clients.values()))
    for number in range(1, 41):
        assert rancher.credential(f"1c{number}").fields["secretValue"] == f"new-{number}"
    assert [rancher.writes(f"1a{number}") for number in range(5, 13)] == [5] * 8


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """For measurements: it tells its URL and a key, and serves what was asked for."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "tests.doubles.rancher", "--ready-file", str(ready)]
    options = ["--environments", "3", "--registries", "2", "--seconds", "0.01"]
    process = subprocess.Popen([*command, *options], cwd=Path(__file__).parents[3])
    try:
        for _ in range(1000):
            if ready.exists():
                break
            time.sleep(0.02)
        told = json.loads(ready.read_text())
        with requests.Session() as session:
            session.trust_env = False
            session.auth = (told["access_key"], told["secret_key"])
            url = f"{told['url']}/v2-beta/projects/1a7/registries"
            listed = session.get(url, timeout=10).json()["data"]
        addresses = [row["serverAddress"] for row in listed]
        assert addresses == ["registry-0.example", "registry-1.example"]
    finally:
        process.kill()
        process.wait()
