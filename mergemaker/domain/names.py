"""The names of all that exists in AWS and GitLab: each is made here and nowhere else.

SageMaker allows 63 characters for jobs, endpoints and endpoint configs. The longest name made here is an endpoint
config, ``<project>-<model>-<environment>-<version>``, so the parts are limited to 18, 28 and 10 characters, which
leaves four digits for the version.
"""

import re
from dataclasses import dataclass

PROJECT_MAX, MODEL_MAX, ENVIRONMENT_MAX = 18, 28, 10
SAGEMAKER_NAME = r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}"
"""What a job or an endpoint may be called, whoever made it (API reference, CreateTrainingJob)."""

_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*", re.ASCII)


def name_fault(name: object, longest: int) -> str | None:
    """What is wrong with a project's, model's or environment's name; None if nothing is."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"{name!r} is not a name: use lower-case letters, digits and single dashes, a letter first"
    if len(name) > longest:
        return f"{name!r} has {len(name)} characters, at most {longest} fit into AWS's names"
    return None


TAG_MAX = 100


def tag_fault(tag: str) -> str | None:
    """What is wrong with the name of a tag in git; None if nothing is. Stricter than git (git-check-ref-format): what
    would have to be quoted somewhere is left out."""
    parts = tag.split("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/+@-]*", tag, re.ASCII) or ".." in tag or tag.endswith("."):
        return f"{tag[:40]!r} can be no tag: use letters, digits and ._/+@- as git takes them, such as v1.2"
    if any(not part or part.startswith(".") or part.endswith(".lock") for part in parts):
        return f"{tag[:40]!r} can be no tag: git takes no part that is empty, begins with a dot or ends in .lock"
    return None if len(tag) <= TAG_MAX else f"a tag has at most {TAG_MAX} characters, not {len(tag)}"


@dataclass(frozen=True)
class Names:
    """Names of one project's resources in one account and region."""

    project: str
    account: str
    region: str

    # What the stacks make ------------------------------------------------------------------

    @property
    def bucket(self) -> str:
        return f"{self.project}-{self.account}-{self.region}"

    @property
    def repository(self) -> str:
        return self.project

    @property
    def registry(self) -> str:
        """Host of the account's image registry."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"{self.account}.dkr.ecr.{self.region}.{suffix}"

    @property
    def run_table(self) -> str:
        return f"{self.project}-runs"

    @property
    def key_alias(self) -> str:
        """The KMS key that encrypts all that the project keeps."""
        return f"alias/{self.project}"

    @property
    def token_secret(self) -> str:
        return f"{self.project}/gitlab-token"

    @property
    def image_builder(self) -> str:
        """The CodeBuild project that builds images."""
        return f"{self.project}-image"

    def function(self, name: str) -> str:
        return f"{self.project}-{name}"

    def queue(self, function: str) -> str:
        return f"{self.project}-{function}"

    def dead_letter_queue(self, function: str) -> str:
        return f"{self.project}-{function}-dead"

    def role(self, purpose: str) -> str:
        """``execution`` for jobs and endpoints; ``submit`` and ``release`` for CI."""
        return f"{self.project}-{purpose}"

    def role_arn(self, purpose: str) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role(purpose)}"

    @property
    def partition(self) -> str:
        """AWS's partition of the region."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    # What belongs to a model, made at run time ----------------------------------------------

    def package_group(self, model: str) -> str:
        return f"{self.project}-{model}"

    def endpoint(self, model: str, environment: str) -> str:
        return f"{self.project}-{model}-{environment}"

    def endpoint_config(self, model: str, environment: str, version: int) -> str:
        return f"{self.endpoint(model, environment)}-{version}"

    def sagemaker_model(self, model: str, version: int) -> str:
        return f"{self.package_group(model)}-{version}"


def input_prefix(model: str) -> str:
    """Where a team puts a model's data."""
    return f"{model}/input/"


def output_prefix(model: str) -> str:
    """Where SageMaker writes; it adds the job's name."""
    return f"{model}/output"


def output_key(model: str, job: str, file: str) -> str:
    return f"{output_prefix(model)}/{job}/output/{file}"


def package_key(model: str, job: str) -> str:
    """What a package serves: a copy that only the report function writes, and nobody replaces. The output itself is
    written under the role of every job, and so by any branch's script."""
    return f"{model}/packages/{job}/model.tar.gz"


def code_key(model: str, digest: str) -> str:
    return f"{model}/code/{digest}.tar.gz"


def image_context_key(model: str, tag: str) -> str:
    """What an image is built from, as a zip file."""
    return f"{model}/code/{tag}.zip"


SMOKE = "smoke"
"""What a run waits for as long as nobody has looked which job its smoke run is. No job and no image is called so."""


def waiting_prefix(model: str, awaited: str) -> str:
    """Where submitted runs wait: for the image of this tag, for what the processing job of this name prepares, for the
    smoke run of this name, or, under the name `SMOKE`, for that to be looked for."""
    return f"{model}/code/waiting/{awaited}/"


def waiting_key(model: str, awaited: str, job: str) -> str:
    return f"{waiting_prefix(model, awaited)}{job}.json"


