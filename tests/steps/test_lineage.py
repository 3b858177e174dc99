"""A job's tags are its submitter's word; what it ran is not. Only where the two agree does anything come of a run."""

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mergemaker.domain.job import JobRequest
from mergemaker.domain.names import code_key, job_name, reports_key
from mergemaker.domain.run import Run, Status, Work
from mergemaker.steps.begin import How
from mergemaker.steps.bundle import LARGEST_BUNDLE
from mergemaker.steps.report import report
from tests.fakes.made import MODEL_TOML, bundle_digest, digest, folder, origin, packed
from tests.fakes.story import completed, submitted, trained
from tests.fakes.world import Fakes

VALUES = {
    "integers": "depth = -3\nbig = 123456789012345678901234567890",
    "floats": "rate = 0.1\nwhole = 1.0\ntiny = 5e-324\nzero = -0.0\nlarge = 1e22",
    "no numbers": "nothing = nan\nlong = inf\nshort = -inf",
    "truth": "fast = true\nslow = false",
    "texts": """text = '"quoted" \\ back/slash'\nempty = ''\nnumber = '3'\nspoken = 'naïve 日本 🎈 \u2028'""",
    "lists": "layers = [64, 32.0, 'x', true, []]\nnested = [[1, 2], ['a']]",
    "objects in lists": "steps = [{z = 1, a = 'b'}]",
    "none": "",
}
URI = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
SETTINGS = {
    "environment": "[environment]\nOMP_NUM_THREADS = '1'\nTOKENIZERS = ''",
    "spot": "[train]\nspot = true\nmax_wait_minutes = 90",
    "checkpoints": "[train]\ncheckpoints = true",
    "mpi": "[train]\ndistribution = 'mpi'\ninstance_count = 2",
    "mpi on each core": "[train]\ndistribution = 'mpi'\nprocesses_per_host = 4",
    "torchrun": "[train]\ndistribution = 'torchrun'\ninstance_count = 3\nprocesses_per_host = 2",
    "fast files": "[channels.train]\nprefix = 'train/'\ninput_mode = 'FastFile'\ncontent_type = 'text/csv'",
    "a nested script": "[train]\nscript = 'src/train.py'",
    "an algorithm": f"image.uri = '{URI}'\n[train]\nalgorithm = true\n[hyperparameters]\n"
    "objective = 'reg:squarederror'\nnum_round = 3\nname = '3'\nquiet = true\nlist = '[1,  2]'\nempty = ''",
}


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_an_honest_run_is_kept_whatever_its_hyperparameters(fakes: Fakes, values: str) -> None:
    channels = '[channels.train]\nprefix = "train/"\n[channels.more-data]\nprefix = "train/"\n'
    of = folder(f"[hyperparameters]\n{values}\n[train]\ninstance_count = 2\nscript = 'fit.py'\n{channels}")
    run = trained(fakes, of)
    assert (run.status, run.reason, run.version) == (Status.COMPLETED, "", 1)
    again = submitted(fakes, of)
    assert (again.job, again.how) == (run.job, How.FOUND)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_an_honest_run_is_kept_whatever_its_settings(fakes: Fakes, settings: str) -> None:
    of = folder(settings)
    run = trained(fakes, of)
    assert (run.status, run.reason, run.version) == (Status.COMPLETED, "", 1)
    again = submitted(fakes, of)
    assert (again.job, again.how) == (run.job, How.FOUND)


def test_spot_checkpoints_and_input_mode_ask_for_no_new_run(fakes: Fakes) -> None:
    first = trained(fakes)
    other = folder(
        MODEL_TOML.replace('prefix = "train/"', 'prefix = "train/"\ninput_mode = "FastFile"') + "[train]\nspot = true\n"
    )
    again = submitted(fakes, other)
    assert (again.job, again.how) == (first.job, How.FOUND)


def test_a_second_attempt_goes_on_from_the_checkpoints_of_the_first(fakes: Fakes) -> None:
    of = folder("[train]\ncheckpoints = true")
    first = submitted(fakes, of)
    fakes.jobs.move(first.job, Status.FAILED, reason="no luck")
    second = submitted(fakes, of)
    places = [fakes.jobs.requests[job].checkpoints for job in (first.job, second.job)]
    run_key = fakes.jobs.requests[first.job].lineage.run_key
    assert places == [f"{BUCKET}/prices/checkpoints/{run_key}/"] * 2


