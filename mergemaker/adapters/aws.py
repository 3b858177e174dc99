"""Calls to AWS: clients as we want them, and botocore's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError
from botocore.utils import parse_timestamp

from mergemaker.adapters.causes import cause_of
from mergemaker.domain.errors import RetryableError, ServiceError

_PASSING = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})


class Clients:
    """boto3's clients in one region, each made once, when it is first asked for. Their calls end in bounded time."""

    def __init__(self, region: str) -> None:
        with calling("AWS's configuration"):
            core = botocore.session.get_session()
            core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
            self._session = boto3.session.Session(region_name=region, botocore_session=core)
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """Typed where it is handed to."""
        if service not in self._made:
            with calling(f"AWS's {service}"):
                try:
                    self._made[service] = self._session.client(service, config=_CONFIG)  # type: ignore[call-overload]
                except ValueError as error:  # an address that is none
                    raise ServiceError(f"AWS's configuration: {error}: see AWS_ENDPOINT_URL") from error
        return self._made[service]


def _time(value: Any) -> datetime:
    """botocore's own tries dateutil first: of an object in a listing, that takes longer than all the rest."""
    if isinstance(value, str) and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    return parse_timestamp(value)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


@contextmanager
def calling(what: str, hint: str = "") -> Iterator[None]:
    """Turns botocore's errors into ours, in one line that begins with `what` and ends in `hint`; each may be empty."""
    head, tail = f"{what}: " if what else "", f": {hint}" if hint else ""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = RetryableError if code_of(error) in _PASSING or status >= 500 else ServiceError
        raise kind(f"{head}AWS says {code_of(error)}: {message_of(error)}{tail}") from error
    except NoCredentialsError as error:
        raise ServiceError(
            f"{head}no AWS credentials: a CI job assumes a role; elsewhere run `aws sso login` or set AWS_PROFILE"
        ) from error
    except (HTTPClientError, ConnectionError) as error:
        address = getattr(error, "kwargs", {}).get("endpoint_url", "its address")
        raise RetryableError(f"{head}AWS can't be reached at {address}: {cause_of(error)}") from error
    except BotoCoreError as error:
        raise ServiceError(f"{head}{error}{tail}") from error