def submissions_prefix(model: str, job: str) -> str:
    """Where it is said which pipelines asked for a run that was there, or has to wait."""
    return f"{model}/code/submissions/{job}/"


def submission_key(model: str, job: str, pipeline: int) -> str:
    """Says that a pipeline asked; an event tells the report function."""
    return f"{submissions_prefix(model, job)}{pipeline}.json"


STACKS = "_stacks"
"""Stands in keys and in the run table where a model's name does, and can't be one."""


def stack_diff_key(merge_request: int, pipeline: int, job: int) -> str:
    """What a job of a merge request's pipeline found that it would change of the stacks; a submission like others."""
    return f"{STACKS}/code/submissions/{merge_request}/{pipeline}-{job}.json"


def data_prefix(model: str, digest: str) -> str:
    return f"{snapshots_folder(model)}{digest}/"


def prepared_prefix(model: str, key: str) -> str:
    """Data that a processing job made, by preparation key. Not among the snapshots: nothing in CI may write here."""
    return f"{model}/prepared/{key}/"


def prepared_key(model: str, key: str) -> str:
    """Lists prepared data. Written last: where it is, the data is whole."""
    return f"{model}/prepared/{key}.json"


def part_prefix(model: str, digest: str) -> str:
    """A part of a run's data, for its smoke run. Where no full run's data lies, and where nothing in CI may write."""
    return f"{model}/prepared/parts/{digest}/"


def part_key(model: str, digest: str) -> str:
    """Lists such a part. Written last, as the others are."""
    return f"{model}/prepared/parts/{digest}.json"


def checkpoints_prefix(model: str, of: str) -> str:
    """Where a run's checkpoints are kept. By run key, so that a later attempt goes on from those of an earlier one; by
    name for a run that repeats another, and so has to begin where that one began."""
    return f"{model}/checkpoints/{of}/"


def reports_key(model: str) -> str:
    return f"{model}/reports.csv"


IMAGE_TAG = r"[a-z][a-z0-9-]*-[0-9a-f]{32}"
"""The shape of an image's tag. 128 bits of the digest, so that nobody finds two sets of files for one tag."""


IMAGE_ADDRESS = r"[\w.-]+(:[0-9]+)?(/[\w.-]+)+(:[\w.-]+|@sha256:[0-9a-f]{64})"
"""The shape of the address of an image that somebody else made."""


def is_address(image: str) -> bool:
    """Whether an image is somebody else's, and not named by the tag of one made here."""
    return "/" in image


def may_be(address: str, image: str) -> bool:
    """Whether `image` can be what `address` names: the same, or, where it has a tag, by digest in the same place."""
    repository, at, _ = image.rpartition("@")
    return image == address or (bool(at) and "@" not in address and address.rpartition(":")[0] == repository)


def image_tag(model: str, digest: str) -> str:
    return f"{model}-{digest[:32]}"


def job_name(model: str, run_key: str, attempt: int = 1) -> str:
    """The training job's name: SageMaker's only idempotency key, so the run key decides it."""
    first = f"{model}-{run_key[:12]}"
    return first if attempt == 1 else f"{first}-{attempt}"


def model_of(job: str) -> str | None:
    """The model whose run a training job is by its name; None for a name that no run has."""
    found = re.fullmatch(r"(.{1,28})-[0-9a-f]{12}(-[0-9]{1,3})?", job, re.ASCII)
    return found[1] if found and not name_fault(found[1], MODEL_MAX) else None


def is_run(name: str, model: str, run_key: str) -> bool:
    """Whether `name` is that of an attempt at the run of this key."""
    return re.fullmatch(rf"{job_name(model, run_key)}(-[0-9]{{1,3}})?", name, re.ASCII) is not None


def preparation_name(model: str, key: str, attempt: int = 1) -> str:
    """The processing job's name, which the preparation's key decides as the run key does a training job's."""
    first = f"{model}-prepare-{key[:12]}"
    return first if attempt == 1 else f"{first}-{attempt}"


def is_preparation(name: str, model: str, key: str) -> bool:
    """Whether `name` is that of an attempt at the preparation of this key."""
    return re.fullmatch(rf"{preparation_name(model, key)}(-[0-9]{{1,3}})?", name, re.ASCII) is not None


def image_model(tag: str) -> str:
    """The model whose image has this tag."""
    return tag.rpartition("-")[0]


def commit_status(model: str) -> str:
    return f"mergemaker/{model}"


def note_marker(model: str) -> str:
    """The note's first line; it does not show."""
    return f"<!-- mergemaker:report model={model} -->"


def release_marker(job: str) -> str:
    """First line of the description of a GitLab release that is made of a run."""
    return f"<!-- mergemaker:release run={job} -->"


STACKS_MARKER = "<!-- mergemaker:infrastructure -->"
"""First line of the note about the stacks."""


def spec_key(model: str, digest: str) -> str:
    """The model's settings as they were when a run was submitted: what judges and shows it."""
    return f"{model}/code/{digest}.toml"


def snapshot_key(model: str, digest: str) -> str:
    """Lists a data snapshot's files. Written last: where it is, the snapshot is whole."""
    return f"{snapshots_folder(model)}{digest}.json"


def snapshots_folder(model: str) -> str:
    """Where the lists of a model's snapshots are."""
    return f"{model}/data/"
