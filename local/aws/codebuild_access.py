"""The permissions of CodeBuild's calls: on projects, with what StartBuild replaces of one as condition keys.

Keys after the Service Authorization Reference: what a request leaves alone has no key.
"""

from collections.abc import Callable, Iterator
from typing import Any

from local.aws.access import Check, Keys, given

Record = dict[str, Any]

_OVERRIDES = {
    "artifactsOverride": "artifacts",
    "autoRetryLimitOverride": "autoRetryLimit",
    "buildspecOverride": "source.buildspec",
    "buildStatusConfigOverride": "source.buildStatusConfig",
    "cacheOverride": "cache",
    "certificateOverride": "environment.certificate",
    "computeTypeOverride": "environment.computeType",
    "encryptionKeyOverride": "encryptionKey",
    "environmentTypeOverride": "environment.type",
    "environmentVariablesOverride": "environment.environmentVariables",
    "fleetOverride": "environment.fleet",
    "imageOverride": "environment.image",
    "imagePullCredentialsTypeOverride": "environment.imagePullCredentialsType",
    "insecureSslOverride": "source.insecureSsl",
    "logsConfigOverride": "logsConfig",
    "privilegedModeOverride": "environment.privilegedMode",
    "registryCredentialOverride": "environment.registryCredential",
    "secondaryArtifactsOverride": "secondaryArtifacts",
    "secondarySourcesOverride": "secondarySources",
    "serviceRoleOverride": "serviceRole",
    "sourceAuthOverride": "source.auth",
    "sourceLocationOverride": "source.location",
}
"""What StartBuild calls an override, and where the project keeps what it replaces."""

_TEXT = """
artifacts artifacts.bucketOwnerAccess artifacts.encryptionDisabled artifacts.location autoRetryLimit cache
cache.location cache.modes cache.type encryptionKey environment environment.certificate environment.computeType
environment.environmentVariables environment.environmentVariables.name environment.environmentVariables.value
environment.environmentVariables/*.value environment.fleet.fleetArn environment.image
environment.imagePullCredentialsType environment.privilegedMode environment.registryCredential
environment.registryCredential.credential environment.registryCredential.credentialProvider environment.type
logsConfig logsConfig.s3Logs logsConfig.s3Logs.bucketOwnerAccess logsConfig.s3Logs.encryptionDisabled
logsConfig.s3Logs.location logsConfig.s3Logs.status secondaryArtifacts secondaryArtifacts.artifactIdentifier
secondaryArtifacts.bucketOwnerAccess secondaryArtifacts.encryptionDisabled secondaryArtifacts.location
secondaryArtifacts/*.bucketOwnerAccess secondaryArtifacts/*.encryptionDisabled secondaryArtifacts/*.location
secondarySources secondarySources.auth.resource secondarySources.auth.type
secondarySources.buildStatusConfig.context secondarySources.buildStatusConfig.targetUrl secondarySources.buildspec
secondarySources.insecureSsl secondarySources.location secondarySources.sourceIdentifier
secondarySources/*.auth.resource secondarySources/*.auth.type secondarySources/*.buildStatusConfig.context
secondarySources/*.buildStatusConfig.targetUrl secondarySources/*.buildspec secondarySources/*.insecureSsl
secondarySources/*.location serviceRole source source.auth.resource source.auth.type
source.buildStatusConfig.context source.buildStatusConfig.targetUrl source.buildspec source.insecureSsl
source.location
"""
"""All of StartBuild's, without the prefix; a star stands for a member's name."""
KEYS = frozenset(_TEXT.split())
_NAMED = {
    "environment.environmentVariables": "name",
    "secondaryArtifacts": "artifactIdentifier",
    "secondarySources": "sourceIdentifier",
}
"""Lists whose members have keys of their own, by name."""


def checks(operation: str, params: Record, arn: Callable[[str], str]) -> list[Check]:
    """One for each project that the call is about; `arn` gives a project's."""
    keys = start_build_keys(params) if operation == "StartBuild" else {}
    projects = sorted(set(_projects(params)))
    resources = [arn(f"project/{name}") for name in projects] or ["*"]
    return [Check(f"codebuild:{operation}", resource, keys) for resource in resources]


def start_build_keys(params: Record) -> Keys:
    """By AWS's names; a structure's key is there as soon as any of it is given."""
    found: Record = {}
    for member, path in _OVERRIDES.items():
        if params.get(member) is None:
            continue
        found |= dict.fromkeys(_around(path), True)
        for pattern, key, value in _leaves(path, params[member]):
            if pattern in KEYS:
                found[key] = [*found.get(key, []), value] if f"{path}." in key and path in _NAMED else value
    return given({f"codebuild:{key}": value for key, value in found.items()})


def _around(path: str) -> list[str]:
    """The structures that a path lies in, as far as they have keys."""
    parts = path.split(".")
    return [whole for count in range(1, len(parts)) if (whole := ".".join(parts[:count])) in KEYS]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """How `KEYS` has it, its key, and what is given, for all that stands at `path` and below."""
    if isinstance(value, dict):
        yield path, path, True
        for name, member in value.items():
            yield from _leaves(f"{path}.{name}", member)
    elif path in _NAMED:
        yield path, path, True
        for member in value:
            for pattern, key, leaf in _leaves("", member):
                yield f"{path}{pattern}", f"{path}{key}", leaf
                yield f"{path}/*{pattern}", f"{path}/{member.get(_NAMED[path], '')}{key}", leaf
    else:
        yield path, path, value


def _projects(params: Record) -> Iterator[str]:
    for member in ("projectName", "name"):
        if member in params:
            yield str(params[member])
    yield from params.get("names", [])
    for build in [*params.get("ids", []), *([params["id"]] if "id" in params else [])]:
        yield str(build).rpartition("/")[2].partition(":")[0]