def test_the_second_attempt_of_an_honest_run_is_kept(fakes: Fakes) -> None:
    first = submitted(fakes).job
    fakes.jobs.move(first, Status.FAILED, reason="no luck")
    run = trained(fakes)
    assert run.job == f"{first}-2"
    assert run.version == 1


def test_a_package_stays_when_the_image_of_its_run_is_deleted(fakes: Fakes) -> None:
    run = trained(fakes)
    fakes.images.images.clear()
    late = report(run.job, fakes.world)
    assert late is not None
    assert (late.status, late.version) == (Status.COMPLETED, 1)


Forge = Callable[[JobRequest, Work], tuple[JobRequest, Work]]


def work(**changed: Any) -> Forge:
    return lambda request, done: (request, replace(done, **changed))


def hyper(**changed: str | None) -> Forge:
    def forge(request: JobRequest, done: Work) -> tuple[JobRequest, Work]:
        values = {**done.hyperparameters, **{k: v for k, v in changed.items() if v is not None}}
        gone = [key for key, value in changed.items() if value is None]
        return request, replace(done, hyperparameters={k: v for k, v in values.items() if k not in gone})

    return forge


def tags(**changed: Any) -> Forge:
    return lambda request, done: (replace(request, lineage=replace(request.lineage, **changed)), done)


def channel(**changed: str) -> Forge:
    return lambda request, done: (request, replace(done, channels={**done.channels, **changed}))


def resources(**changed: Any) -> Forge:
    return lambda request, done: (request, replace(done, resources=replace(done.resources, **changed)))


BUCKET = "s3://shop-111122223333-eu-west-1"
FORGERIES: dict[str, Forge] = {
    "another hyperparameter": hyper(depth="30"),
    "a hyperparameter more": hyper(seed="1"),
    "a hyperparameter less": hyper(depth=None),
    "the same value in other words": hyper(depth=" 3"),
    "a hyperparameter that is no JSON": hyper(depth="three"),
    "a hyperparameter that never ends": hyper(depth="[" * 2_500),
    "another script": hyper(sagemaker_program='"evil.py"'),
    "no script": hyper(sagemaker_program=None),
    "another code bundle": hyper(sagemaker_submit_directory=f'"{BUCKET}/prices/code/{digest("evil")}.tar.gz"'),
    "another model's code": hyper(sagemaker_submit_directory=f'"{BUCKET}/rents/code/{bundle_digest("code")}.tar.gz"'),
    "another bucket's code": hyper(
        sagemaker_submit_directory=f'"s3://evil/prices/code/{bundle_digest("code")}.tar.gz"'
    ),
    "script mode in another way": hyper(sagemaker_enable_cloudwatch_metrics="true"),
    "another region": hyper(sagemaker_region='"us-east-1"'),
    "another data snapshot": channel(training=f"{BUCKET}/prices/data/{digest('evil')}/training/"),
    "the team's own folder": channel(training=f"{BUCKET}/prices/input/train/"),
    "one channel's data as another's": channel(training=f"{BUCKET}/prices/data/{digest('data')}/test/"),
    "a channel more": channel(more=f"{BUCKET}/prices/input/"),
    "no channel": work(channels={}),
    "another regex": work(metric_regexes={"rmse": "seed=([0-9]+)"}),
    "a regex less": work(metric_regexes={}),
    "a regex for a metric that has none": work(metric_regexes={"rmse": "rmse=([0-9.]+)", "r2": "(1)"}),
    "another output": work(output=f"{BUCKET}/rents/output"),
    "another image": work(image=f"{BUCKET}@sha256:{'e' * 64}"),
    "another machine": resources(instance_type="ml.p4d.24xlarge"),
    "more machines": resources(instance_count=2),
    "a smaller disk": resources(volume_gb=1),
    "less time": resources(max_runtime_seconds=60),
    "an environment": work(environment={"PYTHONPATH": "/evil"}),
    "another type of content": work(content_types={"training": "text/csv"}),
    "another run's checkpoints": work(checkpoints=f"{BUCKET}/prices/checkpoints/{digest('evil')}/"),
    "checkpoints of the team's": work(checkpoints=f"{BUCKET}/prices/input/"),
    "several processes": hyper(sagemaker_mpi_enabled="true"),
    "torchrun": hyper(sagemaker_torch_distributed_enabled="true", sagemaker_mpi_num_of_processes_per_host="2"),
    "two launchers": hyper(sagemaker_mpi_enabled="true", sagemaker_torch_distributed_enabled="true"),
    "a number of processes that is none": hyper(sagemaker_mpi_num_of_processes_per_host='"2"'),
    "an algorithm's hyperparameters": hyper(
        sagemaker_program=None, sagemaker_submit_directory=None, sagemaker_region=None
    ),
    "what no run sets": work(unusual=("ContainerEntrypoint", "RoleArn")),
    "tags of another source": tags(source=digest("evil")),
    "tags of another run key": tags(run_key=digest("evil")),
    "tags of other code": tags(code=digest("evil")),
    "tags of other data": tags(data=digest("evil")),
    "tags of another image": tags(image=f"prices-{'e' * 16}"),
    "tags of another model": tags(model="rents"),
}


