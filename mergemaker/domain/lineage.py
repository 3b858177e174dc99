"""Where a run came from and what it is made of, and how a job's tags say so."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mergemaker.domain.model import Distribution, HyperValue, Resources
from mergemaker.domain.names import IMAGE_ADDRESS, IMAGE_TAG, MODEL_MAX, is_run, name_fault, tag_fault

TAG_PREFIX = "mergemaker:"


@dataclass(frozen=True)
class Origin:
    """Who asked for a run: everything a Lambda needs to answer there."""

    gitlab_project: int
    merge_request: int | None
    """The merge request's iid; None for a run of a branch."""
    commit: str
    """Head of the branch, 40 hex digits."""
    branch: str
    ref: str
    """The pipeline's ref: ``refs/merge-requests/7/head`` in a merge request's pipeline. A commit status that names
    another opens a second pipeline."""
    pipeline: int
    """`NO_PIPELINE` where none asked."""
    pipeline_commit: str
    """The commit that the pipeline runs on: not `commit` where GitLab tests the merged result."""
    author: str = ""
    """Login of the GitLab user whose job asked; empty where GitLab did not say."""
    tag: str = ""
    """Of the GitLab release that is wished for of the run; empty where none is."""

    @property
    def told(self) -> bool:
        """Whether anybody on GitLab waits for the run. Nobody does for a reproduction: what was reviewed is the first
        run, and no note, status or release turns from it to another."""
        return self.pipeline != NO_PIPELINE

    @property
    def untold(self) -> "Origin":
        """The same commit and branch; their merge request and pipeline wait for another run."""
        return replace(self, merge_request=None, pipeline=NO_PIPELINE, author="", tag="")


NO_PIPELINE = 0
"""GitLab counts from 1."""


