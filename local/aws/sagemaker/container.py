"""A serving container: the image's ``serve`` as a process on a free port, started again when it dies."""

import http.client
import socket
import threading
import time
from pathlib import Path

from local.aws import processes
from local.aws.cloud import Cloud
from local.aws.images import Image
from local.aws.logs import LogStream, pump
from local.aws.processes import Child
from local.aws.sagemaker.opt_ml import as_opt_ml

_RESTART_PAUSES = (0.2, 1.0, 5.0, 30.0)
"""Seconds before each restart; the last goes on."""
STEADY_SECONDS = 60.0
"""A server that ran for as long begins with the shortest pause again."""


class Container:
    """One server with its model below `base`. It knows of AWS what its environment says."""

    def __init__(self, cloud: Cloud, image: Image, base: Path, environment: dict[str, str], log: LogStream) -> None:
        self._cloud, self._image, self._base, self._log = cloud, image, base, log
        self._environment = environment
        self.port = _free_port()
        self._child: Child | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Raises OSError when there is no process to be had."""
        self._child = self._spawn()

    def ready(self, seconds: float) -> bool:
        """Whether it answered /ping with 200 within `seconds`; False at once when it ended before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._stopping.is_set():
            self._log.flush_if_due()
            if self._child is None or self._child.poll() is not None:
                break
            if self._ping():
                return True
            time.sleep(0.05)
        self._log.flush()
        return False

    def keep_alive(self) -> None:
        """Starts it again whenever it ends, until `stop`."""
        threading.Thread(target=self._keep_alive, daemon=True, name="container").start()

    def stop(self) -> None:
        self._stopping.set()
        if self._child is not None:
            processes.stop(self._child, 5.0)
        self._log.flush()

    def _keep_alive(self) -> None:
        restarts, started = 0, time.monotonic()
        while not self._stopping.is_set():
            if self._child is not None and not processes.wait(self._child, 0.2):
                self._log.flush_if_due()
                continue
            if time.monotonic() - started > STEADY_SECONDS:
                restarts = 0
            if self._stopping.wait(_RESTART_PAUSES[min(restarts, len(_RESTART_PAUSES) - 1)]):
                return
            restarts, started = restarts + 1, time.monotonic()
            self._log.write("the container ended and is started again")
            self._respawn()

    def _respawn(self) -> None:
        try:
            child = self._spawn()
        except OSError as error:
            self._log.write(f"the container cannot start: {error}")
            return
        self._child = child
        if self._stopping.is_set():
            processes.stop(child, 0.0)

    def _spawn(self) -> Child:
        (self._base / "tmp").mkdir(exist_ok=True)
        env = {
            "HOME": str(self._base),
            "TMPDIR": str(self._base / "tmp"),
            "LANG": "C.UTF-8",
            **self._image.variables,
            **self._environment,
            "SAGEMAKER_BASE_DIR": str(self._base),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "MERGEMAKER_BIND_HOST": "127.0.0.1",
        }
        command = as_opt_ml(self._base, ["/usr/bin/env", "serve"])
        child = self._cloud.processes.start(command, env=env, cwd=self._base)
        assert child.stdout is not None
        pump(child.stdout, self._log.write)
        return child

    def _ping(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
