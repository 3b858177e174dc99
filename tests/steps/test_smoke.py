"""A smoke run: the run itself on a part of its data, once, before it starts; and nothing that people could take for a
run."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from mergemaker.domain.errors import MergemakerError, RefusedError, RetryableError, UsageError
from mergemaker.domain.lineage import TAG_PREFIX
from mergemaker.domain.model import SMOKE_MARK, Resources
from mergemaker.domain.names import SMOKE as SOUGHT
from mergemaker.domain.names import snapshot_key, snapshots_folder, submission_key, waiting_key
from mergemaker.domain.run import Status, TrainingJob
from mergemaker.steps.begin import How
from mergemaker.steps.image import build_ended
from mergemaker.steps.part import FEWEST
from mergemaker.steps.prepare import preparation_ended, run_waits
from mergemaker.steps.report import report
from mergemaker.steps.reproduce import reproduce
from mergemaker.steps.smoke import smoke_ended
from mergemaker.steps.submit import Folder, Submitted
from tests.fakes.made import MODEL_TOML, folder, origin
from tests.fakes.story import DATA, completed, heard
from tests.fakes.story import asked as asked_by_ci
from tests.fakes.story import submitted as by_ci
from tests.fakes.world import Fakes
from tests.steps.test_foreign_image import BY_TAG, NEW, OLD
from tests.steps.test_prepare import LEFT, prepared_folder
from tests.steps.test_prepare import TEXT as PREPARED

SMOKE = "[smoke]\nfraction = 0.5\ninstance_type = 'ml.m5.xlarge'\n"
TEXT = SMOKE + "[train]\ninstance_type = 'ml.p3.2xlarge'\nspot = true\nvolume_gb = 40\n" + MODEL_TOML
ROW = b"0,1,2,3,4,5,6,7\n"


def smoked(text: str = TEXT, **changed: Any) -> Folder:
    return folder(text, **changed)


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def smoke(fakes: Fakes) -> str:
    """The smoke run that was started last."""
    return [name for name, job in fakes.jobs.jobs.items() if SMOKE_MARK in job.work.environment][-1]


def sought(fakes: Fakes) -> None:
    """The bucket's events of what waits for its smoke run."""
    for key in [key for key in waiting(fakes) if f"/{SOUGHT}/" in key]:
        run_waits(key, fakes.world, fakes.now)


def submitted(fakes: Fakes, *args: Any, **changed: Any) -> Submitted:
    """CI submits, and the event of what it left is delivered."""
    done = by_ci(fakes, *args, **changed)
    sought(fakes)
    return done


def asked(fakes: Fakes, of: Folder, **changed: Any) -> str:
    """The same, and the report function hears of it first."""
    job = asked_by_ci(fakes, of, **changed)
    sought(fakes)
    return job


def ended(fakes: Fakes, name: str) -> list[str]:
    return smoke_ended(name, fakes.world, fakes.now)


def passed(fakes: Fakes, of: Folder | None = None) -> str:
    """A run whose smoke run has passed, and which started. Its name."""
    job = submitted(fakes, of or smoked()).job
    completed(fakes, smoke(fakes))
    assert ended(fakes, smoke(fakes)) == [job]
    return job


def waiting(fakes: Fakes) -> list[str]:
    return [key for key in fakes.files.objects if "/code/waiting/" in key]


def part(fakes: Fakes, channel: str = "training") -> dict[str, bytes]:
    """What the smoke run finds in a channel."""
    at = fakes.jobs.jobs[smoke(fakes)].work.channels[channel].removeprefix(f"s3://{fakes.names.bucket}/")
    return {key.removeprefix(at): fakes.files[key] for key in fakes.files.objects if key.startswith(at)}


# The way of a run ---------------------------------------------------------------------------


def test_a_run_starts_when_its_smoke_run_has_passed(fakes: Fakes) -> None:
    done = submitted(fakes, smoked())
    assert (done.how, done.status) == (How.WAITS_FOR_SMOKE, Status.WAITING)
    assert list(fakes.jobs.jobs) == [smoke(fakes)]
    assert ended(fakes, smoke(fakes)) == []
    completed(fakes, smoke(fakes))
    assert ended(fakes, smoke(fakes)) == [done.job]
    assert list(fakes.jobs.jobs) == [smoke(fakes), done.job]
    assert waiting(fakes) == []


