"""Somebody else's image serves with the run's own code beside the model, and a release serves what was recorded."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.domain.release import Action, NewPackage
from mergemaker.domain.run import Run, Status
from mergemaker.steps.bundle import digest_of
from mergemaker.steps.report import report
from mergemaker.steps.submit import Folder, Packed
from tests.fakes.deploys import ENDPOINT, changed, release, said
from tests.fakes.images import FakeImages
from tests.fakes.made import MODEL_TOML, digest, folder, packed
from tests.fakes.story import completed, submitted, trained
from tests.fakes.world import Fakes

PLACE = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
TRAINS, SERVES = f"{PLACE}/pytorch-training", f"{PLACE}/pytorch-inference"
OLD, NEW = f"@sha256:{'1' * 64}", f"@sha256:{'2' * 64}"
CODE = "/opt/ml/additional-model-data-sources/code"
FILES = {"train.py": b"train", "inference.py": b"serve"}


def framework(files: Mapping[str, bytes] = FILES, serve: str = f"{SERVES}:2.3", more: str = "") -> Folder:
    """A model folder of a framework's image."""
    said = f"image.serve_uri = '{serve}'\n" if serve else ""
    made = folder(f"image.uri = '{TRAINS}:2.3'\n{said}{MODEL_TOML}{more}")
    named = digest_of((name, False, digest(content.decode())) for name, content in files.items())
    return replace(made, code=Packed(named, archive=lambda: packed(files)))


@pytest.fixture
def fakes() -> Fakes:
    made = Fakes()
    made.images.elsewhere |= {f"{TRAINS}:2.3": TRAINS + OLD, f"{SERVES}:2.3": SERVES + OLD}
    return made


def reported(fakes: Fakes, of: Folder | None = None) -> Run:
    job = submitted(fakes, of or framework(), image=False).job
    completed(fakes, job, {"rmse": 50.0})
    run = report(job, fakes.world)
    assert run is not None
    return run


def package(fakes: Fakes) -> NewPackage:
    (told,) = fakes.registry.told
    return told


def test_the_package_has_the_other_image_the_runs_code_and_what_finds_it(fakes: Fakes) -> None:
    run = reported(fakes)
    made = package(fakes)
    assert (run.status, run.image, made.image) == (Status.COMPLETED, TRAINS + OLD, SERVES + OLD)
    assert made.code == f"s3://{fakes.names.bucket}/prices/code/{run.lineage.code}.tar.gz"
    assert made.environment == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": CODE,
        "SAGEMAKER_REGION": fakes.names.region,
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
        "PYTHONPATH": CODE,
    }


def test_without_another_image_the_runs_own_serves_with_the_training_scripts_functions(fakes: Fakes) -> None:
    reported(fakes, framework({"train.py": b"train"}, serve=""))
    assert package(fakes).image == TRAINS + OLD
    assert package(fakes).environment["SAGEMAKER_PROGRAM"] == "train.py"


def test_an_algorithm_serves_by_itself_also_with_another_image(fakes: Fakes) -> None:
    reported(fakes, framework(more="[train]\nalgorithm = true\n"))
    made = package(fakes)
    assert (made.image, made.environment, made.code) == (SERVES + OLD, {}, "")


def test_an_image_that_is_made_here_has_its_code_in_the_artifact(fakes: Fakes) -> None:
    run = trained(fakes)
    made = package(fakes)
    assert (made.image, made.environment, made.code) == (run.image, {}, "")


def test_another_image_that_serves_is_another_run(fakes: Fakes) -> None:
    one, other = framework(), framework(serve=f"{SERVES}:2.4")
    assert one.ingredients(data="").source != other.ingredients(data="").source


