"""The whole story through the laptop cloud: what `make demo` shows, checked, and what follows it.

The tests build on each other, in the order of this file, as a team's days do; the cloud is one for all.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from botocore.exceptions import ClientError

from local.demo import MODEL, ROW
from local.laptop import start
from local.team import Team, set_hyperparameter, until
from mergemaker.domain.events import sweep_rule
from mergemaker.domain.names import STACKS_MARKER, commit_status, note_marker, output_key, package_key, reports_key
from mergemaker.steps.stacks import stack_names
from tests.story import refusals

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team whose project is pushed and deployed, and whose first model has its data."""
    laptop = start(tmp_path_factory.mktemp("cloud"))
    try:
        team = Team(laptop, tmp_path_factory.mktemp("team") / "checkout")
        team.push_first()
        team.deploy()
        team.connect()
        team.upload_data(MODEL)
        yield team
    finally:
        laptop.stop()


def notes(team: Team, merge_request: int) -> list[str]:
    request = team.project.mergerequests.get(merge_request, lazy=True)
    return [note.body for note in request.notes.list(iterator=True) if not note.system]


def status(team: Team, commit: str, model: str = MODEL) -> Any:
    """The model's status on a commit."""
    found = team.project.commits.get(commit, lazy=True).statuses.list(get_all=True)
    return next((one for one in found if one.name == commit_status(model)), None)


def packages(team: Team, model: str = MODEL) -> list[Any]:
    """Of the model, the newest first."""
    found = team.client("sagemaker").list_model_packages(ModelPackageGroupName=team.names.package_group(model))
    return [
        team.client("sagemaker").describe_model_package(ModelPackageName=one["ModelPackageArn"])
        for one in found["ModelPackageSummaryList"]
    ]


def merge(team: Team, merge_request: int) -> str:
    commit = team.merge(merge_request)
    team.pipeline(commit, "push")
    return commit


def test_a_push_trains_the_model_and_a_merge_serves_it(team: Team) -> None:
    commit = team.branch("more-trees", "Grow 300 trees", set_hyperparameter(MODEL, "n_estimators", 300))
    request = team.open_merge_request("more-trees", "Grow 300 trees")
    pipeline = team.pipeline(commit, "merge_request_event")
    assert jobs_of(pipeline) == {"mergemaker:plan", "mergemaker:models", f"submit:{MODEL}"}
    note = team.note(request.iid, MODEL, saying="with version 1", seconds=300)

    job = packages(team)[0]["CustomerMetadataProperties"]["job"]
    described = team.job(job)
    assert notes(team, request.iid) == [note]
    assert note.startswith(f"{note_marker(MODEL)}\n\n### ✅ **{MODEL}** · `rmse` **")
    assert f"[{job}](https://us-east-1.console.aws.amazon.com/sagemaker/" in note
    assert "[CloudWatch](https://" in note
    assert f"`s3://{team.names.bucket}/{package_key(MODEL, job)}`" in note
    assert "| `n_estimators` | `300` |" in note
    assert f"**Merging creates** the endpoint `demo-{MODEL}-staging` with version 1." in note
    assert described["HyperParameters"]["n_estimators"] == "300"

    on_commit = status(team, commit)
    assert (on_commit.status, on_commit.pipeline_id) == ("success", pipeline.id)

    metrics = json.loads(extract(team, described, "output.tar.gz", "metrics.json"))
    rows = list(csv.DictReader(io.StringIO(read(team, reports_key(MODEL)).decode())))
    assert [row["training_job_name"] for row in rows] == [job]
    assert rows[0]["commit_hash"] == commit[:8]
    assert json.loads(rows[0]["hyperparameters"])["n_estimators"] == "300"
    assert {name: float(rows[0][name]) for name in metrics} == metrics

    assert read(team, package_key(MODEL, job)) == read(team, output_key(MODEL, job, "model.tar.gz"))
    package = packages(team)[0]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"]["commit"] == commit
    assert (
        package["InferenceSpecification"]["Containers"][0]["ImageDigest"]
        in described["AlgorithmSpecification"]["TrainingImage"]
    )

    merge(team, request.iid)
    endpoint = team.serving(MODEL, version=1)
    assert endpoint == f"demo-{MODEL}-staging"
    assert "- **staging**: 🟢 serving version 1" in team.note(request.iid, MODEL, saying="serving version 1")
    assert len(notes(team, request.iid)) == 1

    model = joblib.load(io.BytesIO(extract(team, described, "model.tar.gz", "model.joblib")))
    features = pd.DataFrame([map(float, ROW.split(","))], columns=model.feature_names_in_)
    assert json.loads(team.predict(endpoint, ROW))["predictions"] == model.predict(features).tolist()


