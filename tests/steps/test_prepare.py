"""Data that a processing job prepares: once for the same script, image and input, believed only where it is proven."""

import json
from dataclasses import replace
from typing import Any

import pytest

from mergemaker.domain.errors import MergemakerError, RefusedError, RetryableError, ServiceError, UsageError
from mergemaker.domain.model import SMOKE_MARK
from mergemaker.domain.names import prepared_key, waiting_key
from mergemaker.domain.run import Run, Status
from mergemaker.steps.begin import How
from mergemaker.steps.image import build_ended
from mergemaker.steps.prepare import preparation_ended, run_waits
from mergemaker.steps.report import read_request, report
from mergemaker.steps.reproduce import reproduce
from mergemaker.steps.snapshot import DataFile, digest_of, is_as_listed, keep
from mergemaker.steps.submit import Folder, Packed
from tests.fakes.made import bundle_digest, folder, origin, packed
from tests.fakes.story import asked, completed, heard, submitted
from tests.fakes.world import Fakes

TEXT = """
[prepare]

[channels.training]

[channels.validation]

[metrics.rmse]
goal = "minimize"
"""
LEFT = {"training/a.csv": b"1", "training/b.csv": b"2", "validation/c.csv": b"3"}


def prepared_folder(*, script: str = "prepare", code: str = "code", text: str = TEXT) -> Folder:
    """A model that prepares its data. `script` is what prepare.py says."""
    files = {"train.py": script.encode()}  # a bundle's one file, as `made.folder` has it
    return replace(folder(text, code=code), prepare_code=Packed(bundle_digest(script), archive=lambda: packed(files)))


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def ended(fakes: Fakes, name: str) -> list[str]:
    return preparation_ended(name, fakes.world, fakes.now)


def only(fakes: Fakes) -> str:
    """The one processing job."""
    (name,) = fakes.preparations.jobs
    return name


def waiting(fakes: Fakes) -> list[str]:
    return [key for key in fakes.files.objects if "/code/waiting/" in key]


def prepared(fakes: Fakes, of: Folder | None = None) -> str:
    """A run whose data was prepared, and which started. Its name."""
    job = submitted(fakes, of or prepared_folder()).job
    fakes.preparations.complete(only(fakes), LEFT)
    assert ended(fakes, only(fakes)) == [job]
    return job


# The way of a run ---------------------------------------------------------------------------


def test_a_run_waits_for_its_data_and_trains_on_what_was_prepared(fakes: Fakes) -> None:
    done = submitted(fakes, prepared_folder())
    assert (done.how, done.status, fakes.jobs.jobs) == (How.WAITS_FOR_DATA, Status.WAITING, {})
    request = fakes.preparations.requests[only(fakes)]
    assert request.name.startswith("prices-prepare-")
    fakes.preparations.complete(request.name, LEFT)
    assert ended(fakes, request.name) == [done.job]
    work = fakes.jobs.jobs[done.job].work
    place = f"prices/prepared/{request.preparation.key}/"
    assert dict(work.channels) == {
        name: f"s3://{fakes.names.bucket}/{place}{name}/" for name in ("training", "validation")
    }
    assert {key.removeprefix(place): fakes.files[key] for key in fakes.files.objects if key.startswith(place)} == LEFT
    assert waiting(fakes) == []


def test_the_job_reads_the_snapshot_of_the_input_and_its_code(fakes: Fakes) -> None:
    submitted(fakes, prepared_folder())
    request = fakes.preparations.requests[only(fakes)]
    work = fakes.preparations.jobs[request.name].work
    bucket, made_of = f"s3://{fakes.names.bucket}/prices", request.preparation
    assert work.inputs == {
        "code": (f"{bucket}/code/{made_of.code}.tar.gz", "/opt/ml/processing/input/code"),
        "data": (f"{bucket}/data/{made_of.data}/data/", "/opt/ml/processing/input/data"),
    }
    assert f"prices/data/{made_of.data}/data/train/rows.csv" in fakes.files
    assert f"prices/code/{made_of.code}.tar.gz" in fakes.files


