"""Images: kept in ECR, built by CodeBuild."""

import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import Clients, calling, code_of
from mergemaker.domain.errors import RefusedError, UsageError
from mergemaker.domain.names import Names

if TYPE_CHECKING:
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_codebuild.type_defs import BuildTypeDef
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_logs import CloudWatchLogsClient

TAG_VARIABLE = "IMAGE_TAG"
_HINT = "has `cdk deploy` run for this project, account and region?"
_LOG_LINES = 20
_ECR = re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


class BuiltImages:
    """`ports.Images` over one repository and one CodeBuild project."""

    def __init__(self, clients: Clients, names: Names) -> None:
        self._clients, self._names = clients, names

    @property
    def _ecr(self) -> "ECRClient":
        client: ECRClient = self._clients("ecr")
        return client

    @property
    def _builds(self) -> "CodeBuildClient":
        """Made only where an image is missing: most runs find theirs."""
        client: CodeBuildClient = self._clients("codebuild")
        return client

    def find(self, tag: str) -> str | None:
        names = self._names
        with calling(f"ECR repository {names.repository}", _HINT):
            try:
                found = self._ecr.describe_images(repositoryName=names.repository, imageIds=[{"imageTag": tag}])
            except ClientError as error:
                if code_of(error) == "ImageNotFoundException":
                    return None
                raise
        details = found["imageDetails"]
        return f"{names.registry}/{names.repository}@{details[0]['imageDigest']}" if details else None

    def resolve(self, address: str) -> str:
        """By BatchGetImage, which AWS's own registries let every account call."""
        place, _, tag = address.rpartition(":")
        host, _, repository = place.partition("/")
        registry = _ECR.fullmatch(host)
        if "@" in address or registry is None:
            return address
        if registry["region"] != self._names.region:
            raise UsageError(
                f"image {address} is in {registry['region']}, and SageMaker takes those of {self._names.region}: see "
                "`mergemaker image resolve`"
            )
        with calling(f"image {address}"):
            try:
                found = self._ecr.batch_get_image(
                    registryId=registry["account"], repositoryName=repository, imageIds=[{"imageTag": tag}]
                )["images"]
            except ClientError as error:
                if code_of(error) == "AccessDeniedException":
                    return address
                if code_of(error) != "RepositoryNotFoundException":
                    raise
                found = []
        if not found:
            raise RefusedError(f"there is no image {address}: see `mergemaker image resolve`")
        return f"{place}@{found[0]['imageId']['imageDigest']}"

    def build(self, tag: str, *, context: str) -> None:
        """The token is made of the last build that ended: two who ask at once say the same, one who tries again after
        a failure says something new."""
        with calling(f"CodeBuild project {self._names.image_builder}", _HINT):
            last = self._last_build(tag)
            if last and last.get("buildStatus") == "IN_PROGRESS":
                return
            after = last["id"].rpartition(":")[2] if last else "first"
            self._builds.start_build(
                projectName=self._names.image_builder,
                sourceTypeOverride="S3",
                sourceLocationOverride=f"{self._names.bucket}/{context}",
                environmentVariablesOverride=[{"name": TAG_VARIABLE, "value": tag, "type": "PLAINTEXT"}],
                idempotencyToken=f"{tag}-{after}"[:128],
            )

    def _last_build(self, tag: str) -> "BuildTypeDef | None":
        """The newest build of `tag` among the project's last 100."""
        ids = self._builds.list_builds_for_project(projectName=self._names.image_builder, sortOrder="DESCENDING")["ids"]
        if not ids:
            return None
        builds = self._builds.batch_get_builds(ids=ids[:100])["builds"]
        ours = [build for build in builds if tag in _variables(build)]
        return max(ours, key=lambda build: build["startTime"], default=None)

    def building(self, tag: str) -> bool:
        with calling(f"CodeBuild project {self._names.image_builder}", _HINT):
            last = self._last_build(tag)
        return last is not None and last.get("buildStatus") == "IN_PROGRESS"

    def failure(self, build: str) -> str | None:
        build_id = build.rpartition("/")[2]
        with calling(f"build {build_id}"):
            found = self._builds.batch_get_builds(ids=[build_id])["builds"]
            if not found:
                return f"build {build_id} is gone"
            status = found[0]["buildStatus"]
            if status in ("SUCCEEDED", "IN_PROGRESS"):
                return None
            return "\n".join([f"build {build_id} ended as {status}", *self._log_tail(found[0])])

    def _log_tail(self, build: "BuildTypeDef") -> list[str]:
        log = build.get("logs", {})
        group, stream = log.get("groupName"), log.get("streamName")
        if not group or not stream:
            return []
        try:
            logs: CloudWatchLogsClient = self._clients("logs")
            found = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=_LOG_LINES)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return []
            raise
        return [event["message"].rstrip() for event in found["events"]]


def _variables(build: "BuildTypeDef") -> list[str]:
    variables = build.get("environment", {}).get("environmentVariables", [])
    return [variable["value"] for variable in variables if variable["name"] == TAG_VARIABLE]