def test_the_same_work_is_not_done_twice_and_who_asked_again_is_told(team: Team) -> None:
    commit = team.branch("again", "Say the same with more words", add_comment)
    request = team.open_merge_request("again", "Nothing new")
    pipeline = team.pipeline(commit, "merge_request_event")
    assert "found" in log_of(team, pipeline)
    assert len(packages(team)) == 1
    note = team.note(request.iid, MODEL, saying="🟢 serving version 1")
    assert f"which trained commit {packages(team)[0]['CustomerMetadataProperties']['commit'][:8]} before" in note
    on_commit = until(lambda: status(team, commit), seconds=10, what="the status")
    assert (on_commit.status, on_commit.pipeline_id) == ("success", pipeline.id)


def test_the_next_merge_request_is_compared_with_what_is_live_and_updates_it(team: Team) -> None:
    commit = team.branch("fewer-trees", "Grow 5 trees", set_hyperparameter(MODEL, "n_estimators", 5))
    request = team.open_merge_request("fewer-trees", "Grow 5 trees")
    team.pipeline(commit, "merge_request_event")
    note = team.note(request.iid, MODEL, saying="with version 2")
    assert "| metric | this run | live in staging (version 1) | change |" in note
    assert "worse than staging" in note.splitlines()[2]
    assert "**Changed** since staging: `n_estimators` `300` → `5`" in note
    assert f"**Merging updates** the endpoint `demo-{MODEL}-staging` with version 2 (now version 1)." in note

    merge(team, request.iid)
    team.serving(MODEL, version=2)
    team.note(request.iid, MODEL, saying="🟢 serving version 2")
    assert "replaced by a later release: version 1" in team.note(1, MODEL, saying="replaced")
    endpoints = team.client("sagemaker").list_endpoints()["Endpoints"]
    assert [one["EndpointName"] for one in endpoints] == [f"demo-{MODEL}-staging"]
    assert len(read(team, reports_key(MODEL)).splitlines()) == 3


def test_a_script_that_fails_is_reported_with_its_reason_and_releases_nothing(team: Team) -> None:
    commit = team.branch("broken", "Read the wrong file", break_script)
    request = team.open_merge_request("broken", "Read the wrong file")
    team.pipeline(commit, "merge_request_event")
    note = team.note(request.iid, MODEL, saying="❌")
    assert "FileNotFoundError" in note
    assert "no-such-file.csv" in note
    assert "Merging" not in note
    until(lambda: status(team, commit).status == "failed", seconds=30, what="the status, which comes after the note")
    assert len(packages(team)) == 2


