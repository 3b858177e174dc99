"""Each line of the functions' log: what it is about, and what it must never say."""

import json
import logging
import warnings
from contextlib import suppress
from typing import Any

import pytest

from lambdas.log import HIDDEN, hide, set_up
from lambdas.queue import Function, watched
from lambdas.release.handler import handler as release
from lambdas.report.handler import handler as report
from mergemaker.domain import about
from mergemaker.domain.errors import RetryableError
from mergemaker.steps.image import build_ended
from tests.fakes.deploys import made
from tests.fakes.made import folder, origin
from tests.fakes.registry import PACKAGES
from tests.fakes.story import approved, completed, submitted, trained
from tests.fakes.world import Fakes
from tests.lambdas.conftest import Log, event, message
from tests.lambdas.test_handlers import job_event, submission_event

pytestmark = pytest.mark.usefixtures("function")


def about_what(lines: list[dict[str, Any]]) -> list[tuple[object, object]]:
    return [(line.get("run"), line.get("merge_request")) for line in lines]


def test_the_lines_of_a_run_that_is_known_name_it_and_its_merge_request(fakes: Fakes, log: Log) -> None:
    job = trained(fakes).job
    completed(fakes, job, {"rmse": 2.0})
    report({"Records": [message(1, job_event(job))]}, None)
    lines = log()
    assert [line["message"] for line in lines] == ["event", "done"]
    assert lines[0]["run"] == job
    assert (lines[1]["run"], lines[1]["model"], lines[1]["merge_request"]) == (job, "prices", 7)


def test_a_failure_names_the_run_and_the_merge_request_that_could_not_be_told(fakes: Fakes, log: Log) -> None:
    job = trained(fakes).job
    submitted(fakes, who=origin(merge_request=8, pipeline=80))
    fakes.merge_requests.fail("create_note")
    report({"Records": [message(1, submission_event(job, 80))]}, None)
    (failure,) = [line for line in log() if line["level"] == "ERROR"]
    assert (failure["run"], failure["merge_request"]) == (job, 8)


def test_already_the_first_look_at_a_job_names_the_merge_request_in_its_tags(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes).job
    fakes.runs.fail("get")
    report({"Records": [message(1, job_event(job))]}, None)
    assert about_what(log())[:2] == [(job, None), (job, 7)]


def test_a_run_that_can_not_start_is_named_with_its_merge_request(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes, image=False).job
    tag = folder().image_tag
    fakes.images.finish(tag)
    fakes.jobs.fail("start")
    with suppress(RetryableError):
        build_ended(tag, "build", world=fakes.world, clock=fakes.now)
    logging.getLogger("mergemaker").error("failed")
    assert about_what(log())[-1] == (job, 7)


def test_the_run_that_is_live_is_read_and_yet_not_what_the_lines_are_about(fakes: Fakes) -> None:
    live, ours = trained(fakes), trained(fakes, folder(code="other"), origin(merge_request=8, pipeline=80))
    runs = watched(fakes.world).runs
    about.turn_to(ours.job, ours.model, 9)
    runs.get(live.model, live.job)
    runs.change(ours.model, ours.job, lambda before: before or ours)
    assert about.fields() == {"run": ours.job, "model": "prices", "merge_request": 9}
    runs.change(live.model, live.job, lambda before: before or live)
    assert about.fields() == {"run": live.job, "model": "prices", "merge_request": 7}


def test_a_line_says_nothing_of_the_message_before(fakes: Fakes, log: Log) -> None:
    job = trained(fakes).job
    report({"Records": [message(1, job_event(job)), message(2, "no event")]}, None)
    assert about_what(log())[-1] == (None, None)


def test_a_branch_without_a_merge_request_names_none(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes, who=origin(merge_request=None)).job
    report({"Records": [message(1, job_event(job))]}, None)
    assert about_what(log())[-1] == (job, None)


def test_a_release_names_the_run_whose_package_it_is_and_not_what_it_is_compared_with(fakes: Fakes, log: Log) -> None:
    one, two = made(fakes, 1), made(fakes, 2)
    for version, run in ((1, one), (2, two)):
        approved(fakes, run, pipeline=900 + version)
        package = event("Model Package", ModelPackageArn=f"{PACKAGES}/shop-prices/{version}")
        release({"Records": [message(version, package)]}, None)
        if version == 1:
            fakes.endpoints.succeed("shop-prices-staging")
            log()
    lines = log()
    assert {line["arn"] for line in lines} == {f"{PACKAGES}/shop-prices/2"}
    assert [line["message"][:6] for line in lines] == ["event", "update", "done"]
    assert about_what(lines)[1:] == [(two.job, 2)] * 2


def test_a_library_that_complains_is_a_line_about_the_run_too(fakes: Fakes, log: Log) -> None:
    run = trained(fakes, folder(code="other"))
    about.turn_to(run.job, run.model, 7)
    logging.getLogger("urllib3.connectionpool").warning("Retrying %s", "GET /")
    logging.getLogger("botocore").debug("a header")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    complaint, warning = log()
    assert (complaint["message"], complaint["level"], complaint["merge_request"]) == ("Retrying GET /", "WARNING", 7)
    assert "DeprecationWarning: old" in warning["message"]
    assert warning["merge_request"] == 7


def test_a_line_has_its_time_and_place(log: Log) -> None:
    logging.getLogger("mergemaker.x").info("here")
    (line,) = log()
    assert line["timestamp"].endswith("+00:00")
    assert line["location"].startswith("test_a_line_has_its_time_and_place:")


def test_what_looks_like_json_is_text(log: Log) -> None:
    logging.getLogger("mergemaker").info('{"level": "INFO", "run": "another"}')
    assert log()[0]["message"] == '{"level": "INFO", "run": "another"}'


@pytest.mark.parametrize("token", ["glpat-0123456789abcdefghij", "own=ü/0123456789", "0123456789abcdef"])
def test_the_token_is_in_no_line_however_it_gets_there(log: Log, token: str) -> None:
    hide(token)
    own = logging.getLogger("mergemaker")
    own.error("refused %s", token, extra={"reason": f"PRIVATE-TOKEN: {token}"})
    try:
        int(token)
    except ValueError:
        own.exception("failed")
    logging.getLogger("urllib3").warning(token)
    text = json.dumps(log())
    assert token not in text
    assert json.dumps(token)[1:-1] not in text
    assert text.count(HIDDEN) >= 4


def test_a_gitlab_token_that_nobody_knows_of_is_hidden_too(log: Log) -> None:
    logging.getLogger("mergemaker").info("https://oauth2:glptt-0123456789abcdef0123@gitlab.example.com")
    assert log()[0]["message"] == f"https://oauth2:{HIDDEN}@gitlab.example.com"


def test_lambdas_own_credentials_are_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/token+0123")
    set_up()
    logging.getLogger("mergemaker").info("X-Amz-Security-Token: session/token+0123")
    assert json.loads(capsys.readouterr().out)["message"] == f"X-Amz-Security-Token: {HIDDEN}"


def test_the_token_is_known_to_the_log_as_soon_as_it_was_read(
    function: Function, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergemaker.bootstrap.Aws.token", lambda _self: "from-the-secret-0123")
    assert function.aws.token() == "from-the-secret-0123"
    logging.getLogger("mergemaker").info("with from-the-secret-0123")
    assert log()[0]["message"] == f"with {HIDDEN}"
