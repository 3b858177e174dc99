"""The pages."""

from flask import Blueprint, abort, render_template

from local.gitlab.instance import Instance
from local.gitlab.merging import MERGEABLE, merge_status, requests_with
from local.gitlab.pages.diffs import FileDiff, parse_diff
from local.gitlab.pipelines import head_pipeline, jobs_of, pipelines_of, status_of
from local.gitlab.projects import find_project
from local.gitlab.records import (
    Deployment,
    Environment,
    Issue,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Release,
    ReleaseLink,
    User,
)
from local.gitlab.repo import Commit, Repo

_RECENT = 10


def add(pages: Blueprint, at: Instance) -> None:
    views = _Views(at)
    pages.add_url_rule("/", "home", views.home)
    pages.add_url_rule("/<path:path>/-/merge_requests", "merge_requests", views.merge_requests)
    for tab, rest in (("overview", ""), ("commits", "/commits"), ("changes", "/diffs")):
        pages.add_url_rule(
            f"/<path:path>/-/merge_requests/<int:iid>{rest}",
            f"merge_request_{tab}",
            views.merge_request,
            defaults={"tab": tab},
        )
    pages.add_url_rule("/<path:path>/-/issues", "issues", views.issues)
    pages.add_url_rule("/<path:path>/-/issues/<int:iid>", "issue", views.issue)
    pages.add_url_rule("/<path:path>/-/pipelines", "pipelines", views.pipelines)
    pages.add_url_rule("/<path:path>/-/pipelines/<int:number>", "pipeline", views.pipeline)
    pages.add_url_rule("/<path:path>/-/commit/<sha>", "commit", views.commit)
    pages.add_url_rule("/<path:path>/-/releases", "releases", views.releases)
    pages.add_url_rule("/<path:path>/-/environments", "environments", views.environments)
    pages.add_url_rule("/<path:path>", "project", views.project)