def test_a_smoke_run_is_the_run_in_small(fakes: Fakes) -> None:
    run = fakes.jobs.requests[passed(fakes)]
    small = fakes.jobs.requests[smoke(fakes)]
    assert (small.hyperparameters, small.metric_regexes, small.output) == (
        run.hyperparameters,
        run.metric_regexes,
        run.output,
    )
    assert small.resources == Resources("ml.m5.xlarge", 1, volume_gb=40, max_runtime_seconds=600)
    assert (dict(small.environment), dict(run.environment)) == ({SMOKE_MARK: "1"}, {})
    assert (small.max_wait_seconds, small.checkpoints) == (None, "")
    assert run.checkpoints
    assert fakes.jobs.jobs[small.name].work.image == fakes.jobs.jobs[run.name].work.image


def test_without_the_table_nothing_comes_before_the_run(fakes: Fakes) -> None:
    assert submitted(fakes).how is How.STARTED


def test_the_note_tells_of_the_smoke_run_with_links_until_the_run_trains(fakes: Fakes) -> None:
    job = asked(fakes, smoked())
    name, note = smoke(fakes), fakes.merge_requests.only(7)
    assert "### ⏳ **prices** · smoke run first" in note
    assert f"| smoke run | [{name}](https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1" in note
    assert re.search(rf"\| smoke run \| .*\[CloudWatch\]\(.*TrainingJobs.*{name}", note)
    assert fakes.merge_requests.status.state == "pending"
    heard(fakes, job, origin())
    assert fakes.merge_requests.only(7) == note
    completed(fakes, name)
    ended(fakes, name)
    report(job, fakes.world)
    assert name not in fakes.merge_requests.only(7)


def test_a_run_waits_for_its_image_then_for_its_data_then_for_its_smoke_run(fakes: Fakes) -> None:
    of = prepared_folder(text=SMOKE + PREPARED)
    job = asked(fakes, of, image=False)
    assert "waits for its image" in fakes.merge_requests.only(7)
    build_ended(of.image_tag, fakes.images.finish(of.image_tag), world=fakes.world, clock=fakes.now)
    (preparation,) = fakes.preparations.jobs
    assert "waits for its data" in fakes.merge_requests.only(7)
    assert fakes.jobs.jobs == {}
    fakes.preparations.complete(preparation, LEFT)
    assert preparation_ended(preparation, fakes.world, fakes.now) == [job]
    assert "smoke run first" in fakes.merge_requests.only(7)
    assert fakes.jobs.jobs == {}
    sought(fakes)
    assert "smoke run first" in fakes.merge_requests.only(7)
    heard(fakes, job, origin())
    assert "smoke run first" in fakes.merge_requests.only(7)
    assert (len(part(fakes)), part(fakes, "validation")) == (1, {"c.csv": b"3"})
    completed(fakes, smoke(fakes))
    assert ended(fakes, smoke(fakes)) == [job]
    assert (job in fakes.jobs, waiting(fakes)) == (True, [])
    completed(fakes, job, {"rmse": 2.0})
    run = report(job, fakes.world)
    assert run is not None
    assert (run.status, run.version) == (Status.COMPLETED, 1)


def test_a_run_whose_image_comes_later_has_its_smoke_run_then(fakes: Fakes) -> None:
    of = smoked()
    job = asked(fakes, of, image=False)
    build_ended(of.image_tag, fakes.images.finish(of.image_tag), world=fakes.world, clock=fakes.now)
    sought(fakes)
    note = fakes.merge_requests.only(7)
    assert smoke(fakes) in note
    heard(fakes, job, origin())
    assert fakes.merge_requests.only(7) == note


def test_somebody_elses_image_is_what_its_address_meant_at_submit(fakes: Fakes) -> None:
    fakes.images.elsewhere[BY_TAG] = OLD
    of = smoked(f"image.uri = '{BY_TAG}'\n{TEXT}")
    done = by_ci(fakes, of, image=False)
    fakes.images.elsewhere[BY_TAG] = NEW
    sought(fakes)
    completed(fakes, smoke(fakes))
    assert ended(fakes, smoke(fakes)) == [done.job]
    assert {job.work.image for job in fakes.jobs.jobs.values()} == {OLD}


def test_a_smoke_run_that_ended_before_the_run_was_left_to_wait_starts_it_all_the_same(fakes: Fakes) -> None:
    job = submitted(fakes, smoked()).job
    (key,) = waiting(fakes)
    left = fakes.files.objects.pop(key)
    completed(fakes, smoke(fakes))
    assert ended(fakes, smoke(fakes)) == []
    fakes.files.put(key, left)
    assert run_waits(key, fakes.world, fakes.now) == [job]
    assert job in fakes.jobs