def test_a_run_is_made_again_from_its_record_alone_to_the_last_digit_and_gitlab_hears_nothing(team: Team) -> None:
    """After main has moved on, the input was replaced, and with a checkout that holds neither models nor images."""
    sagemaker, first = team.client("sagemaker"), packages(team)[-1]["CustomerMetadataProperties"]["job"]
    team.client("s3").put_object(Bucket=team.names.bucket, Key=f"{MODEL}/input/train.csv", Body=b"other\n1\n")
    before = [notes(team, iid) for iid in (1, 2, 3)]
    gone = team.folder.parent / "gone"
    gone.mkdir()
    try:
        for part in ("models", "training", "serving"):
            (team.folder / part).rename(gone / part)
        submit = refusals.ci(team, "submit", id_token(team, "merge_request_event"))
        done = mergemaker(team, "reproduce", first, "--json", keys=submit.credentials)
    finally:
        for hidden in gone.iterdir():
            hidden.rename(team.folder / hidden.name)
    assert done.stderr == ""
    job = json.loads(done.stdout)["job"]
    assert job == f"{first}-2"

    until(lambda: recorded(team, job)["status"] == "Completed", seconds=60, what=f"the record of {job}")
    record, original = recorded(team, job), recorded(team, first)
    assert record["metrics"] == original["metrics"]
    assert record["lineage"]["repeats"] == first
    assert record["installed"] == original["installed"]
    assert {"scikit-learn", "sagemaker-training"} <= record["installed"].keys()
    for key in ("commit", "branch"):
        assert record["lineage"]["origin"][key] == original["lineage"]["origin"][key]
    works = [sagemaker.describe_training_job(TrainingJobName=name) for name in (first, job)]
    for key in ("AlgorithmSpecification", "HyperParameters", "InputDataConfig", "ResourceConfig"):
        assert works[0][key] == works[1][key]
    assert [notes(team, iid) for iid in (1, 2, 3)] == before
    assert len(packages(team)) == 2


def recorded(team: Team, job: str) -> Any:
    """The run table's record; without a status before there is one."""
    key = {"model": {"S": MODEL}, "job": {"S": job}}
    item = team.client("dynamodb").get_item(TableName=team.names.run_table, Key=key).get("Item")
    return json.loads(item["record"]["S"]) if item else {"status": None}


def test_data_is_prepared_before_the_first_run_and_not_again_for_the_next(team: Team) -> None:
    model, sagemaker = "abalone", team.client("sagemaker")
    team.upload_data(model)
    trained_on = []
    for version, rounds in enumerate((60, 50), 1):
        commit = team.branch(f"rounds-{rounds}", f"{rounds} rounds", set_hyperparameter(model, "num_round", rounds))
        request = team.open_merge_request(f"rounds-{rounds}", f"{rounds} rounds")
        team.pipeline(commit, "merge_request_event")
        note = team.note(request.iid, model, saying=f"with version {version}", seconds=300)
        assert f"| `num_round` | `{rounds}` |" in note
        job = packages(team, model)[0]["CustomerMetadataProperties"]["job"]
        trained_on.append(team.job(job)["InputDataConfig"])
    (prepared,) = sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
    assert prepared["ProcessingJobStatus"] == "Completed"
    assert trained_on[0] == trained_on[1]
    sources = [channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in trained_on[0]]
    assert all(one.startswith(f"s3://{team.names.bucket}/{model}/prepared/") for one in sources)
    rows = pd.read_csv(io.BytesIO(read(team, f"{sources[0].removeprefix(f's3://{team.names.bucket}/')}train.csv")))
    assert rows["sex"].isin([0, 1, 2]).all()


def test_a_newer_push_stops_the_run_before_it_and_closing_the_merge_request_stops_that_one(team: Team) -> None:
    commits = [team.branch("slow", "Think for long", think)]
    request = team.open_merge_request("slow", "Think before training")
    team.pipeline(commits[0], "merge_request_event")
    team.note(request.iid, MODEL, saying="training")
    commits.append(team.push("Grow lower trees", set_hyperparameter(MODEL, "max_depth", 7)))
    team.pipeline(commits[1], "merge_request_event")
    older = until(lambda: canceled(team, commits[0]), seconds=60, what="the older push's status")
    assert status(team, commits[1]).status == "running"
    assert f"commit | {commits[1][:8]}" in team.note(request.iid, MODEL, saying="training")

    request.state_event = "close"
    request.save()
    queue = team.client("sqs").get_queue_url(QueueName=team.names.queue("report"))["QueueUrl"]
    team.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(sweep_event(team)))
    newer = until(lambda: canceled(team, commits[1]), seconds=60, what="the newer push's status")
    assert newer.description == f"stopped: merge request !{request.iid} was closed"
    jobs = team.client("sagemaker").list_training_jobs(SortBy="CreationTime", SortOrder="Descending", MaxResults=2)
    first, second = (one["TrainingJobName"] for one in reversed(jobs["TrainingJobSummaries"]))
    assert older.description == f"stopped: superseded by {second} of a newer push"
    assert [team.job(job)["TrainingJobStatus"] for job in (first, second)] == ["Stopped", "Stopped"]
    assert len(notes(team, request.iid)) == 1


