"""Starts a local Ray cluster of two nodes, prints how to reach it once it takes jobs, stops it on SIGTERM."""

import json
import signal
import socket
import threading

from ray.cluster_utils import Cluster
from ray.job_submission import JobSubmissionClient

READY_SECONDS = 60


def main() -> None:
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": True,
            "dashboard_port": free_port(),
            "dashboard_host": "127.0.0.1",
            "dashboard_agent_listen_port": free_port(),  # the usual one may belong to another cluster
        },
    )
    cluster.add_node(num_cpus=2, dashboard_agent_listen_port=free_port())
    cluster.wait_for_nodes()
    dashboard = f"http://{cluster.head_node.webui_url}"
    wait_for_job_agent(JobSubmissionClient(dashboard))
    print(json.dumps({"RAY_ADDRESS": cluster.address, "dashboard": dashboard}), flush=True)
    signal.sigwait({signal.SIGTERM})
    cluster.shutdown()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_job_agent(client: JobSubmissionClient) -> None:
    """The process that starts jobs comes up some seconds after the nodes."""
    for attempt in range(READY_SECONDS):
        try:
            client.submit_job(entrypoint="true")
            return
        except RuntimeError:
            if attempt == READY_SECONDS - 1:
                raise
            threading.Event().wait(1)


if __name__ == "__main__":
    main()