# Once ---------------------------------------------------------------------------------------


def test_the_same_smoke_run_is_done_once_whoever_asks(fakes: Fakes) -> None:
    one = submitted(fakes, smoked())
    other = smoked(TEXT.replace("spot = true", "max_runtime_minutes = 5"))
    two = submitted(fakes, other, origin(pipeline=71, merge_request=8))
    assert one.job != two.job
    assert list(fakes.jobs.jobs) == [smoke(fakes)]
    completed(fakes, smoke(fakes))
    assert sorted(ended(fakes, smoke(fakes))) == sorted([one.job, two.job])
    assert submitted(fakes, smoked(TEXT.replace("volume_gb = 40", "volume_gb = 40\nbudget = 900"))).how is How.FOUND


def test_a_run_that_is_repeated_finds_its_smoke_run_passed(fakes: Fakes) -> None:
    job = passed(fakes)
    again = submitted(fakes, smoked(), origin(pipeline=71), force=True)
    assert (again.job, again.job in fakes.jobs) == (f"{job}-2", True)
    fakes.jobs.move(again.job, Status.FAILED, reason="no")
    assert submitted(fakes, smoked(), origin(pipeline=72), force=True).job in fakes.jobs
    assert len(fakes.jobs.jobs) == 4


def test_a_change_of_code_is_smoked_anew(fakes: Fakes) -> None:
    passed(fakes)
    assert submitted(fakes, smoked(code="changed")).how is How.WAITS_FOR_SMOKE


def test_a_reproduction_needs_no_smoke_run_and_none_is_reproduced(fakes: Fakes) -> None:
    job = passed(fakes)
    again = reproduce(job, names=fakes.names, files=fakes.files, jobs=fakes.jobs)
    assert list(fakes.jobs.jobs) == [smoke(fakes), job, again.job]
    with pytest.raises(UsageError, match="there is no run"):
        reproduce(smoke(fakes), names=fakes.names, files=fakes.files, jobs=fakes.jobs)


# Its data -----------------------------------------------------------------------------------


def test_of_a_channel_with_many_files_a_fraction_is_taken(fakes: Fakes) -> None:
    for number in range(9):
        fakes.files.put(f"prices/input/train/day-{number}.csv", b"%d" % number)
    submitted(fakes, smoked())
    taken = part(fakes)
    assert len(taken) == 5
    assert all(content == path[4:5].encode() for path, content in taken.items() if path.startswith("day"))
    assert sorted(taken) != sorted(f"day-{number}.csv" for number in range(5)), "not the first ones"


def test_the_same_files_are_taken_when_others_come(fakes: Fakes) -> None:
    for number in range(9):
        fakes.files.put(f"prices/input/train/{number}.bin", b"x")
    submitted(fakes, smoked())
    before = set(part(fakes))
    fakes.files.put("prices/input/train/another.bin", b"x")
    submitted(fakes, smoked())
    assert len(before - set(part(fakes))) <= 1


def test_of_one_file_of_lines_the_beginning_is_taken_to_the_end_of_a_line(fakes: Fakes) -> None:
    rows = b"header\n" + ROW * 20_000
    fakes.files.put(DATA, rows)
    submitted(fakes, smoked())
    taken = part(fakes)["rows.csv"]
    assert rows.startswith(taken)
    assert taken.endswith(b"\n")
    assert len(rows) / 2 <= len(taken) < len(rows) / 2 + len(ROW)


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        (b"1,2\n", 4),
        (b"a" * (FEWEST - 1) + b"\nrest", FEWEST),
        (b"a" * FEWEST + b"\nrest", FEWEST + 1),
        (b"a" * (FEWEST - 2) + b"\nrest\nmore", FEWEST + 4),
        (b"a" * FEWEST, FEWEST),
        (b"a" * (FEWEST + 9), FEWEST + 9),
    ],
)
def test_of_a_short_file_enough_is_taken_and_never_half_a_line(fakes: Fakes, rows: bytes, taken: int) -> None:
    fakes.files.put(DATA, rows)
    submitted(fakes, smoked(TEXT.replace("0.5", "0.0001")))
    assert part(fakes) == {"rows.csv": rows[:taken]}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv.gz"])
def test_one_file_of_another_kind_is_taken_whole(fakes: Fakes, name: str) -> None:
    fakes.files.put(f"prices/input/other/{name}", ROW * 20_000)
    submitted(fakes, smoked(TEXT.replace("train/", "other/")))
    assert part(fakes) == {name: ROW * 20_000}


