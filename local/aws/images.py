"""Images without Docker: what a Dockerfile copies, in a folder that stands for the image's root, and an environment of
what it installs.

What ECR keeps of such an image is a small manifest that names the context's digest, so that an image is found by
nothing but its digest, by any cloud that shares the cache.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ParamValidationError

from local.aws import recipe
from local.aws.archives import ArchiveError, unpack_zip, zip_digest
from local.aws.cloud import Cloud
from local.aws.environments import Builder, BuildError, building
from local.aws.logs import Sink, pump
from local.aws.processes import Child

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONTEXT = "mergemaker.context"
_ENVIRONMENT = "mergemaker.environment"
_CHECK = Path(__file__).parents[2] / "infra" / "check_context.sh"
"""What CodeBuild runs before it builds."""
_URI = re.compile(r"(?P<registry>[^/]+)/(?P<repository>[^@:]+)(?:@(?P<digest>sha256:[0-9a-f]{64})|:(?P<tag>[\w.-]+))?")


@dataclass(frozen=True)
class Image:
    """What SageMaker needs to run a container of this image."""

    digest: str
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
        folder, environment = _folder(cloud, notes[_CONTEXT]), cloud.cache / "environments" / notes[_ENVIRONMENT]
    except (ValueError, KeyError, TypeError):
        raise BuildError(f"image {uri} cannot run on the laptop cloud: its CodeBuild has not built it") from None
    if not folder.is_dir() or not environment.is_dir():
        raise BuildError(f"image {uri} has left the cache {cloud.cache}: build it again")
    return Image(digest, recipe.read(folder / "context").variables(folder / "root", environment))


def build(cloud: Cloud, archive: Path, *, tag: str, log: Sink, watch: Callable[[Child], None]) -> str:
    """Builds the zipped context for `tag`; returns the manifest for ECR. The same content gives the same manifest.

    Raises BuildError.
    """
    try:
        digest = zip_digest(archive)
        # Not in the cache, where what runs may leave compiled code.
        with tempfile.TemporaryDirectory(prefix="context-") as unpacked:
            unpack_zip(archive, Path(unpacked))
            _check(cloud, Path(unpacked), tag=tag, log=log)
        with building(_folder(cloud, digest)) as folder:
            if folder is not None:
                unpack_zip(archive, folder / "context")
                recipe.read(folder / "context").lay_out(folder / "context", folder / "root")
    except ArchiveError as error:
        raise BuildError(str(error)) from None
    log(f"context {digest[:12]} unpacked")
    context = _folder(cloud, digest) / "context"
    installs = recipe.read(context, log).installs
    environment = Builder(cloud.cache, cloud.processes).environment(context, installs, log, watch)
    return _new_manifest(digest, environment.name)


def _folder(cloud: Cloud, digest: str) -> Path:
    """Where an image's ``context`` and ``root`` are."""
    return cloud.cache / "images" / digest


def manifest_digest(manifest: str) -> str:
    """The image's digest, as ECR computes it."""
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def _check(cloud: Cloud, folder: Path, *, tag: str, log: Sink) -> None:
    """As CodeBuild does, with its own script."""
    child = cloud.processes.start(
        ["bash", str(_CHECK)], env={"PATH": os.environ.get("PATH", ""), "IMAGE_TAG": tag}, cwd=folder
    )
    assert child.stdout is not None
    reader = pump(child.stdout, log)
    child.wait()
    reader.join(10)
    if child.returncode:
        raise BuildError("what was uploaded is not what the tag says, see the log above")
    if not (folder / "Dockerfile").is_file():
        raise BuildError("the build context has no Dockerfile")


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
