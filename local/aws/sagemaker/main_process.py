"""What a container of a job runs: one process that sees its folder as /opt/ml, and its log."""

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread

from local.aws import processes
from local.aws.clients import Clients
from local.aws.cloud import Cloud
from local.aws.images import Image
from local.aws.logs import LogStream, Sink, pump
from local.aws.processes import Child
from local.aws.sagemaker.opt_ml import as_opt_ml


class MainProcess:
    """Works with the rights of the job's role. `start`, and `close` in any case."""

    def __init__(self, cloud: Cloud, role: Clients, *, group: str, stream: str) -> None:
        """`stream` is what the log stream's name begins with; SageMaker adds the time."""
        self._cloud, self._role = cloud, role
        self._log = LogStream(role.logs, group, f"{stream}-{int(time.time())}")
        self._child: Child | None = None
        self._reader: Thread | None = None

    def start(
        self,
        image: Image,
        command: Sequence[str],
        *,
        base: Path,
        environment: Mapping[str, str],
        read: Sequence[Sink] = (),
    ) -> None:
        """`environment` wins over the image's; `read` gets each line of the log. Raises OSError when there is no
        process to be had."""
        env = {
            "HOME": str(base),
            "TMPDIR": str(base / "tmp"),
            "LANG": "C.UTF-8",
            # Gloo would take the interface that the machine's own name stands for.
            "GLOO_SOCKET_IFNAME": "lo",
            **image.variables,
            **self._role.variables,
            **environment,
        }
        # Through env, which searches the PATH that the container will have.
        whole = as_opt_ml(base, ["/usr/bin/env", *command])
        self._child = self._cloud.processes.start(whole, env=env, cwd=base)
        assert self._child.stdout is not None
        self._reader = pump(self._child.stdout, *read, self._log.write)

    def look(self) -> int | None:
        """The exit code, once it has ended. Meanwhile the log is brought up to date."""
        self._log.flush_if_due()
        return None if self._child is None or self._child.poll() is None else processes.exit_code(self._child)

    def stop(self, grace: float) -> None:
        if self._child is not None:
            processes.stop(self._child, grace)

    def close(self) -> None:
        """Ends what is left of it: workers that outlived the main process would keep its output open."""
        if self._child is not None:
            processes.signal_group(self._child, signal.SIGKILL)
            processes.wait(self._child, 10.0)
        if self._reader is not None:
            self._reader.join(30)
        self._log.flush()
