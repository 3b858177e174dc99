"""The functions' log: a line is a JSON object that names the run and the merge request, and holds no secret."""

import json
import logging
import os
import re
import sys
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from mergemaker.domain.about import fields

HIDDEN = "(hidden)"
_SHORTEST = 8
"""Characters: what is shorter is no secret of ours, and would blank words."""
_GITLAB_TOKEN = re.compile(r"\bgl[a-z]{2,6}-[\w.-]{16,}", re.ASCII)
_secrets: set[str] = set()


def set_up() -> None:
    """For all lines of the process, those of libraries and Python's warnings included."""
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        hide(os.environ.get(name, ""))
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Line(json_serializer=_serialized, utc=True, use_rfc3339=True, serialize_stacktrace=False))
    handler.addFilter(_say_what_about)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)  # libraries
    logging.getLogger("mergemaker").setLevel(logging.INFO)
    logging.captureWarnings(True)


def hide(secret: str) -> str:
    """`secret`; no line that is logged from now on contains it."""
    if len(secret) >= _SHORTEST:
        _secrets.update((secret, json.dumps(secret)[1:-1]))
    return secret


def _say_what_about(record: logging.LogRecord) -> bool:
    for key, value in fields().items():
        record.__dict__.setdefault(key, value)
    return True


def _serialized(line: object) -> str:
    """ASCII only: a name from outside can't move a terminal's cursor, or be what no encoding can write."""
    text = json.dumps(line, default=str)
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    return _GITLAB_TOKEN.sub(HIDDEN, text)


class _Line(LambdaPowertoolsFormatter):
    """Powertools' line, whose message is text: it would read one that looks like JSON."""

    def _extract_log_message(self, log_record: logging.LogRecord) -> Any:
        return log_record.getMessage()