def forged(fakes: Fakes, forge: Forge) -> str:
    """A job that says it is the run of merge request !7, and is not. Its name."""
    job = submitted(fakes).job
    request, done = forge(fakes.jobs.requests[job], fakes.jobs.jobs[job].work)
    spec = f"{request.lineage.model}/code/{request.lineage.spec}.toml"
    fakes.files.put(spec, MODEL_TOML.encode())
    fakes.jobs.move(job, Status.IN_PROGRESS, work=done, lineage=request.lineage)
    return job


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_job_that_did_not_run_what_its_tags_say_fails_and_nothing_comes_of_it(fakes: Fakes, forge: Forge) -> None:
    job = forged(fakes, forge)
    refused(fakes, report(job, fakes.world))
    completed(fakes, job, {"rmse": 0.0})
    refused(fakes, report(job, fakes.world))
    assert {status.state for status in fakes.merge_requests.statuses} == {"failed"}


def refused(fakes: Fakes, run: Run | None) -> None:
    assert run is not None
    assert (run.status, run.version, run.metrics) == (Status.FAILED, None, {})
    assert run.reason.startswith("its tags do not match what it ran (")
    assert "\n" not in run.reason
    assert fakes.registry.groups == {}
    assert reports_key(run.model) not in fakes.files
    assert run.reason in fakes.merge_requests.only(7)


def test_settings_that_find_other_numbers_are_settings_of_another_source(fakes: Fakes) -> None:
    """Who may submit chooses the settings that a job names, but not what the reviewed ones find."""
    job = submitted(fakes).job
    forged = MODEL_TOML.replace("rmse=", "seed=")
    fakes.files.put(f"prices/code/{digest(forged)}.toml", forged.encode())
    there = fakes.jobs.jobs[job]
    assert there.lineage is not None
    changed = replace(there.work, metric_regexes={"rmse": "seed=([0-9.]+)"})
    fakes.jobs.move(job, Status.IN_PROGRESS, work=changed, lineage=replace(there.lineage, spec=digest(forged)))
    run = report(job, fakes.world)
    refused(fakes, run)
    assert run is not None
    assert "source" in run.reason


def test_a_regex_that_changes_asks_for_a_run_of_its_own_and_a_goal_does_not(fakes: Fakes) -> None:
    first = trained(fakes)
    same = submitted(fakes, folder(MODEL_TOML.replace("minimize", "maximize")))
    assert (same.job, same.how) == (first.job, How.FOUND)
    other = submitted(fakes, folder(MODEL_TOML.replace("rmse=", "RMSE: ")))
    assert (other.job != first.job, other.how) == (True, How.STARTED)


@pytest.mark.parametrize(
    ("finds", "status"),
    [
        ({"rmse": "rmse=([0-9.]+)", "train:rmse": "#011train-rmse:(.*)"}, Status.COMPLETED),
        ({"rmse": "seed=([0-9.]+)", "train:rmse": "#011train-rmse:(.*)"}, Status.FAILED),
        ({"train:rmse": "#011train-rmse:(.*)"}, Status.FAILED),
    ],
    ids=["beside ours", "instead of ours", "without ours"],
)
def test_aws_may_add_metrics_to_images_of_its_own(fakes: Fakes, finds: dict[str, str], status: Status) -> None:
    of = folder(f"image.uri = '{URI}'\n{MODEL_TOML}", image=URI)
    job = submitted(fakes, of).job
    fakes.jobs.move(job, Status.IN_PROGRESS, work=replace(fakes.jobs.jobs[job].work, metric_regexes=finds))
    completed(fakes, job, {"rmse": 1.0})
    run = report(job, fakes.world)
    assert run is not None
    assert run.status is status


