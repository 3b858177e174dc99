"""CodeBuild's StartBuild and StopBuild, made real for images; all else is MiniStack's own CodeBuild.

A build's record is MiniStack's, so that BatchGetBuilds and ListBuilds show it; this module writes its progress.
"""

import json
import logging
import signal
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import access, build_record, codebuild_access, images, processes, seam
from local.aws.answer import Answer, Request
from local.aws.clients import Clients
from local.aws.cloud import Cloud
from local.aws.codebuild_events import state_change
from local.aws.environments import BuildError
from local.aws.errors import AwsError
from local.aws.logs import LogStream
from local.aws.processes import Child
from local.aws.protocol import parse, service_model

TOKEN_SECONDS = 300
"""How long CodeBuild remembers an idempotency token."""

Record = build_record.Record


@dataclass
class Build:
    """A build that runs, or ran."""

    record: Record
    request: Record
    started: float = field(default_factory=time.monotonic)
    stopped: threading.Event = field(default_factory=threading.Event)
    child: Child | None = None

    def watch(self, child: Child) -> None:
        self.child = child
        if self.stopped.is_set():
            processes.signal_group(child, signal.SIGKILL)

    def stop(self) -> None:
        self.stopped.set()
        if self.child is not None:
            processes.signal_group(self.child, signal.SIGKILL)


class CodeBuild:
    """The handler of all CodeBuild requests."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._builds: dict[str, Build] = {}
        self._tokens: dict[tuple[str, str], Build] = {}
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Answer:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            params = _params(operation, request)
            access.require(request, codebuild_access.checks(operation, params, self._arn))
            if operation == "StartBuild":
                return _json({"build": self._start(params)})
            if operation == "StopBuild":
                self._stop(params["id"])
        except AwsError as error:
            return error.answer()
        return seam.ministack_codebuild(request)

    def _arn(self, resource: str) -> str:
        return self._cloud.arn(resource, service="codebuild")

    def _start(self, params: Record) -> Record:
        with self._lock:
            known = self._known(params)
            if known is not None:
                return build_record.copy(known.record)
            record = seam.new_build(params["projectName"])
            if record is None:
                arn = self._arn(f"project/{params['projectName']}")
                raise AwsError("ResourceNotFoundException", f"Project cannot be found: {arn}")
            build_record.begin(record, params)
            build = Build(record, params)
            self._builds[record["id"]] = build
            if token := params.get("idempotencyToken"):
                self._tokens[params["projectName"], token] = build
            answer = build_record.copy(record)
        threading.Thread(target=self._run, args=(build,), daemon=True, name="build").start()
        return answer

    def _known(self, params: Record) -> Build | None:
        build = self._tokens.get((params["projectName"], params.get("idempotencyToken") or ""))
        if build is None or time.monotonic() - build.started > TOKEN_SECONDS:
            return None
        if build.request != params:
            raise AwsError("InvalidInputException", "Parameters mismatch: this idempotency token started another build")
        return build

    def _stop(self, build_id: str) -> None:
        build = self._builds.get(build_id)
        if build is not None and build.record["buildStatus"] == "IN_PROGRESS":
            build.stop()

    def _run(self, build: Build) -> None:
        """With the rights of the project's role; where CodeBuild may not take it, there is not even a log."""
        self._tell(build)
        try:
            role = self._cloud.assumed(build.record["serviceRole"], "codebuild")
            status = self._logged(build, role)
        except AwsError as error:
            logging.getLogger("local.aws").warning("build %s: %s", build.record["id"], error)
            status = "FAILED"
        build_record.end_phase(build.record, "SUCCEEDED" if status == "SUCCEEDED" else "FAILED")
        build_record.finish(build.record, status)
        self._tell(build)

    def _logged(self, build: Build, role: Clients) -> str:
        """The build's status. The log is whole before anybody can see that the build has ended."""
        logs = build.record["logs"]
        log = LogStream(role.logs, logs["groupName"], logs["streamName"])
        status = "SUCCEEDED"
        try:
            self._build(build, role, log)
        except BuildError as error:
            status = "STOPPED" if build.stopped.is_set() else "FAILED"
            log.write(str(error))
        except (ClientError, BotoCoreError, OSError) as error:
            status = "FAILED"
            log.write(f"the build failed: {error}")
        log.flush()
        return status

    def _build(self, build: Build, role: Clients, log: LogStream) -> None:
        def write(line: str) -> None:
            log.write(line)
            log.flush_if_due()

        tag = build_record.variables(build.record).get("IMAGE_TAG", "")
        with tempfile.TemporaryDirectory(prefix="build-") as folder:
            archive = Path(folder, "context.zip")
            build_record.next_phase(build.record, "DOWNLOAD_SOURCE")
            _download(role, build.record["source"], archive)
            build_record.next_phase(build.record, "BUILD")
            manifest = images.build(self._cloud, archive, tag=tag, log=write, watch=build.watch)
        if build.stopped.is_set():
            raise BuildError("the build was stopped")
        build_record.next_phase(build.record, "POST_BUILD")
        self._push(build.record, role, manifest, tag=tag, log=log)

    def _push(self, record: Record, role: Clients, manifest: str, *, tag: str, log: LogStream) -> None:
        """To the repository that the project is named after: ``<project>-image`` builds for ``<project>``."""
        repository = record["projectName"].removesuffix("-image")
        uri = f"{self._cloud.account}.dkr.ecr.{self._cloud.region}.amazonaws.com/{repository}:{tag}"
        ecr = role.ecr
        try:
            ecr.put_image(
                repositoryName=repository,
                imageManifest=manifest,
                imageManifestMediaType=images.MANIFEST_TYPE,
                imageTag=tag,
            )
        except ecr.exceptions.ImageTagAlreadyExistsException:
            before = images.resolve(ecr, uri)
            if before != images.manifest_digest(manifest):
                raise BuildError(f"tag {tag} is immutable and holds another image, {before}") from None
        log.write(f"pushed {uri} {images.manifest_digest(manifest)}")

    def _tell(self, build: Build) -> None:
        self._cloud.send(*state_change(build.record))


def _download(role: Clients, source: Record, target: Path) -> None:
    bucket, _, key = source.get("location", "").removeprefix("arn:aws:s3:::").partition("/")
    if source.get("type") != "S3" or not key:
        raise BuildError("the laptop cloud builds from S3: set sourceTypeOverride and sourceLocationOverride")
    role.s3.download_file(bucket, key, str(target))


def _params(operation: str, request: Request) -> Record:
    try:
        return parse(service_model("codebuild").operation_model(operation), request.body)
    except AwsError as error:
        raise AwsError("InvalidInputException", error.message) from None


def _json(body: Record) -> Answer:
    return Answer(200, {"content-type": "application/x-amz-json-1.1"}, json.dumps(body).encode())
