"""``python -m local.aws``: runs the AWS half of the laptop cloud until SIGTERM or SIGINT.

Ready when GET /_ministack/health answers. Everything it says goes to ``aws.log`` in the state folder.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

ACCOUNT = "000000000000"


def main() -> None:
    arguments = _arguments()
    state, port = arguments.state.resolve(), arguments.port
    state.mkdir(parents=True, exist_ok=True)
    _check_port(port)
    _redirect_output(state / "aws.log")
    from local.aws import seam

    seam.prepare(port=port, region=arguments.region, account=ACCOUNT, state=state)
    asyncio.run(_run(arguments, state))
    shutil.rmtree(state / "tmp", ignore_errors=True)
    # MiniStack's threads may still wait for messages; nothing of theirs is worth waiting for.
    os._exit(0)


async def _run(arguments: argparse.Namespace, state: Path) -> None:
    from local.aws import iam_seam, processes, seam
    from local.aws.cloud import Cloud
    from local.aws.codebuild import CodeBuild
    from local.aws.sagemaker.service import SageMaker

    events = seam.EventSender(region=arguments.region, account=ACCOUNT)
    cloud = Cloud(
        port=arguments.port,
        region=arguments.region,
        account=ACCOUNT,
        state=state,
        cache=arguments.cache.resolve(),
        stop_grace=arguments.stop_grace,
        send=events.send,
    )
    seam.add_service("codebuild", "CodeBuild_20161006", CodeBuild(cloud).handle)
    seam.add_service("sagemaker", "SageMaker.", SageMaker(cloud).handle)
    iam_seam.mend()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = asyncio.create_task(seam.serve(arguments.port, stop))
    await asyncio.wait([server, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(cloud.processes.stop_all)
    await server
    processes.kill_own_children()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description="The AWS half of the laptop cloud.")
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="folder for everything that this cloud keeps")
    parser.add_argument("--cache", type=Path, required=True, help="folder for environments, shared by all clouds")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--stop-grace", type=float, default=120.0, help="seconds that a stopped job gets to end")
    return parser.parse_args()


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(f"port {port} cannot be used ({error.strerror}): stop what listens there or choose another --port")


def _redirect_output(log: Path) -> None:
    """Of this process and of children that inherit it."""
    sys.stdout.flush()
    sys.stderr.flush()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, sys.stdout.fileno())
    os.dup2(handle, sys.stderr.fileno())
    os.close(handle)


if __name__ == "__main__":
    main()