def test_the_same_script_and_input_are_prepared_once_whatever_trains_on_them(fakes: Fakes) -> None:
    first = prepared(fakes)
    second = submitted(fakes, prepared_folder(code="another train.py"))
    assert (second.how, len(fakes.preparations.jobs)) == (How.STARTED, 1)
    assert fakes.jobs.jobs[second.job].work.channels == fakes.jobs.jobs[first].work.channels


def test_two_runs_wait_for_one_preparation(fakes: Fakes) -> None:
    jobs = [submitted(fakes, prepared_folder(code=code)).job for code in ("one", "two")]
    fakes.preparations.complete(only(fakes), LEFT)
    assert sorted(ended(fakes, only(fakes))) == sorted(jobs)
    assert sorted(fakes.jobs.jobs) == sorted(jobs)


def test_another_script_or_input_is_prepared_anew_and_gives_another_run(fakes: Fakes) -> None:
    first = prepared(fakes)
    script = submitted(fakes, prepared_folder(script="another prepare.py"))
    fakes.files.put("prices/input/train/rows.csv", b"4,5,6")
    rows = submitted(fakes, prepared_folder())
    assert len({first, script.job, rows.job}) == len(fakes.preparations.jobs) == 3


def test_the_instance_that_prepares_does_not_make_it_other_data(fakes: Fakes) -> None:
    first = prepared(fakes)
    larger = prepared_folder(text=TEXT.replace("[prepare]", '[prepare]\ninstance_type = "ml.m5.4xlarge"'))
    assert (submitted(fakes, larger).job, len(fakes.preparations.jobs)) == (first, 1)


def test_a_run_that_waits_for_its_image_then_waits_for_its_data(fakes: Fakes) -> None:
    of = prepared_folder()
    job = asked(fakes, of, image=False)
    assert "waits for its image" in fakes.merge_requests.only(7)
    assert fakes.preparations.jobs == {}
    build = fakes.images.finish(of.image_tag)
    assert build_ended(of.image_tag, build, world=fakes.world, clock=fakes.now) == [job]
    assert f"| preparation | [{only(fakes)}](" in fakes.merge_requests.only(7)
    fakes.preparations.complete(only(fakes), LEFT)
    assert ended(fakes, only(fakes)) == [job]
    assert (list(fakes.jobs.jobs), waiting(fakes)) == ([job], [])


def test_the_note_says_who_prepares_and_a_word_from_before_does_not_take_that_back(fakes: Fakes) -> None:
    job = asked(fakes, prepared_folder())
    note = fakes.merge_requests.only(7)
    assert f"| preparation | [{only(fakes)}](" in note
    heard(fakes, job, origin())
    assert fakes.merge_requests.only(7) == note
    assert fakes.merge_requests.status.state == "pending"


def test_the_record_says_what_the_data_was_prepared_by_and_from(fakes: Fakes) -> None:
    job = prepared(fakes)
    completed(fakes, job, {"rmse": 2.0})
    run = report(job, fakes.world)
    assert isinstance(run, Run)
    made_of = fakes.preparations.requests[only(fakes)].preparation
    lineage = run.lineage
    assert (lineage.data, lineage.prepare, lineage.input) == (made_of.key, made_of.source, made_of.data)
    assert (run.status, run.version) == (Status.COMPLETED, 1)


def test_a_run_on_prepared_data_is_reproduced_without_preparing_again(fakes: Fakes) -> None:
    job = prepared(fakes)
    completed(fakes, job, {"rmse": 2.0})
    fakes.files.put("prices/input/train/rows.csv", b"something else")
    again = reproduce(job, names=fakes.names, files=fakes.files, jobs=fakes.jobs)
    assert fakes.jobs.jobs[again.job].work.channels == fakes.jobs.jobs[job].work.channels
    assert len(fakes.preparations.jobs) == 1


def test_the_merged_tree_has_the_source_of_its_reviewed_run_and_another_script_has_not(fakes: Fakes) -> None:
    job = prepared(fakes)
    lineage = fakes.jobs.requests[job].lineage
    assert prepared_folder().ingredients(data="").source == lineage.source
    assert prepared_folder(script="other").ingredients(data="").source != lineage.source