def canceled(team: Team, commit: str) -> Any:
    """The model's status on a commit, once it is this."""
    found = status(team, commit)
    return found if found and found.status == "canceled" else None


def sweep_event(team: Team) -> dict[str, Any]:
    """What EventBridge sends every five minutes, which is longer than a test waits."""
    names = team.names
    rule = f"arn:aws:events:{names.region}:{names.account}:rule/{sweep_rule(names)}"
    event = {"source": "aws.events", "detail-type": "Scheduled Event", "resources": [rule], "detail": {}}
    return {**event, "account": names.account, "region": names.region}


def test_a_person_sees_the_report_on_the_merge_requests_page(team: Team, tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("Chromium is not installed: nobody has looked at the page")
    page = tmp_path / "page.png"
    address = f"{team.laptop.gitlab}/team/demo/-/merge_requests/1"
    common = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    dom = subprocess.run(
        [*common, f"--screenshot={page}", "--dump-dom", address],
        capture_output=True, text=True, timeout=60, check=True, env=environment,
    ).stdout  # fmt: skip
    assert "mergemaker:report" not in dom.replace("<!--", "").split("<body", 1)[-1].split("data-source", 1)[0]
    assert "<code>rmse</code>" in dom
    assert "serving version 1" not in dom
    assert "replaced by a later release" in dom


def test_no_role_does_what_is_not_its_own(team: Team) -> None:
    """The table is tests/infra/matrix.txt; here the very roles try it, on what is there."""
    team.client("s3").create_bucket(Bucket="other")
    package = packages(team)[0]
    job, arn = team.job(package["CustomerMetadataProperties"]["job"]), package["ModelPackageArn"]
    submit = refusals.ci(team, "submit", id_token(team, "merge_request_event"))
    assert submit.client("sagemaker").describe_training_job(TrainingJobName=job["TrainingJobName"])
    assert submit.client("cloudformation").get_template(StackName=stack_names(team.names)[0])["TemplateBody"]
    assert refusals.gone_wrong(refusals.of_submit(submit, job=job, package=arn, model=MODEL)) == {}
    release = refusals.ci(team, "release", id_token(team, "push"))
    assert release.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert refusals.gone_wrong(refusals.of_release(release, job=job, package=arn, model=MODEL)) == {}
    execution = refusals.execution(team)
    assert execution.client("s3").list_objects_v2(Bucket=team.names.bucket, Prefix=f"{MODEL}/output/")["KeyCount"]
    assert (
        refusals.gone_wrong(refusals.of_execution(execution, run=job["TrainingJobName"], package=arn, model=MODEL))
        == {}
    )


def test_a_merge_requests_job_gets_no_role_of_the_default_branch(team: Team) -> None:
    token = id_token(team, "merge_request_event")
    main = f"project_path:{team.project.path_with_namespace}:ref_type:branch:ref:main"
    for role in ("release", "deploy"):
        with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
            refusals.ci(team, role, token)
        with pytest.raises(ClientError, match="InvalidIdentityToken"):
            refusals.ci(team, role, refusals.forged(token, sub=main))
        assert refusals.ci(team, role, id_token(team, "push")).client("sts").get_caller_identity()


def id_token(team: Team, source: str) -> str:
    """What a job of the newest pipeline from this source shows."""
    return refusals.id_token(team, team.project.pipelines.list(source=source, per_page=1, get_all=False)[0].id)


FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1280,1400",
)  # fmt: skip
"""A browser that looks at this machine only."""