def test_settings_that_name_another_image_than_the_job_do_not_choose_what_serves(fakes: Fakes) -> None:
    """Who may submit chooses a job's tags, the settings' digest among them; what the job holds is proved."""
    job = submitted(fakes, framework(), image=False).job
    found = fakes.jobs.jobs[job]
    evil = {**found.work.environment, "MERGEMAKER_SERVE_IMAGE": f"{PLACE}/evil:1"}
    fakes.jobs.jobs[job] = replace(found, work=replace(found.work, environment=evil))
    completed(fakes, job, {"rmse": 50.0})
    run = report(job, fakes.world)
    assert run is not None
    assert (run.status, fakes.registry.told) == (Status.FAILED, [])


def test_a_release_serves_what_was_recorded_although_the_tag_moved(fakes: Fakes) -> None:
    run = reported(fakes)
    fakes.images.elsewhere[f"{SERVES}:2.3"] = SERVES + NEW
    plan = release(fakes, run)
    assert plan is not None
    assert plan.action is Action.CREATE
    served = fakes.endpoints.configs[f"{ENDPOINT}-1"].package
    assert (served.image, served.code) == (SERVES + OLD, package(fakes).code)
    assert served.environment == package(fakes).environment
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert "🟢 serving version 1" in said(fakes, 7)


def test_a_try_that_died_before_it_had_a_package_does_not_look_a_moved_tag_up_again(fakes: Fakes) -> None:
    job = submitted(fakes, framework(), image=False).job
    completed(fakes, job, {"rmse": 50.0})
    fakes.registry.fail("register")
    with pytest.raises(RetryableError):
        report(job, fakes.world)
    fakes.images.elsewhere[f"{SERVES}:2.3"] = SERVES + NEW
    run = report(job, fakes.world)
    assert run is not None
    assert (run.serve_image, package(fakes).image) == (SERVES + OLD, SERVES + OLD)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"image": SERVES + NEW}, "another image"),
        ({"image": TRAINS + OLD}, "another image"),
        ({"code": "s3://elsewhere/code.tar.gz"}, "another code"),
        ({"code": ""}, "another code"),
        ({"environment": {"SAGEMAKER_PROGRAM": "other.py"}}, "another set of variables"),
    ],
)
def test_a_package_that_was_changed_afterwards_is_not_released(
    fakes: Fakes, changed: dict[str, Any], what: str
) -> None:
    run = reported(fakes)
    group = fakes.registry.groups[fakes.names.package_group("prices")]
    group[0] = replace(group[0], **changed)
    plan = release(fakes, run)
    assert plan is not None
    assert (plan.action, what in plan.why) == (Action.REFUSE, True)
    assert fakes.endpoints.configs == {}


class Missing(FakeImages):
    """A registry that has some images only."""

    def resolve(self, address: str) -> str:
        if address not in self.elsewhere:
            raise RefusedError(f"there is no image {address}")
        return super().resolve(address)


def test_an_image_that_went_while_the_run_trained_is_told_and_makes_a_package_once_it_is_back(fakes: Fakes) -> None:
    images = Missing()
    images.elsewhere |= fakes.images.elsewhere
    fakes.images = images
    job = submitted(fakes, framework(), image=False).job
    completed(fakes, job, {"rmse": 50.0})
    kept = images.elsewhere.pop(f"{SERVES}:2.3")
    run = report(job, fakes.world)
    assert run is not None
    assert (run.status, run.version) == (Status.COMPLETED, None)
    assert f"nothing to release: there is no image {SERVES}:2.3" in fakes.merge_requests.only(7)
    images.elsewhere[f"{SERVES}:2.3"] = kept
    again = report(job, fakes.world)
    assert again is not None
    assert (again.version, again.remarks) == (1, ())


def test_an_image_that_is_to_serve_and_is_not_there_is_told_before_anything_trains(fakes: Fakes) -> None:
    fakes.images = Missing()
    fakes.images.elsewhere[f"{TRAINS}:2.3"] = TRAINS + OLD
    with pytest.raises(RefusedError, match="there is no image"):
        submitted(fakes, framework(), image=False)
    assert fakes.jobs.jobs == {}