def test_while_gitlab_is_away_a_run_goes_on_to_wait_for_its_data_and_nothing_of_it_stays_behind(fakes: Fakes) -> None:
    of = prepared_folder()
    asked(fakes, of, image=False)
    fakes.merge_requests.down = RetryableError("GitLab can't be reached")
    with pytest.raises(RetryableError, match="GitLab"):
        build_ended(of.image_tag, fakes.images.finish(of.image_tag), world=fakes.world, clock=fakes.now)
    (key,) = waiting(fakes)
    assert key.split("/")[-2] == only(fakes)


# Failures -----------------------------------------------------------------------------------


def test_a_failed_preparation_is_told_and_the_next_submit_tries_again(fakes: Fakes) -> None:
    asked(fakes, prepared_folder())
    first = only(fakes)
    fakes.preparations.move(first, Status.FAILED, reason="AlgorithmError: no column rings")
    ended(fakes, first)
    note = fakes.merge_requests.only(7)
    assert "failed" in note
    assert f"its data could not be prepared ({first}): AlgorithmError: no column rings" in note
    assert (waiting(fakes), fakes.merge_requests.status.state) == ([], "failed")
    assert submitted(fakes, prepared_folder(), origin(pipeline=71)).how is How.WAITS_FOR_DATA
    assert list(fakes.preparations.jobs) == [first, f"{first}-2"]


def test_a_channel_that_nothing_was_left_for_is_told(fakes: Fakes) -> None:
    asked(fakes, prepared_folder())
    fakes.preparations.complete(only(fakes), {"training/a.csv": b"1"})
    ended(fakes, only(fakes))
    assert "left nothing in /opt/ml/processing/output/validation" in fakes.merge_requests.only(7)
    assert fakes.jobs.jobs == {}


def test_after_a_preparation_that_left_too_little_the_next_submit_hears_the_same_at_once(fakes: Fakes) -> None:
    asked(fakes, prepared_folder())
    name = only(fakes)
    fakes.preparations.complete(name, {"training/a.csv": b"1"})
    ended(fakes, name)
    who = origin(pipeline=71, merge_request=8)
    done = submitted(fakes, prepared_folder(), who)
    assert run_waits(waiting_key("prices", name, done.job), fakes.world, fakes.now) == [done.job]
    assert "left nothing" in fakes.merge_requests.only(8)
    assert list(fakes.preparations.jobs) == [name]


def test_a_preparation_that_ended_before_the_run_was_left_to_wait_starts_it_all_the_same(fakes: Fakes) -> None:
    of = prepared_folder()
    first = submitted(fakes, of).job
    name = only(fakes)
    fakes.preparations.complete(name, LEFT)
    ended(fakes, name)
    key = prepared_key("prices", fakes.preparations.requests[name].preparation.key)
    list_of_it = fakes.files.objects.pop(key)
    second = submitted(fakes, prepared_folder(code="two"))
    assert second.how is How.WAITS_FOR_DATA
    fakes.files.objects[key] = list_of_it
    for _ in range(2):
        run_waits(waiting_key("prices", name, second.job), fakes.world, fakes.now)
    assert sorted(fakes.jobs.jobs) == sorted([first, second.job])


def test_an_event_of_a_job_that_goes_on_or_is_not_ours_does_nothing(fakes: Fakes) -> None:
    submitted(fakes, prepared_folder())
    name = only(fakes)
    assert ended(fakes, name) == ended(fakes, "prices-prepare-000000000000") == []
    fakes.preparations.complete(name, LEFT)
    fakes.preparations.jobs[name] = replace(fakes.preparations.jobs[name], project="shop-eu")
    assert ended(fakes, name) == []
    fakes.preparations.jobs[name] = replace(fakes.preparations.jobs[name], project="shop", preparation=None)
    assert ended(fakes, name) == []
    assert fakes.jobs.jobs == {}


def test_a_job_that_sagemaker_refuses_is_told(fakes: Fakes) -> None:
    of = prepared_folder()
    asked(fakes, of, image=False)
    fakes.preparations.fail("start", ServiceError("AWS says ResourceLimitExceeded: quota of ml.m5.large is 0"))
    build_ended(of.image_tag, fakes.images.finish(of.image_tag), world=fakes.world, clock=fakes.now)
    assert "the job could not be started: AWS says ResourceLimitExceeded" in fakes.merge_requests.only(7)
    assert waiting(fakes) == []


