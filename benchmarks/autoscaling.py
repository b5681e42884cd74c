"""Does `--workers auto` follow a cluster that grows? Ray's own autoscaler starts nodes as trials wait, and ends idle ones.

    python benchmarks/autoscaling.py

The nodes are processes of this machine: 0 at first, 3 of one CPU at most.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cluster.networks import Loopback
from cluster.ray_nodes import HEAD, Nodes
from ports import free_port

PROVIDER = "cluster.node_provider.LoopbackNodeProvider"
MOST, IDLE_SECONDS, TRIALS = 3, 20, 40
CONFIG = {
    "cluster_name": "growing",
    "max_workers": MOST,
    "upscaling_speed": 4,
    "idle_timeout_minutes": IDLE_SECONDS / 60,
    "auth": {},
    "docker": {},
    "head_node_type": "head",
    "available_node_types": {
        "head": {"resources": {}, "node_config": {}, "max_workers": 0},
        "worker": {
            "resources": {"CPU": 1},
            "node_config": {"cpus": 1},
            "min_workers": 0,
            "max_workers": MOST,
        },
    },
    **{key: {} for key in ("file_mounts", "head_node", "worker_nodes")},
    **{
        key: []
        for key in (
            *("cluster_synced_files", "rsync_exclude", "rsync_filter", "initialization_commands", "setup_commands"),
            *("head_setup_commands", "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"),
        )
    },
    "file_mounts_sync_continuously": False,
}


def main() -> None:
    """Runs a search on such a cluster, and watches its nodes."""
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        path = Path(folder)
        (path / "token").write_text(secrets.token_hex(16))
        port = free_port()
        provider = {
            "type": "external",
            "module": PROVIDER,
            "worker_liveness_check": False,
            "disable_node_updaters": True,
            "gcs_address": f"{Loopback().address(HEAD)}:{port}",
        }
        (path / "nodes.json").write_text(json.dumps(CONFIG | {"provider": provider}))
        extra = {"PYTHONPATH": str(Path(__file__).parent), "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        flags = ("--autoscaling-config", str(path / "nodes.json"))
        with Nodes(path, path / "token", extra, jobs=False, port=port, flags=flags) as nodes:
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path / "token")}
            import ray  # which reads the environment as it is imported

            ray.init(nodes.address, logging_level="ERROR", log_to_driver=False)
            search = ("search", "--storage", str(path / "runs"), "--name", "one", "--trials", str(TRIALS), "--max-epochs", "3")
            began, seen = time.monotonic(), [(0.0, 0)]
            surrounding = {name: value for name, value in nodes.environment.items() if name not in extra}
            with subprocess.Popen(
                [sys.executable, "-m", "tune", *search, "--address", nodes.address, "--json"],
                env=surrounding,
                stdout=subprocess.PIPE,
                text=True,
            ) as driver:
                ended = None
                while ended is None or (seen[-1][1] and time.monotonic() - ended < IDLE_SECONDS + 60):
                    cpus = int(sum(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]))
                    if cpus != seen[-1][1]:
                        seen.append((round(time.monotonic() - began, 1), cpus))
                        print(f"{seen[-1][0]:6.1f} s  {cpus} nodes", flush=True)
                    if ended is None and driver.poll() is not None:
                        ended = time.monotonic()
                        print(f"{ended - began:6.1f} s  the search has ended, {driver.returncode}", flush=True)
                    time.sleep(0.5)
            about = json.loads((path / "runs/one/search.json").read_text())
            result = json.loads((path / "runs/one/result.json").read_text())
            ray.shutdown()
    print(json.dumps({"nodes": seen, "trials": result["trials"], "workers": about["workers"]}))


if __name__ == "__main__":
    main()
