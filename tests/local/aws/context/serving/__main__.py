"""The smallest server that keeps the container's contract: it answers what its model says, or fails as it says."""

import http.server
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

MODEL = Path(os.environ["SAGEMAKER_BASE_DIR"], "model", "answer.txt")
ANSWER = MODEL.read_text().strip()


def script() -> ModuleType | None:
    """The user's functions, where a variable says that there are some: found as AWS's XGBoost image finds them."""
    program = os.environ.get("SAGEMAKER_PROGRAM")
    if program is None:
        return None
    sys.path.insert(0, os.environ["SAGEMAKER_SUBMIT_DIRECTORY"])
    return importlib.import_module(program.removesuffix(".py"))


SCRIPT = script()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.reply(503 if ANSWER == "sick" else 200, b"", {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"die":
            os._exit(3)
        if body == b"bad":
            self.reply(400, b'{"error": "no such row"}', {"Content-Type": "application/json"})
            return
        if body == b"key?":
            self.reply(200, os.environ.get("AWS_ACCESS_KEY_ID", "none").encode(), {})
            return
        if SCRIPT is not None:
            self.reply(200, SCRIPT.predict_fn(body.decode(), ANSWER).encode(), {})
            return
        attributes = self.headers.get("X-Amzn-SageMaker-Custom-Attributes", "")
        seen = [ANSWER, os.environ["GREETING"], os.environ.get("EXTRA", ""), self.headers["Content-Type"]]
        text = "|".join([*seen, self.headers.get("Accept", ""), body.decode()])
        self.reply(200, text.encode(), {"Content-Type": "text/csv", "X-Amzn-SageMaker-Custom-Attributes": attributes})

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if ANSWER == "broken":
        sys.exit("this model does not load")
    address = (os.environ["MERGEMAKER_BIND_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    print("serving", ANSWER, flush=True)
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()