def test_a_file_of_one_endless_line_is_taken_whole(fakes: Fakes) -> None:
    endless = b"1," * 2_000_000
    fakes.files.put(DATA, endless)
    submitted(fakes, smoked())
    assert part(fakes) == {"rows.csv": endless}


def test_the_part_is_kept_once_and_is_no_snapshot_of_the_input(fakes: Fakes) -> None:
    fakes.files.put(DATA, ROW * 20_000)
    passed(fakes)
    small, full = (fakes.jobs.requests[name].lineage.data for name in fakes.jobs.jobs)
    assert snapshot_key("prices", small) not in fakes.files
    assert fakes.files.newest(snapshots_folder("prices")) == snapshot_key("prices", full)
    assert len(fakes.files.copied) == len(set(fakes.files.copied))


def test_data_that_changes_while_it_is_cut_is_tried_again(fakes: Fakes) -> None:
    fakes.files.put(DATA, ROW * 20_000)

    def exchanged() -> None:
        for key in [key for key in fakes.files.objects if key.endswith("/training/rows.csv")]:
            fakes.files.put(key, ROW)

    fakes.files.meanwhile("read_at", exchanged)
    with pytest.raises(RetryableError):
        submitted(fakes, smoked())
    assert fakes.jobs.jobs == {}


# Failures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason"), [(Status.FAILED, "AlgorithmError: no column rings"), (Status.STOPPED, "MaxRuntimeExceeded")]
)
def test_a_smoke_run_that_did_not_pass_is_told_and_the_next_submit_tries_again(
    fakes: Fakes, status: Status, reason: str
) -> None:
    job = asked(fakes, smoked())
    first = smoke(fakes)
    fakes.jobs.move(first, status, reason=reason)
    assert ended(fakes, first) == [job]
    note = fakes.merge_requests.only(7)
    assert "### ❌ **prices** · failed" in note
    assert f"its smoke run failed ({first}): {reason}" in note
    assert f"| smoke run | [{first}](" in note, "with its log"
    assert (waiting(fakes), fakes.merge_requests.status.state) == ([], "failed")
    again = submitted(fakes, smoked(), origin(pipeline=71))
    assert (again.how, again.job, list(fakes.jobs.jobs)) == (How.WAITS_FOR_SMOKE, job, [first, f"{first}-2"])
    completed(fakes, f"{first}-2")
    assert ended(fakes, f"{first}-2") == [job]


def test_after_many_failures_only_a_change_makes_another_attempt(fakes: Fakes) -> None:
    for number in range(20):
        submitted(fakes, smoked(), origin(pipeline=70 + number))
        fakes.jobs.move(smoke(fakes), Status.FAILED, reason="no")
        ended(fakes, smoke(fakes))
    submitted(fakes, smoked(), origin(pipeline=90, merge_request=8))
    assert "its smoke run could not be started: 20 of these very files did not pass" in fakes.merge_requests.only(8)
    assert (len(fakes.jobs.jobs), waiting(fakes)) == (20, [])


@pytest.mark.parametrize(
    ("port", "call"), [("jobs", "find"), ("jobs", "start"), ("files", "list"), ("files", "read"), ("files", "delete")]
)
@pytest.mark.parametrize("after", [False, True])
def test_whatever_fails_at_its_end_the_next_try_starts_the_run_once(
    fakes: Fakes, port: str, call: str, after: bool
) -> None:
    job = submitted(fakes, smoked()).job
    completed(fakes, smoke(fakes))
    getattr(fakes, port).fail(call, after=after)
    with pytest.raises(MergemakerError):
        ended(fakes, smoke(fakes))
    ended(fakes, smoke(fakes))
    assert (list(fakes.jobs.jobs), waiting(fakes)) == ([smoke(fakes), job], [])


@pytest.mark.parametrize(("port", "call"), [("files", "copy"), ("files", "read_at"), ("jobs", "start")])
@pytest.mark.parametrize("after", [False, True])
def test_whatever_fails_before_the_next_submit_has_one_smoke_run(
    fakes: Fakes, port: str, call: str, after: bool
) -> None:
    fakes.files.put(DATA, ROW * 20_000)
    getattr(fakes, port).fail(call, after=after)
    with pytest.raises(MergemakerError):
        submitted(fakes, smoked())
    assert submitted(fakes, smoked()).how is How.WAITS_FOR_SMOKE
    assert list(fakes.jobs.jobs) == [smoke(fakes)]
    assert len(waiting(fakes)) == 1