def tar(*entries: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return content.getvalue()


def entry(name: str, size: int = 0, **changed: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    for key, value in changed.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize(
    "stored",
    [
        packed({"train.py": b"evil"}),
        packed({"train.py": b"code", "sitecustomize.py": b"evil"}),
        packed({}),
        b"no archive",
        packed({"train.py": b"code"})[:40],
        tar(entry("train.py", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
        tar(entry("train.py", 4), entry("train.py", 4)),
        gzip.compress(entry("train.py", LARGEST_BUNDLE + 1).tobuf() + b"x" * 512),
        None,
    ],
    ids=["others", "one more", "none", "no archive", "cut off", "a link", "twice the same", "endless", "gone"],
)
def test_a_bundle_that_is_named_after_other_files_makes_no_package(fakes: Fakes, stored: bytes | None) -> None:
    """Everybody who may submit chooses what lies under a digest that nobody has used yet."""
    job = submitted(fakes).job
    key = code_key("prices", bundle_digest("code"))
    fakes.files.delete(key)
    if stored is not None:
        fakes.files.put(key, stored)
    completed(fakes, job, {"rmse": 0.0})
    run = report(job, fakes.world)
    refused(fakes, run)
    assert run is not None
    assert "(the code bundle's content)" in run.reason


def test_it_is_said_what_does_not_match(fakes: Fakes) -> None:
    run = report(forged(fakes, work(unusual=("RoleArn",), image="another")), fakes.world)
    assert run is not None
    assert run.reason == ("its tags do not match what it ran (RoleArn, image): nothing is released of it; submit again")


def test_a_job_under_the_name_of_another_run_is_no_run(fakes: Fakes) -> None:
    """What it says and runs agrees; only its name is another's, who would find it there as theirs."""
    job = submitted(fakes).job
    theirs = job_name("prices", digest("theirs"))
    fakes.jobs.jobs[theirs] = replace(fakes.jobs.jobs[job], name=theirs)
    run = report(theirs, fakes.world)
    assert run is not None
    assert "(name)" in run.reason


@pytest.mark.parametrize(
    "taken",
    [
        {"lineage": None},
        {"work": Work("", {}, {}, "", folder().spec.resources)},
    ],
    ids=["by a job of nobody", "by a job that does something else"],
)
def test_who_finds_the_name_taken_trains_under_the_next_one(fakes: Fakes, taken: dict[str, Any]) -> None:
    first = submitted(fakes).job
    fakes.jobs.move(first, Status.COMPLETED, **taken)
    again = submitted(fakes)
    assert (again.job, again.how) == (f"{first}-2", How.STARTED)
    completed(fakes, again.job, {"rmse": 1.0})
    run = report(again.job, fakes.world)
    assert run is not None
    assert run.version == 1


def test_a_run_that_says_the_same_with_another_run_key_is_not_found(fakes: Fakes) -> None:
    """A name holds 12 digits of the run key: two keys can be made that share them."""
    job = submitted(fakes).job
    there = fakes.jobs.jobs[job].lineage
    assert there is not None
    fakes.jobs.move(job, Status.COMPLETED, lineage=replace(there, run_key=there.run_key[:12] + "0" * 52))
    assert submitted(fakes, who=origin(pipeline=71)).how is How.STARTED


# The data's files ---------------------------------------------------------------------------


def test_a_run_on_a_snapshot_that_somebody_added_to_is_refused(fakes: Fakes) -> None:
    job = submitted(fakes).job
    snapshot = fakes.jobs.requests[job].lineage.data
    fakes.files.put(f"prices/data/{snapshot}/training/evil.csv", b"6,6,6")
    completed(fakes, job, {"rmse": 0.0})
    run = report(job, fakes.world)
    assert run is not None
    assert (run.status, run.version) == (Status.FAILED, None)
    assert "(the files of its data)" in run.reason


@pytest.mark.parametrize("content", [b"[]", b"not json", b"[[1]]", b"null"])
def test_a_run_on_a_snapshot_whose_list_is_another_is_refused(fakes: Fakes, content: bytes) -> None:
    job = submitted(fakes).job
    snapshot = fakes.jobs.requests[job].lineage.data
    fakes.files.put(f"prices/data/{snapshot}.json", content)
    completed(fakes, job, {"rmse": 0.0})
    run = report(job, fakes.world)
    assert run is not None
    assert "(the files of its data)" in run.reason
