"""GitLab CI's own variables: where a command runs, so that nobody has to say it with flags."""

import re
from collections.abc import Mapping

from mergemaker.domain.errors import UsageError
from mergemaker.domain.lineage import Origin
from mergemaker.domain.names import tag_fault
from mergemaker.domain.stack_diff import Job

_NEEDED = ("CI_PROJECT_ID", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_PIPELINE_ID")
_PARENT = "MERGEMAKER_PIPELINE_ID"
"""Of the pipeline that made this one its child. A merge request waits for that one, and GitLab lets no commit status
join a child."""
RELEASE_TAG = "MERGEMAKER_RELEASE_TAG"
"""Of the GitLab release that a job's commit asks for."""
NEW_DATA = "api"
"""Source of the pipelines that new data starts, in GitLab's words."""


def origin(environ: Mapping[str, str]) -> Origin:
    """Who asks. Raises UsageError outside of GitLab CI, naming what is missing."""
    check(environ, _NEEDED)
    return Origin(
        gitlab_project=_number(environ, "CI_PROJECT_ID"),
        merge_request=merge_request(environ),
        # Where GitLab tests the merged result, CI_COMMIT_SHA is a commit that no branch has.
        commit=head_commit(environ) or _commit(environ, "CI_COMMIT_SHA"),
        branch=environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or environ["CI_COMMIT_REF_NAME"],
        ref=_ref(environ),
        pipeline=_number(environ, _PARENT if environ.get(_PARENT) else "CI_PIPELINE_ID"),
        pipeline_commit=_commit(environ, "CI_COMMIT_SHA"),
        # Not CI_COMMIT_AUTHOR: git knows that one, with an address that has no place in tags.
        author=environ.get("GITLAB_USER_LOGIN", ""),
        tag=_tag(environ),
    )


def retrains(environ: Mapping[str, str]) -> bool:
    """Whether the pipeline is of no change in git: a schedule's, or one that was asked for by API."""
    return new_data(environ) or environ.get("CI_PIPELINE_SOURCE") == "schedule"


def new_data(environ: Mapping[str, str]) -> bool:
    """Whether new data asked for the pipeline, or somebody else by API, who means the same."""
    return environ.get("CI_PIPELINE_SOURCE") == NEW_DATA


def head_commit(environ: Mapping[str, str]) -> str:
    """Of the merge request, where GitLab tests the merged result; else empty, for it is the checkout's."""
    return _commit(environ, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")


def compared_in(who: Origin, environ: Mapping[str, str]) -> Job:
    """The job that compares stacks, of a merge request. Raises UsageError elsewhere."""
    check(environ, ("CI_MERGE_REQUEST_IID", "CI_JOB_ID"))
    return Job(
        merge_request=_number(environ, "CI_MERGE_REQUEST_IID"),
        pipeline=who.pipeline,
        job=_number(environ, "CI_JOB_ID"),
        commit=who.commit,
        branch=who.branch,
    )


def merge_request(environ: Mapping[str, str]) -> int | None:
    """The iid; None in a branch's pipeline."""
    return _number(environ, "CI_MERGE_REQUEST_IID") if environ.get("CI_MERGE_REQUEST_IID") else None


def diff_base(environ: Mapping[str, str]) -> str:
    """The commit since which this pipeline's changes are: where the merge request left its target or, on a branch,
    what was there before the push. Empty where that is HEAD's first parent: of a branch's first push there is nothing
    before. A merged result holds what came to the target since; what it was merged into need not be its parent, for a
    merge train of a project without merge commits rebases."""
    if environ.get("CI_MERGE_REQUEST_EVENT_TYPE") in ("merged_result", "merge_train"):
        return _commit(environ, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA")
    base = _commit(environ, "CI_MERGE_REQUEST_DIFF_BASE_SHA") or _commit(environ, "CI_COMMIT_BEFORE_SHA")
    return base if base.strip("0") else ""


def merge_request_of(message: str) -> int | None:
    """The iid in a merge commit's message, as GitLab writes it unless the project's template says otherwise."""
    found = re.findall(r"(?m)^See merge request \S*!([0-9]{1,9})\s*$", message)
    return int(found[-1]) if found else None


def _tag(environ: Mapping[str, str]) -> str:
    """As the plan wrote it into the job."""
    tag = environ.get(RELEASE_TAG, "")
    if tag and (fault := tag_fault(tag)):
        raise UsageError(f"{RELEASE_TAG}: {fault}")
    return tag


def _ref(environ: Mapping[str, str]) -> str:
    """The pipeline's ref. CI_MERGE_REQUEST_REF_PATH ends in /head also where the pipeline runs on the merged result."""
    head = environ.get("CI_MERGE_REQUEST_REF_PATH")
    if not head:
        return environ["CI_COMMIT_REF_NAME"]
    kind = {"merged_result": "merge", "merge_train": "train"}.get(
        environ.get("CI_MERGE_REQUEST_EVENT_TYPE", ""), "head"
    )
    return f"{head.removesuffix('/head')}/{kind}"


def check(environ: Mapping[str, str], needed: tuple[str, ...]) -> None:
    """Raises UsageError that names which of the variables `needed` are not set."""
    if missing := [name for name in needed if not environ.get(name)]:
        raise UsageError(
            f"not in GitLab CI: {', '.join(missing)} not set. Run this in a CI job, or set what GitLab would"
        )


def _number(environ: Mapping[str, str], name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", environ[name], re.ASCII):
        raise UsageError(f"{name} is {environ[name][:40]!r}, not a number as GitLab sets it")
    return int(environ[name])


def _commit(environ: Mapping[str, str], name: str) -> str:
    """Empty if the variable is not set."""
    commit = environ.get(name, "")
    if commit and not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit, re.ASCII):
        raise UsageError(f"{name} is {commit[:80]!r}, not a commit's whole hash as GitLab sets it")
    return commit