def test_an_image_that_was_deleted_meanwhile_is_told_and_made_again_by_the_next_submit(fakes: Fakes) -> None:
    of = smoked()
    job = asked_by_ci(fakes, of)
    fakes.images.images.clear()
    sought(fakes)
    assert "its image is not there any more: submit again" in fakes.merge_requests.only(7)
    assert (waiting(fakes), fakes.jobs.jobs) == ([], {})
    again = by_ci(fakes, of, origin(pipeline=71), image=False)
    assert (again.job, again.how) == (job, How.WAITS_FOR_IMAGE)


# No run that people review ------------------------------------------------------------------


def test_nobody_hears_of_a_smoke_run_and_nothing_is_kept_of_it(fakes: Fakes) -> None:
    submitted(fakes, smoked())
    name = smoke(fakes)
    for _ in range(2):
        assert report(name, fakes.world) is None
        completed(fakes, name, {"rmse": 0.0})
    assert report(name, fakes.world) is None
    assert (name in fakes.runs, fakes.registry.groups) == (False, {})
    assert "smoke run first" in fakes.merge_requests.only(7)
    assert "prices/reports.csv" not in fakes.files


def test_who_asks_for_a_smoke_run_by_its_name_gets_nothing_of_it_either(fakes: Fakes) -> None:
    submitted(fakes, smoked())
    name = smoke(fakes)
    completed(fakes, name, {"rmse": 0.0})
    (key,) = waiting(fakes)
    said = json.loads(fakes.files[key])
    small = fakes.jobs.requests[name].lineage
    said |= {"name": name, "smoke": None, "smoke_job": ""}
    said["lineage"] |= {f"{TAG_PREFIX}run-key": small.run_key, f"{TAG_PREFIX}source": small.source}
    fakes.files.put(submission_key("prices", name, 70), json.dumps(said).encode())
    with pytest.raises(RetryableError):
        heard(fakes, name, origin())
    assert (name in fakes.runs, fakes.registry.groups) == (False, {})


def passed_off(fakes: Fakes, **environment: str) -> TrainingJob:
    """A smoke run whose environment and origin are a run's, and which ended well."""
    submitted(fakes, smoked())
    name = smoke(fakes)
    completed(fakes, name, {"rmse": 0.0})
    job = fakes.jobs.jobs[name]
    assert job.lineage is not None
    lineage = replace(job.lineage, origin=origin())
    return replace(job, lineage=lineage, work=replace(job.work, environment=environment))


def test_a_smoke_run_can_not_pass_as_a_run_by_leaving_out_what_marks_it(fakes: Fakes) -> None:
    job = passed_off(fakes)
    fakes.jobs.jobs[job.name] = job
    run = report(job.name, fakes.world)
    assert run is not None
    assert (run.status, run.version) == (Status.FAILED, None)
    assert "its tags do not match what it ran (data, source, run key, name)" in run.reason


def test_the_tags_of_the_full_run_do_not_fit_a_job_on_a_part_of_its_data(fakes: Fakes) -> None:
    waits = submitted(fakes, smoked()).job
    job = passed_off(fakes)
    (key,) = waiting(fakes)
    tags = json.loads(fakes.files[key])["lineage"]
    assert job.lineage is not None
    full = replace(job.lineage, run_key=tags[f"{TAG_PREFIX}run-key"], source=tags[f"{TAG_PREFIX}source"])
    fakes.jobs.jobs[waits] = replace(job, name=waits, lineage=full)
    fakes.files.put(f"prices/output/{waits}/output/model.tar.gz", b"x")
    run = report(waits, fakes.world)
    assert run is not None
    assert (run.status, run.version, fakes.registry.groups) == (Status.FAILED, None, {})


def test_a_run_that_says_it_is_a_smoke_run_is_none_to_be_released(fakes: Fakes) -> None:
    job = passed(fakes)
    completed(fakes, job, {"rmse": 1.0})
    fakes.jobs.jobs[job] = replace(
        fakes.jobs.jobs[job], work=replace(fakes.jobs.jobs[job].work, environment={SMOKE_MARK: "1"})
    )
    assert report(job, fakes.world) is None
    assert fakes.registry.groups == {}


