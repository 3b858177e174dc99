"""What the runner gets and reports."""

import base64
import hashlib
import json
from typing import Any

import pytest
import requests
from gitlab.v4.objects import Project

from local.gitlab.repo import NOTHING
from tests.local.gitlab.support import Clone, Open


def _waiting(runner: requests.Session, project: Project) -> list[dict[str, Any]]:
    every = runner.get("pipelines", params={"status": "created"}).json()
    return [one for one in every if one["project_id"] == project.id]


def test_a_merge_request_pipeline_has_gitlabs_variables(
    open_request: Open, project: Project, runner: requests.Session, url: str
) -> None:
    request = open_request(labels="one,two")
    found = _waiting(runner, project)[-1]
    variables = found["variables"]
    expected = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{url}/api/v4",
        "CI_PROJECT_ID": str(project.id),
        "CI_PROJECT_PATH": project.path_with_namespace,
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_PIPELINE_ID": str(found["id"]),
        "CI_COMMIT_SHA": request.sha,
        "CI_COMMIT_SHORT_SHA": request.sha[:8],
        "CI_COMMIT_REF_NAME": "feature",
        "CI_COMMIT_REF_PROTECTED": "false",
        "CI_COMMIT_BEFORE_SHA": NOTHING,
        "CI_MERGE_REQUEST_IID": str(request.iid),
        "CI_MERGE_REQUEST_ID": str(request.id),
        "CI_MERGE_REQUEST_PROJECT_ID": str(project.id),
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": request.diff_refs["base_sha"],
        "CI_MERGE_REQUEST_LABELS": "one,two",
        "CI_DEFAULT_BRANCH": "main",
        "GITLAB_USER_LOGIN": "mergemaker-bot",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert "CI_COMMIT_BRANCH" not in variables


def test_a_branch_pipeline_has_a_branch_and_no_merge_request(
    clone: Clone, project: Project, runner: requests.Session
) -> None:
    before = clone.git("rev-parse", "HEAD")
    clone.commit({"a": "1"}, "Title\n\nWhy")
    clone.push("main")
    variables = _waiting(runner, project)[-1]["variables"]
    expected = {
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_BEFORE_SHA": before,
        "CI_COMMIT_TITLE": "Title",
        "CI_COMMIT_MESSAGE": "Title\n\nWhy\n",
        "CI_COMMIT_DESCRIPTION": "Why\n",
        "CI_COMMIT_REF_PROTECTED": "true",
        "CI_PIPELINE_SOURCE": "push",
        "GITLAB_USER_LOGIN": "ada",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert not [name for name in variables if name.startswith("CI_MERGE_REQUEST")]


def test_protected_variables_reach_protected_branches_only(
    open_request: Open, project: Project, runner: requests.Session
) -> None:
    project.variables.create({"key": "OPEN", "value": "1"})
    project.variables.create({"key": "ROLE", "value": "arn", "protected": True})
    open_request()
    seen = {one["source"]: [v["key"] for v in one["project_variables"]] for one in _waiting(runner, project)}
    assert seen == {"push": ["OPEN", "ROLE"], "merge_request_event": ["OPEN"]}


def test_a_report_shows_in_the_api_and_on_the_page(
    clone: Clone, project: Project, runner: requests.Session, url: str
) -> None:
    number = _waiting(runner, project)[0]["id"]
    jobs = [
        {"name": "check", "stage": "test", "status": "success", "log": "\x1b[32mfine\x1b[0m <b>"},
        {"name": "submit", "stage": "train", "status": "running"},
    ]
    runner.put(f"pipelines/{number}", json={"status": "running", "jobs": jobs}).raise_for_status()
    assert number not in [one["id"] for one in _waiting(runner, project)]

    jobs[1] |= {"status": "failed", "log": "no such model"}
    runner.put(f"pipelines/{number}", json={"status": "failed", "jobs": jobs[1:]}).raise_for_status()

    pipeline = project.pipelines.get(number)
    assert pipeline.status == "failed"
    assert {job.name: job.status for job in pipeline.jobs.list(get_all=True)} == {
        "check": "success",
        "submit": "failed",
    }
    page = requests.get(f"{url}/{project.path_with_namespace}/-/pipelines/{number}", timeout=10).text
    assert "fine &lt;b&gt;" in page
    assert "no such model" in page


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "status is missing"),
        ({"status": "odd"}, "status does not have a valid value"),
        ({"status": "running", "jobs": ["x"]}, "jobs is invalid"),
        ({"status": "running", "jobs": [{"status": "running"}]}, "name is missing"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(
    clone: Clone, project: Project, runner: requests.Session, body: dict[str, Any], message: str
) -> None:
    number = _waiting(runner, project)[0]["id"]
    answer = runner.put(f"pipelines/{number}", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": message})
    assert project.pipelines.get(number).status == "created"


def test_the_runners_door_needs_the_token(url: str) -> None:
    assert requests.get(f"{url}/-/runner/pipelines", timeout=10).status_code == 401


def test_an_id_token_carries_gitlabs_claims_and_a_signature_that_holds(
    open_request: Open, project: Project, runner: requests.Session, url: str
) -> None:
    request = open_request()
    number = request.head_pipeline["id"]
    body = {"pipeline_id": number, "aud": "https://gitlab.example"}
    token = runner.post("id_token", json=body).json()["id_token"]
    header, claims, signature = token.split(".")
    said, path = json.loads(_bytes(claims)), project.path_with_namespace

    assert said["sub"] == f"project_path:{path}:ref_type:branch:ref:feature"
    assert (said["iss"], said["aud"], said["project_path"]) == (url, "https://gitlab.example", path)
    assert (said["project_id"], said["pipeline_id"]) == (str(project.id), str(number))
    assert (said["ref_protected"], said["pipeline_source"]) == ("false", "merge_request_event")
    assert said["nbf"] < said["iat"] < said["exp"]

    configuration = requests.get(f"{url}/.well-known/openid-configuration", timeout=10).json()
    key = requests.get(configuration["jwks_uri"], timeout=10).json()["keys"][0]
    assert json.loads(_bytes(header)) == {"kid": key["kid"], "typ": "JWT", "alg": "RS256"}
    modulus, exponent = (int.from_bytes(_bytes(key[part]), "big") for part in ("n", "e"))
    assert modulus.bit_length() == 2048
    opened = pow(int.from_bytes(_bytes(signature), "big"), exponent, modulus).to_bytes(256, "big")
    assert opened.endswith(hashlib.sha256(f"{header}.{claims}".encode()).digest())
    assert opened.startswith(b"\x00\x01\xff\xff")


def test_main_is_protected_in_its_token(clone: Clone, project: Project, runner: requests.Session) -> None:
    number = _waiting(runner, project)[0]["id"]
    token = runner.post("id_token", json={"pipeline_id": number, "aud": "x"}).json()["id_token"]
    said = json.loads(_bytes(token.split(".")[1]))
    assert (said["ref"], said["ref_protected"]) == ("main", "true")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