# Changes to the checkout --------------------------------------------------------------------


def add_comment(checkout: Path) -> None:
    """To the model's README: the model changes in git, but nothing that decides a run's outcome."""
    file = checkout / "models" / MODEL / "README.md"
    file.write_text(f"{file.read_text()}\nMore words.\n")


def think(checkout: Path) -> None:
    """For ten minutes, before it trains."""
    file = checkout / "models" / MODEL / "train.py"
    begin = "def main():\n"
    file.write_text(file.read_text().replace(begin, f"{begin}    __import__('time').sleep(600)\n\n"))


def break_script(checkout: Path) -> None:
    file = checkout / "models" / MODEL / "train.py"
    file.write_text(file.read_text().replace('"train.csv"', '"no-such-file.csv"'))


# Looking -----------------------------------------------------------------------------------


def read(team: Team, key: str) -> bytes:
    content: bytes = team.client("s3").get_object(Bucket=team.names.bucket, Key=key)["Body"].read()
    return content


def extract(team: Team, job: Any, archive: str, member: str) -> bytes:
    """A file from one of the job's archives."""
    key = f"{MODEL}/output/{job['TrainingJobName']}/output/{archive}"
    with tarfile.open(fileobj=io.BytesIO(read(team, key))) as files:
        found = files.extractfile(next(name for name in files.getnames() if Path(name).name == member))
        assert found is not None
        return found.read()


def log_of(team: Team, pipeline: Any) -> str:
    logs = [team.job_log(job.id) for job in pipeline.jobs.list(get_all=True)]
    return "\n".join(logs)


def test_nothing_of_it_went_to_a_dead_letter_queue(team: Team) -> None:
    sqs = team.client("sqs")

    def depth(queue: str) -> int:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    for function in ("report", "release", "start"):
        queue = team.names.queue(function)
        until(lambda queue=queue: depth(queue) == 0, seconds=10, what=f"{queue} to be empty")  # type: ignore[misc]
        assert depth(team.names.dead_letter_queue(function)) == 0