@pytest.mark.parametrize(
    "changed",
    [{"hyperparameters": {}}, {"unusual": ("ContainerEntrypoint",)}, {"image": "elsewhere@sha256:" + "1" * 64}],
)
def test_a_name_that_was_taken_for_something_else_is_passed_over(fakes: Fakes, changed: dict[str, Any]) -> None:
    job = submitted(fakes, smoked()).job
    name = smoke(fakes)
    completed(fakes, name)
    fakes.jobs.jobs[name] = replace(fakes.jobs.jobs[name], work=replace(fakes.jobs.jobs[name].work, **changed))
    ended(fakes, name)
    assert job not in fakes.jobs
    submitted(fakes, smoked(), origin(pipeline=71))
    assert list(fakes.jobs.jobs) == [name, f"{name}-2"]


def test_the_end_of_a_run_or_of_another_projects_job_starts_nothing(fakes: Fakes) -> None:
    job = passed(fakes)
    completed(fakes, job, {"rmse": 1.0})
    assert ended(fakes, job) == ended(fakes, "prices-000000000000") == []
    submitted(fakes, smoked(code="other"))
    name = smoke(fakes)
    completed(fakes, name)
    lineage = fakes.jobs.jobs[name].lineage
    assert lineage is not None
    fakes.jobs.jobs[name] = replace(fakes.jobs.jobs[name], lineage=replace(lineage, project="shop-eu"))
    assert ended(fakes, name) == []
    fakes.jobs.jobs[name] = replace(fakes.jobs.jobs[name], lineage=None)
    assert ended(fakes, name) == []


# Money, and what waits is hostile until parsed ----------------------------------------------


def test_a_budget_holds_for_smoke_run_and_training_together(fakes: Fakes) -> None:
    text = "[smoke]\nmax_runtime_minutes = 30\n[train]\nbudget = 0.15\n" + MODEL_TOML
    with pytest.raises(RefusedError, match=r"and 1 × ml.m5.large for up to 30 minutes may cost \$0.17"):
        submitted(fakes, smoked(text))
    assert submitted(fakes, smoked(text.replace("0.15", "0.18"))).how is How.WAITS_FOR_SMOKE


SIZES = {"instance_type": "ml.m5.large", "instance_count": 1, "volume_gb": 1, "max_runtime_seconds": 60}


@pytest.mark.parametrize(
    "change",
    [
        {"image": f"{OLD}1"},
        {"image": 3},
        {"smoke_job": 3},
        {"smoke_job": "../../x"},
        {"smoke_job": "rents-0123456789ab"},
        {"smoke": "x"},
        {"smoke": {"fraction": 0.5}},
        {"smoke": {"fraction": 2.0, "resources": SIZES}},
        {"smoke": {"fraction": True, "resources": SIZES}},
        {"smoke": {"fraction": 0.5, "resources": SIZES | {"volume_gb": "x"}}},
        {"smoke": {"fraction": 0.5, "resources": SIZES | {"instance_type": 3}}},
        {"smoke": {"fraction": 0.5, "resources": SIZES, "more": 1}},
    ],
)
def test_a_waiting_run_whose_smoke_run_was_tampered_with_is_an_error(fakes: Fakes, change: dict[str, Any]) -> None:
    submitted(fakes, smoked())
    (key,) = waiting(fakes)
    fakes.files.put(key, json.dumps(json.loads(fakes.files[key]) | change).encode())
    with pytest.raises(UsageError, match="waiting run"):
        run_waits(key, fakes.world, fakes.now)


def test_a_waiting_run_with_hyperparameters_that_submit_does_not_give_is_told(fakes: Fakes) -> None:
    job = by_ci(fakes, smoked()).job
    (key,) = waiting(fakes)
    said = json.loads(fakes.files[key])
    said["hyperparameters"]["depth"] = "not JSON"
    fakes.files.put(key, json.dumps(said).encode())
    assert run_waits(key, fakes.world, fakes.now) == [job]
    assert "hyperparameters that submit does not give" in fakes.merge_requests.only(7)
    assert fakes.jobs.jobs == {}


def test_a_waiting_run_of_a_submit_that_knew_no_smoke_runs_is_read(fakes: Fakes) -> None:
    of = folder()
    job = submitted(fakes, of, image=False).job
    key = waiting_key("prices", of.image_tag, job)
    said = json.loads(fakes.files[key])
    del said["smoke"], said["smoke_job"]
    fakes.files.put(key, json.dumps(said).encode())
    fakes.images.finish(of.image_tag)
    assert run_waits(key, fakes.world, fakes.now) == [job]
    assert job in fakes.jobs