class _Views:
    def __init__(self, at: Instance) -> None:
        self.at = at

    def home(self) -> str:
        projects = self.at.store.all(Project, newest=True)
        open_ = {p.id: len(self.at.store.all(MergeRequest, project=p.id, state="opened")) for p in projects}
        return render_template("home.html", projects=projects, open=open_)

    def project(self, path: str) -> str:
        if user := self.at.store.first(User, username=path):
            return render_template("user.html", person=user)
        project = self._project(path)
        repo = self.at.repo(project)
        branches = sorted(name.removeprefix("refs/heads/") for name in repo.refs("refs/heads/"))
        tip = repo.branch(project.default_branch)
        return render_template(
            "project.html",
            project=project,
            branches=[(name, repo.commit(f"refs/heads/{name}")) for name in branches],
            requests=self.at.store.all(MergeRequest, newest=True, project=project.id),
            commits=repo.log(tip, limit=_RECENT) if tip else [],
            pipelines=self._with_status(self.at.store.all(Pipeline, newest=True, project=project.id)[:_RECENT]),
            clone=f"{self.at.project_url(project)}.git",
        )

    def merge_requests(self, path: str) -> str:
        project = self._project(path)
        requests = self.at.store.all(MergeRequest, newest=True, project=project.id)
        return render_template("merge_requests.html", project=project, requests=requests)

    def merge_request(self, path: str, iid: int, tab: str) -> str:
        project = self._project(path)
        request = self.at.store.first(MergeRequest, project=project.id, iid=iid)
        if request is None:
            abort(404)
        repo = self.at.repo(project)
        pipeline = head_pipeline(self.at, request)
        jobs = self._jobs(request)
        reason = merge_status(self.at, request)
        return render_template(
            f"merge_request_{tab}.html",
            project=project,
            request=request,
            tab=tab,
            pipeline=pipeline,
            pipeline_status=status_of(self.at, pipeline) if pipeline else None,
            jobs=[job for job in jobs if not job.external],
            statuses=[job for job in jobs if job.external],
            reason=None if reason == MERGEABLE else reason,
            threads=_threads(self.at.store.all(Note, merge_request=request.id)),
            commits=self._commits(repo, request),
            files=_diff(repo, request.base_sha, request.head_sha),
            pipelines=self._with_status(pipelines_of(self.at, request)),
        )

    def issues(self, path: str) -> str:
        project = self._project(path)
        issues = self.at.store.all(Issue, newest=True, project=project.id)
        return render_template("issues.html", project=project, issues=issues)

    def issue(self, path: str, iid: int) -> str:
        project = self._project(path)
        issue = self.at.store.first(Issue, project=project.id, iid=iid)
        if issue is None:
            abort(404)
        return render_template("issue.html", project=project, issue=issue)

    def pipelines(self, path: str) -> str:
        project = self._project(path)
        rows = self._with_status(self.at.store.all(Pipeline, newest=True, project=project.id)[:100])
        return render_template("pipelines.html", project=project, pipelines=rows)

    def pipeline(self, path: str, number: int) -> str:
        project = self._project(path)
        pipeline = self.at.store.first(Pipeline, id=number, project=project.id)
        if pipeline is None:
            abort(404)
        stages: dict[str, list[Job]] = {}
        for job in jobs_of(self.at, pipeline):
            stages.setdefault(job.stage, []).append(job)
        request = self.at.store.get(MergeRequest, pipeline.merge_request) if pipeline.merge_request else None
        return render_template(
            "pipeline.html",
            project=project,
            pipeline=pipeline,
            status=status_of(self.at, pipeline),
            stages=stages,
            request=request,
            commit=self.at.repo(project).commit(pipeline.sha),
        )

    def commit(self, path: str, sha: str) -> str:
        project = self._project(path)
        repo = self.at.repo(project)
        found = repo.commit(sha)
        if found is None:
            abort(404)
        return render_template(
            "commit.html",
            project=project,
            commit=found,
            requests=requests_with(self.at, project_id=project.id, sha=found.sha),
            files=parse_diff(repo.run("show", "--no-color", "--format=", "--first-parent", found.sha, "--")),
            pipelines=self._with_status(self.at.store.all(Pipeline, newest=True, project=project.id, sha=found.sha)),
        )

    def releases(self, path: str) -> str:
        project = self._project(path)
        found = self.at.store.all(Release, project=project.id)
        found.sort(key=lambda release: release.released_at, reverse=True)
        links = {release.id: self.at.store.all(ReleaseLink, release=release.id) for release in found}
        return render_template("releases.html", project=project, releases=found, links=links)

    def environments(self, path: str) -> str:
        project = self._project(path)
        found = self.at.store.all(Environment, project=project.id)
        deployments = {one.id: self.at.store.all(Deployment, newest=True, environment=one.id)[:20] for one in found}
        return render_template("environments.html", project=project, environments=found, deployments=deployments)

    def _project(self, path: str) -> Project:
        project = None if path.isdigit() else find_project(self.at, path)
        if project is None:
            abort(404)
        return project

    def _jobs(self, request: MergeRequest) -> list[Job]:
        """Jobs and statuses of the head, from whatever pipelines they are in."""
        found = [one for one in pipelines_of(self.at, request) if one.sha == request.head_sha]
        latest = {job.name: job for one in reversed(found) for job in jobs_of(self.at, one)}
        return sorted(latest.values(), key=lambda job: job.id)

    def _with_status(self, pipelines: list[Pipeline]) -> list[tuple[Pipeline, str]]:
        return [(pipeline, status_of(self.at, pipeline)) for pipeline in pipelines]

    def _commits(self, repo: Repo, request: MergeRequest) -> list[Commit]:
        until = [f"^{request.base_sha}"] if request.base_sha else []
        return repo.log(request.head_sha, *until)


def _threads(notes: list[Note]) -> list[list[Note]]:
    """Notes in the order in which their threads began."""
    threads: dict[str, list[Note]] = {}
    for note in sorted(notes, key=lambda note: (note.created_at, note.id)):
        threads.setdefault(note.discussion, []).append(note)
    return list(threads.values())


def _diff(repo: Repo, base: str | None, head: str) -> list[FileDiff]:
    return parse_diff(repo.diff(base, head)) if base else []