def test_setup_mends_what_a_person_broke_and_the_doctor_finds_it_before_and_not_after(team: Team) -> None:
    team.project.variables.delete("MERGEMAKER_SUBMIT_ROLE_ARN")
    team.project.only_allow_merge_if_pipeline_succeeds = False
    team.project.save()
    before = examine(team)
    assert {check for check, mark in before.items() if mark != "fine"} == {
        "CI variable MERGEMAKER_SUBMIT_ROLE_ARN", "pipelines must succeed",
    }  # fmt: skip

    done = mergemaker(team, "setup", said=f"{team.laptop.token}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert team.laptop.token not in done.stdout
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == [
        "was fine", "was fine", "was fine", "made", "was fine", "was fine", "was fine", "changed", "was fine",
        "was fine", "was fine",
    ]  # fmt: skip
    after = examine(team)
    assert {check: mark for check, mark in after.items() if mark != "fine"} == {}
    assert {"CI variable MERGEMAKER_SUBMIT_ROLE_ARN", "dead letters of report", "GitLab token"} <= after.keys()


def examine(team: Team) -> dict[str, str]:
    """What the doctor says of each check."""
    done = mergemaker(team, "doctor", "--json")
    assert done.stderr == ""
    return {one["check"]: one["mark"] for one in json.loads(done.stdout)["findings"]}


def mergemaker(
    team: Team, *words: str, said: str = "", keys: Mapping[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command in the team's checkout, with AWS's address and nothing of GitLab in its environment; with the
    credentials `keys`, as STS gives them, or else a person's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GITLAB_", "CI_"))}
    aws = {name: value for name, value in team.laptop.environment().items() if name.startswith("AWS_")}
    if keys:
        aws |= {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }
    return subprocess.run(
        [sys.executable, "-m", "mergemaker.cli", *words],
        cwd=team.folder, env={**kept, **aws, "PYTHONPATH": str(team.folder)}, input=said,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_merge_that_changes_the_stacks_is_deployed_by_ci_and_leaves_no_difference(team: Team) -> None:
    commit = team.branch("six-reports", "Write six reports at once", six_reports_at_once)
    request = team.open_merge_request("six-reports", "Write six reports at once")
    nothing_to_train = {"mergemaker:plan", "mergemaker:models", "no model changed"}
    pipeline = team.pipeline(commit, "merge_request_event")
    assert jobs_of(pipeline) == {"mergemaker:diff", *nothing_to_train}
    (note,) = until(lambda: notes(team, request.iid), seconds=30, what="the note about the stacks")
    assert note.startswith(f"{STACKS_MARKER}\n\n### 🏗️ **Infrastructure** · 1 stack changes · resources: 1 changed\n")
    assert f"[pipeline {pipeline.id}]({pipeline.web_url}) of commit `{commit[:8]}` on `six-reports`" in note
    assert note.count("There were no differences") == 2
    assert "MaximumConcurrency" in note
    assert reports_at_once(team) != 6

    commit = merge(team, request.iid)
    deploys = [one for one in team.project.pipelines.list(get_all=True) if "mergemaker:deploy" in jobs_of(one)]
    assert [one.sha for one in deploys] == [commit]
    assert reports_at_once(team) == 6

    team.pull()
    said = team.cdk("diff", "--fail")
    assert said.count("There were no differences") == 3
    assert "Number of stacks with differences: 0" in said


def test_in_the_end_cdk_destroy_keeps_what_holds_data_and_says_so(team: Team) -> None:
    before, names = kept(team), team.names
    assert before["objects"]

    said = team.cdk("destroy", "--all", "--force")
    assert said.startswith(
        f"`cdk destroy` keeps what holds data: bucket {names.bucket}, image repository {names.repository}, table "
        f"{names.run_table}, secret {names.token_secret}, key {names.key_alias}\n"
    )
    assert sum("DELETE_SKIPPED" in line for line in said.splitlines()) == 7
    assert kept(team) == before
    assert team.client("lambda").list_functions()["Functions"] == []


def six_reports_at_once(checkout: Path) -> None:
    file = checkout / "mergemaker.toml"
    file.write_text(f"{file.read_text()}\n[maximum_concurrency]\nreport = 6\n")


def reports_at_once(team: Team) -> int:
    found = team.client("lambda").list_event_source_mappings(FunctionName=team.names.function("report"))
    (source,) = found["EventSourceMappings"]
    at_once: int = source["ScalingConfig"]["MaximumConcurrency"]
    return at_once


def jobs_of(pipeline: Any) -> set[str]:
    return {job.name for job in pipeline.jobs.list(get_all=True)}


def kept(team: Team) -> dict[str, Any]:
    """What is in all that must outlive the stacks."""
    names = team.names
    objects = team.client("s3").list_objects_v2(Bucket=names.bucket).get("Contents", [])
    images = team.client("ecr").list_images(repositoryName=names.repository)["imageIds"]
    return {
        "objects": {one["Key"]: one["ETag"] for one in objects},
        "policy": json.loads(team.client("s3").get_bucket_policy(Bucket=names.bucket)["Policy"]),
        "images": sorted(one["imageDigest"] for one in images),
        "runs": sorted(one["job"]["S"] for one in team.client("dynamodb").scan(TableName=names.run_table)["Items"]),
        "token": team.client("secretsmanager").get_secret_value(SecretId=names.token_secret)["SecretString"],
        "key": team.client("kms").describe_key(KeyId=names.key_alias)["KeyMetadata"]["Arn"],
    }
