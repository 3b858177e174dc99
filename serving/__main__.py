"""``python -m serving``: what an endpoint's container runs. SIGTERM finishes the requests under way, then stops."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from serving.app import create_app
from serving.logs import CONFIG

# SageMaker kills a container 30 seconds after SIGTERM.
_GRACE_SECONDS = 25

_THREADS = 4
"""Per worker: a few requests wait for the network while one predicts; more would only take turns."""


@dataclass(frozen=True)
class Place:
    """Where to listen, how widely, and where the model is."""

    host: str
    port: int
    workers: int
    model_dir: Path


def read_place(environ: Mapping[str, str]) -> Place:
    """From SageMaker's own variables, and one of ours. Raises ValueError for what is no number."""
    return Place(
        host=environ.get("MERGEMAKER_BIND_HOST", "0.0.0.0"),  # noqa: S104 - a container is reached from outside
        port=int(environ.get("SAGEMAKER_BIND_TO_PORT", "8080")),
        workers=int(environ.get("SAGEMAKER_MODEL_SERVER_WORKERS", "0")) or len(os.sched_getaffinity(0)),
        model_dir=Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model",
    )


def main() -> None:
    try:
        place = read_place(os.environ)
    except ValueError as error:
        sys.exit(f"serving: SAGEMAKER_BIND_TO_PORT and SAGEMAKER_MODEL_SERVER_WORKERS must be numbers: {error}")
    server = Granian(
        "serving",
        address=place.host,
        port=place.port,
        interface=Interfaces.WSGI,
        workers=place.workers,
        blocking_threads=_THREADS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE_SECONDS,
        log_dictconfig=CONFIG,
    )

    def load() -> Flask:
        # granian's handler of the parent is inherited and only raises a flag there: without this, a worker that is
        # told to stop while it loads would go on
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return create_app(place.model_dir)

    server.serve(target_loader=load, wrap_loader=False)


if __name__ == "__main__":
    main()
