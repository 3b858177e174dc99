"""Images without Docker: an unzipped context, an environment from its requirements, and its Dockerfile's ENV lines.

What ECR keeps of such an image is a small manifest that names the context's digest, so that an image is found by
nothing but its digest, by any cloud that shares the cache.
"""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ParamValidationError

from local.aws.archives import ArchiveError, unpack_zip, zip_digest
from local.aws.cloud import Cloud
from local.aws.environments import Builder, BuildError, building
from local.aws.logs import Sink
from local.aws.processes import Child

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

REQUIREMENTS = ("training/requirements.txt", "serving/requirements.txt", "model/requirements.txt")
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONTEXT = "mergemaker.context"
_ENVIRONMENT = "mergemaker.environment"
_ROOT = "/opt/mergemaker"
_URI = re.compile(r"(?P<registry>[^/]+)/(?P<repository>[^@:]+)(?:@(?P<digest>sha256:[0-9a-f]{64})|:(?P<tag>[\w.-]+))?")


@dataclass(frozen=True)
class Image:
    """What SageMaker needs to run a container of this image."""

    digest: str
    context: Path
    environment: Path
    variables: Mapping[str, str]
    """The Dockerfile's ENV lines, expanded; PATH among them."""


@dataclass(frozen=True)
class Reference:
    """An image's address, taken apart."""

    repository: str
    digest: str | None
    tag: str | None


def parse_reference(uri: str) -> Reference | None:
    """None for what is no ECR address of a tag or digest; no tag means ``latest``."""
    found = _URI.fullmatch(uri)
    if not found or ".dkr.ecr." not in found["registry"]:
        return None
    tag = found["tag"] or (None if found["digest"] else "latest")
    return Reference(found["repository"], found["digest"], tag)


def by_digest(uri: str, digest: str) -> str:
    """The address of the same repository's image `digest`."""
    registry, _, name = uri.partition("@")[0].rpartition("/")
    return f"{registry}/{name.partition(':')[0]}@{digest}"


def resolve(ecr: "ECRClient", uri: str) -> str | None:
    """The digest of an image in the cloud's ECR; None where there is none such."""
    manifest = _manifest(ecr, uri)
    return manifest and manifest[0]


def find(cloud: Cloud, ecr: "ECRClient", uri: str) -> Image:
    """As who pulls it sees it. Raises BuildError where it is not there or was not built by this cloud's CodeBuild."""
    found = _manifest(ecr, uri)
    if found is None:
        raise BuildError(f"image {uri} is not in ECR")
    digest, text = found
    try:
        notes = json.loads(text)["annotations"]
        context, environment = (
            cloud.cache / "contexts" / notes[_CONTEXT],
            cloud.cache / "environments" / notes[_ENVIRONMENT],
        )
    except (ValueError, KeyError, TypeError):
        raise BuildError(f"image {uri} cannot run on the laptop cloud: its CodeBuild has not built it") from None
    if not context.is_dir() or not environment.is_dir():
        raise BuildError(f"image {uri} has left the cache {cloud.cache}: build it again")
    return Image(digest, context, environment, _variables(context, environment))


def build(cloud: Cloud, archive: Path, log: Sink, watch: Callable[[Child], None]) -> str:
    """Builds the zipped context; returns the manifest for ECR. The same content gives the same manifest.

    Raises BuildError.
    """
    try:
        digest = zip_digest(archive)
        context = cloud.cache / "contexts" / digest
        with building(context) as folder:
            if folder is not None:
                unpack_zip(archive, folder)
                _check(folder)
    except ArchiveError as error:
        raise BuildError(str(error)) from None
    log(f"context {digest[:12]} unpacked")
    environment = Builder(cloud.cache, cloud.processes).environment(context, REQUIREMENTS, log, watch)
    return _new_manifest(digest, environment.name)


def manifest_digest(manifest: str) -> str:
    """The image's digest, as ECR computes it."""
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def _check(folder: Path) -> None:
    for file in ("Dockerfile", *REQUIREMENTS):
        if not (folder / file).is_file():
            raise BuildError(f"the build context has no {file}")


def _new_manifest(context: str, environment: str) -> str:
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": f"sha256:{context}", "size": 0}
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{environment}", "size": 0}
    notes = {_CONTEXT: context, _ENVIRONMENT: environment}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config,
        "layers": [layer],
        "annotations": notes,
    }
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"))


def _manifest(ecr: "ECRClient", uri: str) -> tuple[str, str] | None:
    reference = parse_reference(uri)
    if reference is None:
        return None
    try:
        answer = ecr.batch_get_image(
            repositoryName=reference.repository,
            imageIds=[
                {"imageDigest": reference.digest} if reference.digest else {"imageTag": reference.tag or "latest"}
            ],
        )
    except (ecr.exceptions.RepositoryNotFoundException, ParamValidationError):
        return None
    for image in answer["images"]:
        return image["imageId"]["imageDigest"], image["imageManifest"]
    return None


def _variables(context: Path, environment: Path) -> dict[str, str]:
    bin_folder = environment / "bin"
    base = {"PATH": f"{bin_folder}{os.pathsep}/usr/local/bin:/usr/bin:/bin", "VIRTUAL_ENV": str(environment)}
    return dockerfile_variables((context / "Dockerfile").read_text("utf-8"), base, root=context)


def dockerfile_variables(text: str, base: Mapping[str, str], *, root: Path) -> dict[str, str]:
    """The ENV lines of a Dockerfile's last stage on top of `base`, with /opt/mergemaker moved to `root`."""
    variables = dict(base)
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() == "FROM":
            variables = dict(base)
        elif word.upper() == "ENV":
            for pair in shlex.split(rest):
                name, _, value = pair.partition("=")
                variables[name] = _expand(value.replace(_ROOT, str(root)), variables)
    return variables


def _expand(value: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda m: variables.get(m[1] or m[2], ""), value)
