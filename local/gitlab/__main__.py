"""``python -m local.gitlab --port PORT --state DIR --token TOKEN``: serves until SIGTERM or Ctrl-C."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from local.gitlab.app import create_app
from local.gitlab.instance import Instance

HOST = "127.0.0.1"


class QuietHandler(WSGIRequestHandler):
    """The app writes its own log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    state: Path = options.state
    state.mkdir(parents=True, exist_ok=True)
    _log_to(state / "gitlab.log")
    app = create_app(state, options.token, f"http://{HOST}:{options.port}")
    server = make_server(HOST, options.port, app, threaded=True, request_handler=QuietHandler)
    _stop_on_signals(server)
    print(f"GitLab stand-in on http://{HOST}:{options.port}, state in {state}", flush=True)
    server.serve_forever()
    server.server_close()
    at: Instance = app.extensions["gitlab"]
    at.store.close()
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.gitlab", description="A GitLab stand-in on this machine.")
    parser.add_argument("--port", type=int, required=True, help="the port on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="the folder that keeps everything")
    parser.add_argument("--token", required=True, help="the access token that clients must send")
    return parser.parse_args(arguments)


def _log_to(file: Path) -> None:
    logging.basicConfig(filename=file, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


def _stop_on_signals(server: BaseWSGIServer) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this very thread runs.
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main())