@dataclass(frozen=True)
class Ingredients:
    """All that decides a run's outcome, known before anything is built or started."""

    model: str
    code: str
    """Digest of the code bundle."""
    image: str
    """Tag of the image, which carries the digest of what it is made of, or the address of somebody else's."""
    data: str
    """Digest of the data snapshot."""
    script: str | None
    """None for an image that is an algorithm by itself."""
    hyperparameters: Mapping[str, HyperValue]
    resources: Resources
    channels: Mapping[str, str]
    """Names of the channels that the data is read from -> content types that an algorithm is told; else empty."""
    distribution: Distribution
    environment: Mapping[str, str]
    resolved: str = ""
    """What somebody else's address meant when the run was submitted, by digest if its registry said."""
    metric_regexes: Mapping[str, str] = field(default_factory=dict)
    """By which SageMaker finds metrics in the log. With another one the same run has other metrics."""
    prepare: str = ""
    """`Preparation.source` of what makes the data, which then is named by the preparation's key; empty where the data
    is a snapshot."""

    @property
    def run_key(self) -> str:
        """The same ingredients give the same 64 hex digits, on any machine."""
        return hashlib.sha256(f"{self.source} {self.data} {self.resolved}".rstrip().encode()).hexdigest()

    @property
    def texts(self) -> dict[str, str]:
        """The hyperparameters as SageMaker gets them: script mode wants JSON, an algorithm the plain text."""
        return {key: self._text(value) for key, value in self.hyperparameters.items()}

    def _text(self, value: HyperValue) -> str:
        return value if self.script is None and isinstance(value, str) else json.dumps(value)

    @property
    def source(self) -> str:
        """Digest of what comes from the repository: all but the data. By it a merged tree finds its reviewed run."""
        r, d = self.resources, self.distribution
        said = {
            "model": self.model,
            "code": self.code,
            "image": self.image,
            "script": self.script,
            "hyperparameters": self.texts,
            "resources": [r.instance_type, r.instance_count, r.volume_gb, r.max_runtime_seconds],
            "channels": dict(self.channels),
            "distribution": [d.launcher, d.per_host],
            "environment": dict(self.environment),
            "metrics": dict(self.metric_regexes),
            **({"prepare": self.prepare} if self.prepare else {}),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Lineage:
    """What a job's tags say: where it came from and what went into it."""

    project: str
    model: str
    run_key: str
    source: str
    code: str
    image: str
    data: str
    spec: str
    """Digest of the model's settings."""
    origin: Origin
    repeats: str = ""
    """The run that had done the same work before, where this one was started all the same, and from the beginning."""
    prepare: str = ""
    """As `Ingredients.prepare`."""
    input: str = ""
    """Digest of the snapshot that `data` was prepared from; empty where nothing was prepared."""


_ALLOWED = re.compile(r"[A-Za-z0-9 _.:/+@-]")


def tag_value(text: str) -> str:
    """`text` in the characters that AWS takes in a tag; others as ``=XX``, UTF-8 bytes in hex. At most 256."""

    def escaped(c: str) -> str:
        # git takes branch names in any encoding, and Python passes on what is no UTF-8 as surrogates
        return "".join(f"={b:02X}" for b in c.encode(errors="surrogatepass"))

    return "".join(c if _ALLOWED.fullmatch(c) else escaped(c) for c in text)[:256]


def from_tag_value(value: str) -> str:
    """What `tag_value` was given, as far as it fitted."""
    parts = re.sub(rb"=([0-9A-F]{2})", lambda m: bytes.fromhex(m[1].decode()), value.encode())
    return parts.decode(errors="replace")


def as_tags(values: Mapping[str, str]) -> dict[str, str]:
    return {TAG_PREFIX + key: tag_value(value) for key, value in values.items()}


def from_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """What `as_tags` was given, as far as it fitted; a job may have others' tags besides."""
    return {key.removeprefix(TAG_PREFIX): from_tag_value(value) for key, value in tags.items()}


def lineage_tags(lineage: Lineage) -> dict[str, str]:
    """Tags for a job, by which a Lambda that knows only its name finds everything else."""
    origin = lineage.origin
    values = {
        "project": lineage.project,
        "model": lineage.model,
        "run-key": lineage.run_key,
        "source": lineage.source,
        "code": lineage.code,
        "image": lineage.image,
        "data": lineage.data,
        "spec": lineage.spec,
        "gitlab-project": str(origin.gitlab_project),
        "commit": origin.commit,
        "branch": origin.branch,
        "ref": origin.ref,
        "pipeline": str(origin.pipeline),
        "pipeline-commit": origin.pipeline_commit,
    }
    if origin.merge_request is not None:
        values["merge-request"] = str(origin.merge_request)
    if origin.author:
        values["author"] = origin.author
    if origin.tag:
        values["release-tag"] = origin.tag
    if lineage.repeats:
        values["repeats"] = lineage.repeats
    if lineage.prepare:
        values |= {"prepare": lineage.prepare, "input": lineage.input}
    return as_tags(values)


_DIGEST, _COMMIT, _NUMBER = r"[0-9a-f]{64}", r"[0-9a-f]{40}|[0-9a-f]{64}", r"[0-9]{1,18}"
_MAY_BE_ABSENT = {"merge-request": _NUMBER, "prepare": _DIGEST, "input": _DIGEST}
_SHAPES = {
    "run-key": _DIGEST,
    "source": _DIGEST,
    "code": _DIGEST,
    "data": _DIGEST,
    "spec": _DIGEST,
    "image": f"{IMAGE_TAG}|{IMAGE_ADDRESS}",
    "commit": _COMMIT,
    "pipeline-commit": _COMMIT,
    "gitlab-project": _NUMBER,
    "pipeline": _NUMBER,
}


def parse_lineage(tags: Mapping[str, str]) -> Lineage | None:
    """The lineage in a job's tags; None if they are not such as `lineage_tags` makes: then the job is not ours.

    Whoever may start a job chooses its tags, and they end up in keys of the bucket and in the note.
    """
    got = from_tags(tags)
    if not _sound(got):
        return None
    merge_request = got.get("merge-request", "")
    try:
        return Lineage(
            project=got["project"],
            model=got["model"],
            run_key=got["run-key"],
            source=got["source"],
            code=got["code"],
            image=got["image"],
            data=got["data"],
            spec=got["spec"],
            origin=Origin(
                gitlab_project=int(got["gitlab-project"]),
                merge_request=int(merge_request) if merge_request else None,
                commit=got["commit"],
                branch=got["branch"],
                ref=got["ref"],
                pipeline=int(got["pipeline"]),
                pipeline_commit=got["pipeline-commit"],
                author=got.get("author", ""),
                tag=got.get("release-tag", ""),
            ),
            repeats=got.get("repeats", ""),
            prepare=got.get("prepare", ""),
            input=got.get("input", ""),
        )
    except KeyError:
        return None


def _sound(got: Mapping[str, str]) -> bool:
    repeats = got.get("repeats", "")
    return (
        all(re.fullmatch(shape, got.get(key, ""), re.ASCII) for key, shape in _SHAPES.items())
        and all(re.fullmatch(shape, got[key], re.ASCII) for key, shape in _MAY_BE_ABSENT.items() if got.get(key))
        and bool(got.get("prepare")) == bool(got.get("input"))
        and not name_fault(got.get("model"), MODEL_MAX)
        and not (got.get("release-tag") and tag_fault(got["release-tag"]))
        and (not repeats or is_run(repeats, got["model"], got["run-key"]))
    )