def test_after_many_failures_only_a_change_makes_another_attempt(fakes: Fakes) -> None:
    for _ in range(20):
        submitted(fakes, prepared_folder())
        fakes.preparations.move(list(fakes.preparations.jobs)[-1], Status.FAILED, reason="no")
    with pytest.raises(RefusedError, match="20 times this very data could not be prepared"):
        submitted(fakes, prepared_folder())


def test_a_run_that_waited_for_its_image_hears_that_only_a_change_makes_another_attempt(fakes: Fakes) -> None:
    of = prepared_folder()
    for _ in range(20):
        submitted(fakes, of)
        fakes.preparations.move(list(fakes.preparations.jobs)[-1], Status.FAILED, reason="no")
    fakes.files.objects = {key: one for key, one in fakes.files.objects.items() if "/code/waiting/" not in key}
    fakes.images.images.clear()
    asked(fakes, of, image=False)
    build_ended(of.image_tag, fakes.images.finish(of.image_tag), world=fakes.world, clock=fakes.now)
    assert "20 times this very data could not be prepared" in fakes.merge_requests.only(7)
    assert waiting(fakes) == []


def test_an_output_that_is_another_than_what_was_copied_of_it_is_told(fakes: Fakes) -> None:
    asked(fakes, prepared_folder())
    name = only(fakes)
    fakes.preparations.complete(name, LEFT)
    key = fakes.preparations.requests[name].preparation.key
    fakes.files.put(f"prices/prepared/{key}/training/a.csv", b"copied before the output was exchanged")
    ended(fakes, name)
    assert "training/a.csv has other bytes than" in fakes.merge_requests.only(7)
    assert (waiting(fakes), fakes.jobs.jobs) == ([], {})


