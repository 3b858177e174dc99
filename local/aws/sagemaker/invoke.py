"""sagemaker-runtime's InvokeEndpoint."""

import http.client
import re
from urllib.parse import unquote

from local.aws.answer import Answer, Request
from local.aws.cloud import Cloud
from local.aws.errors import AwsError
from local.aws.sagemaker.endpoints import Endpoints
from local.aws.sagemaker.fleet import Fleet, Member

TIMEOUT = 60.0
"""Seconds that SageMaker gives a container to answer."""
BODY_MAX = 25 * 1024 * 1024
_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


class Runtime:
    """Hands a request to the container of the endpoint, and its answer back."""

    def __init__(self, cloud: Cloud, endpoints: Endpoints) -> None:
        self._cloud, self._endpoints = cloud, endpoints

    def endpoint(self, request: Request) -> str:
        """The name of the endpoint that the request asks. Raises AwsError."""
        found = _PATH.fullmatch(request.path)
        if request.method != "POST" or not found:
            raise AwsError("UnknownOperationException", f"the laptop cloud has no {request.method} {request.path}")
        return unquote(found[1])

    def handle(self, name: str, request: Request) -> Answer:
        """Raises AwsError; what the model answers with 4xx or 5xx is ModelError."""
        if len(request.body) > BODY_MAX:
            raise AwsError("ValidationError", f"Request body is larger than {BODY_MAX} bytes", status=413)
        return self._invoke(name, request)

    def _invoke(self, name: str, request: Request) -> Answer:
        serving = self._endpoints.serving(name)
        if serving is None:
            raise AwsError("ValidationError", f"Endpoint {name} of account {self._cloud.account} not found.")
        fleet, weights = serving
        try:
            return self._ask(name, fleet, weights, request)
        finally:
            fleet.leave()

    def _ask(self, name: str, fleet: Fleet, weights: dict[str, float], request: Request) -> Answer:
        variant = request.headers.get("x-amzn-sagemaker-target-variant")
        member = fleet.member(variant, weights)
        if member is None:
            raise AwsError("ValidationError", f"Variant {variant} not found in endpoint {name}.")
        try:
            return self._answer(name, member, *_forward(member, request))
        except (OSError, http.client.HTTPException) as error:
            raise self._model_error(name, 0, f"the container did not answer: {error}") from None

    def _answer(self, name: str, member: Member, status: int, headers: dict[str, str], body: bytes) -> Answer:
        if status >= 400:
            raise self._model_error(name, status, body.decode("utf-8", "replace"))
        answer = {
            "content-type": headers.get("content-type", "application/octet-stream"),
            "x-amzn-invoked-production-variant": member.spec.variant,
        }
        if _ATTRIBUTES in headers:
            answer[_ATTRIBUTES] = headers[_ATTRIBUTES]
        return Answer(200, answer, body)

    def _model_error(self, name: str, status: int, message: str) -> AwsError:
        side = "client" if 400 <= status < 500 else "server"
        group = f"/aws/sagemaker/Endpoints/{name}"
        region, account = self._cloud.region, self._cloud.account
        link = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
        return AwsError(
            "ModelError",
            f'Received {side} error ({status}) from primary with message "{message[:1000]}". '
            f"See {link} in account {account} for more information.",
            status=424,
            extra={
                "OriginalStatusCode": status,
                "OriginalMessage": message,
                "LogStreamArn": self._cloud.arn(f"log-group:{group}", service="logs"),
            },
        )


def _forward(member: Member, request: Request) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", member.container.port, timeout=TIMEOUT)
    headers = {"Content-Type": request.headers.get("content-type", "application/octet-stream")}
    # botocore renames Accept, which every HTTP client sends, to a header of SageMaker's own.
    if accept := request.headers.get("x-amzn-sagemaker-accept", request.headers.get("accept")):
        headers["Accept"] = accept
    if attributes := request.headers.get(_ATTRIBUTES):
        headers[_ATTRIBUTES] = attributes
    try:
        connection.request("POST", "/invocations", body=request.body, headers=headers)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()
