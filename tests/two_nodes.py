"""Starts a local Ray cluster of two nodes, prints how to reach it, and stops it when told to (SIGTERM)."""

import json
import signal
import sys

from ray.cluster_utils import Cluster


def main() -> None:
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": True, "dashboard_port": 0, "dashboard_host": "127.0.0.1"},
    )
    cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    dashboard = f"http://{cluster.head_node.webui_url}"
    print(json.dumps({"RAY_ADDRESS": cluster.address, "dashboard": dashboard}), flush=True)
    signal.sigwait({signal.SIGTERM})
    cluster.shutdown()
    sys.exit(0)


if __name__ == "__main__":
    main()