@pytest.mark.parametrize(
    ("port", "call"),
    [
        ("preparations", "find"),
        ("files", "copy"),
        ("files", "write"),
        ("files", "read"),
        ("files", "delete"),
        ("jobs", "start"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_whatever_fails_the_next_try_starts_the_run_once(fakes: Fakes, port: str, call: str, after: bool) -> None:
    job = submitted(fakes, prepared_folder()).job
    fakes.preparations.complete(only(fakes), LEFT)
    getattr(fakes, port).fail(call, after=after)
    with pytest.raises(MergemakerError):
        ended(fakes, only(fakes))
    ended(fakes, only(fakes))
    assert (list(fakes.jobs.jobs), waiting(fakes)) == ([job], [])
    assert len(fakes.files.copied) == len(set(fakes.files.copied))


def test_an_output_that_changes_while_it_is_taken_over_is_tried_again(fakes: Fakes) -> None:
    submitted(fakes, prepared_folder())
    name = only(fakes)
    fakes.preparations.complete(name, LEFT)
    fakes.files.meanwhile("copy", lambda: fakes.files.put(f"prices/output/{name}/training/a.csv", b"another"))
    fakes.files.meanwhile("write", lambda: pytest.fail("the list was written"))
    with pytest.raises(RetryableError):
        ended(fakes, name)
    assert fakes.jobs.jobs == {}


# Lies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"command": ("/bin/sh", "-c", "evil")}, "script"),
        ({"unusual": ("Environment",)}, "Environment"),
        ({"inputs": {"data": ("s3://elsewhere/", "/opt/ml/processing/input/data")}}, "code or data"),
        ({"image": "elsewhere@sha256:" + "1" * 64}, "image"),
    ],
)
def test_what_a_job_left_that_did_something_else_is_not_taken_over(
    fakes: Fakes, changed: dict[str, object], what: str
) -> None:
    asked(fakes, prepared_folder())
    name = only(fakes)
    fakes.preparations.complete(name, LEFT)
    job = fakes.preparations.jobs[name]
    fakes.preparations.jobs[name] = replace(job, work=replace(job.work, **changed))  # type: ignore[arg-type]
    ended(fakes, name)
    assert f"its tags do not match what it ran ({what})" in fakes.merge_requests.only(7)
    assert fakes.jobs.jobs == {}
    assert not [key for key in fakes.files.objects if key.startswith("prices/prepared/")]


def test_a_job_that_ran_other_code_than_its_bundle_is_named_after_is_not_taken_over(fakes: Fakes) -> None:
    asked(fakes, prepared_folder())
    name = only(fakes)
    fakes.preparations.complete(name, LEFT)
    code = fakes.preparations.requests[name].preparation.code
    fakes.files.put(f"prices/code/{code}.tar.gz", packed({"train.py": b"evil"}))
    ended(fakes, name)
    assert "(the code bundle's content)" in fakes.merge_requests.only(7)
    assert fakes.jobs.jobs == {}


@pytest.mark.parametrize(
    ("planted", "where"),
    [
        ("code/{code}.tar.gz/{code}.tar.gz", "beside the bundle of prepare.py"),
        ("code/{code}.tar.gz.tar.gz", "beside the bundle of prepare.py"),
        ("data/{data}/data/train/more.csv", "into the snapshot of its input"),
        ("data/{data}/more/rows.csv", "into the snapshot of its input"),
    ],
)
def test_what_somebody_put_to_what_a_job_read_is_seen(fakes: Fakes, planted: str, where: str) -> None:
    asked(fakes, prepared_folder())
    name = only(fakes)
    made_of = fakes.preparations.requests[name].preparation
    fakes.files.put(f"prices/{planted.format(code=made_of.code, data=made_of.data)}", b"evil")
    fakes.preparations.complete(name, LEFT)
    ended(fakes, name)
    assert f"somebody put files {where}" in fakes.merge_requests.only(7)
    assert fakes.jobs.jobs == {}
    assert not [key for key in fakes.files.objects if key.startswith("prices/prepared/")]


def test_files_of_a_snapshot_that_are_others_than_its_list_says_are_seen(fakes: Fakes) -> None:
    asked(fakes, prepared_folder())
    made_of = fakes.preparations.requests[only(fakes)].preparation
    fakes.files.put(f"prices/data/{made_of.data}/data/train/rows.csv", b"placed before it was made")
    fakes.preparations.complete(only(fakes), LEFT)
    ended(fakes, only(fakes))
    assert "into the snapshot of its input" in fakes.merge_requests.only(7)


def test_a_snapshot_of_which_only_dvc_knew_the_sizes_is_as_listed(fakes: Fakes) -> None:
    found = [DataFile("data/a.csv", "dvc/input/files/md5/ab/c", "md5:abc", None)]
    fakes.files.put("dvc/input/files/md5/ab/c", b"1,2")
    keep("prices", found, files=fakes.files)
    assert is_as_listed("prices", digest_of(found), files=fakes.files)
    del fakes.files.objects[f"prices/data/{digest_of(found)}/data/a.csv"]
    assert not is_as_listed("prices", digest_of(found), files=fakes.files)


def test_a_name_that_was_taken_for_something_else_is_passed_over(fakes: Fakes) -> None:
    submitted(fakes, prepared_folder())
    name = only(fakes)
    job = fakes.preparations.jobs[name]
    fakes.preparations.jobs[name] = replace(job, work=replace(job.work, command=("sleep", "3600")))
    submitted(fakes, prepared_folder(), origin(pipeline=71))
    assert list(fakes.preparations.jobs) == [name, f"{name}-2"]


def test_a_name_that_was_taken_with_another_image_is_passed_over(fakes: Fakes) -> None:
    submitted(fakes, prepared_folder())
    name = only(fakes)
    job = fakes.preparations.jobs[name]
    fakes.preparations.jobs[name] = replace(job, work=replace(job.work, image="elsewhere@sha256:" + "1" * 64))
    submitted(fakes, prepared_folder(), origin(pipeline=71))
    assert list(fakes.preparations.jobs) == [name, f"{name}-2"]


@pytest.mark.parametrize(
    "change",
    [
        lambda job: replace(job, lineage=None),
        lambda job: replace(job, lineage=replace(job.lineage, project="shop-eu")),
        lambda job: replace(job, lineage=replace(job.lineage, run_key="0" * 64)),
        lambda job: replace(job, work=replace(job.work, environment={SMOKE_MARK: "1"})),
    ],
)
def test_a_run_whose_name_was_taken_while_it_waited_is_told_and_the_next_submit_passes_it_over(
    fakes: Fakes, change: Any
) -> None:
    job = asked(fakes, prepared_folder())
    (key,) = waiting(fakes)
    request = read_request(key, fakes.files)
    assert request is not None
    fakes.jobs.start(request, image="any")
    fakes.jobs.jobs[job] = change(fakes.jobs.jobs[job])
    fakes.preparations.complete(only(fakes), LEFT)
    ended(fakes, only(fakes))
    assert "that is another; submit again" in fakes.merge_requests.only(7)
    assert waiting(fakes) == []
    assert submitted(fakes, prepared_folder(), origin(pipeline=71)).job == f"{job}-2"


def test_a_training_job_whose_tags_name_another_preparation_is_refused(fakes: Fakes) -> None:
    job = prepared(fakes)
    lineage = fakes.jobs.jobs[job].lineage
    assert lineage is not None
    fakes.jobs.jobs[job] = replace(fakes.jobs.jobs[job], lineage=replace(lineage, input="0" * 64))
    completed(fakes, job, {"rmse": 0.0})
    run = report(job, fakes.world)
    assert run is not None
    assert (run.status, run.version) == (Status.FAILED, None)
    assert "data" in run.reason


def test_a_training_job_on_prepared_data_that_is_not_whole_is_refused(fakes: Fakes) -> None:
    job = prepared(fakes)
    fakes.files.delete(prepared_key("prices", fakes.jobs.requests[job].lineage.data))
    completed(fakes, job, {"rmse": 0.0})
    run = report(job, fakes.world)
    assert run is not None
    assert (run.version, "(the files of its data)" in run.reason) == (None, True)


def test_a_waiting_run_elsewhere_than_it_belongs_is_refused(fakes: Fakes) -> None:
    done = submitted(fakes, prepared_folder())
    (key,) = waiting(fakes)
    elsewhere = waiting_key("prices", "prices-prepare-000000000000", done.job)
    fakes.files.put(elsewhere, fakes.files[key])
    assert run_waits(elsewhere, fakes.world, fakes.now) == []
    fakes.files.put("rents/code/waiting/x/y.json", fakes.files[key])
    with pytest.raises(RefusedError, match="not where this request belongs"):
        run_waits("rents/code/waiting/x/y.json", fakes.world, fakes.now)


# Money --------------------------------------------------------------------------------------


def test_a_budget_holds_for_preparation_and_training_together(fakes: Fakes) -> None:
    text = TEXT + "\n[train]\nbudget = 0.2\n"
    with pytest.raises(RefusedError, match=r"and 1 × ml.m5.large for up to 60 minutes may cost \$0.230"):
        submitted(fakes, prepared_folder(text=text))
    assert submitted(fakes, prepared_folder(text=text.replace("0.2\n", "0.24\n"))).how is How.WAITS_FOR_DATA


# What waits is hostile until parsed ---------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"name": "prices-prepare-000000000000"},
        {"name": "../../x"},
        {"project": 3},
        {"resources": {}},
        {
            "resources": {
                "instance_type": "ml.m5.large",
                "instance_count": 1,
                "volume_gb": "x",
                "max_runtime_seconds": 1,
            }
        },
        {"preparation": {}},
        {"preparation": "x"},
        {"more": 1},
        "x",
    ],
)
def test_a_waiting_run_whose_preparation_was_tampered_with_is_an_error(fakes: Fakes, change: Any) -> None:
    submitted(fakes, prepared_folder())
    (key,) = waiting(fakes)
    said = json.loads(fakes.files[key])
    if not isinstance(change, dict):
        said["preparation"] = change
    elif "more" not in change:
        said["preparation"] |= change
    else:
        said["preparation"]["preparation"] |= change
    fakes.files.put(key, json.dumps(said).encode())
    with pytest.raises(UsageError, match="waiting run"):
        run_waits(key, fakes.world, fakes.now)


def test_a_waiting_run_with_another_runs_preparation_is_an_error(fakes: Fakes) -> None:
    submitted(fakes, prepared_folder())
    submitted(fakes, prepared_folder(script="other"))
    one, two = waiting(fakes)
    said, other = (json.loads(fakes.files[key]) for key in (one, two))
    fakes.files.put(one, json.dumps(said | {"preparation": other["preparation"]}).encode())
    with pytest.raises(UsageError, match="waiting run"):
        run_waits(one, fakes.world, fakes.now)
