"""Plans: an endpoint follows who released last, and is never touched while it is being changed."""

from dataclasses import replace

import pytest

from mergemaker.domain.release import (
    Action,
    Approval,
    Endpoint,
    EndpointStatus,
    Package,
    Plan,
    plan_release,
    split_endpoint,
)
from tests.fakes.made import digest
from tests.fakes.registry import PACKAGES
from tests.fakes.world import NAMES

CONFIG = "shop-prices-staging"
BUSY, IN_SERVICE = EndpointStatus.BUSY, EndpointStatus.IN_SERVICE


def endpoint(status: EndpointStatus, live: int, target: int | None = None) -> Endpoint:
    return Endpoint(CONFIG, status, f"{CONFIG}-{live}", f"{CONFIG}-{target or live}", "")


def package(version: int, released_by: int | None = None) -> Package:
    return Package(
        arn=f"{PACKAGES}/shop-prices/{version}",
        group="shop-prices",
        project="shop",
        model="prices",
        version=version,
        approval=Approval.APPROVED,
        stage="staging",
        image="any@sha256:0",
        artifact="s3://any/model.tar.gz",
        artifact_etag="0",
        job=f"prices-{version}",
        run_key=digest(f"run {version}"),
        commit="c" * 40,
        merge_request=version,
        source=digest(f"source {version}"),
        released_by=released_by,
    )


def plan(new: Package, now: Endpoint | None, target: Package | None = None) -> Plan:
    return plan_release(new, environment="staging", endpoint=now, target=target, names=NAMES)


@pytest.mark.parametrize(
    ("now", "version", "action"),
    [
        (None, 1, Action.CREATE),
        (endpoint(IN_SERVICE, 1), 2, Action.UPDATE),
        (endpoint(IN_SERVICE, 1), 9, Action.UPDATE),
        (endpoint(IN_SERVICE, 2), 2, Action.NOTHING),
        (endpoint(IN_SERVICE, 3), 2, Action.LEAVE),
        (endpoint(BUSY, 1), 2, Action.WAIT),
        (endpoint(BUSY, 1, 2), 3, Action.WAIT),
        (endpoint(BUSY, 1, 2), 2, Action.NOTHING),
        (endpoint(BUSY, 1, 3), 2, Action.LEAVE),
        (endpoint(BUSY, 2, 1), 2, Action.WAIT),
        (endpoint(EndpointStatus.FAILED, 1), 1, Action.REPLACE),
        (endpoint(EndpointStatus.FAILED, 1), 2, Action.REPLACE),
        (endpoint(EndpointStatus.DELETING, 1), 1, Action.REPLACE),
        (endpoint(EndpointStatus.BROKEN, 1), 1, Action.REFUSE),
        (endpoint(EndpointStatus.BROKEN, 1), 2, Action.REFUSE),
    ],
    ids=str,
)
def test_what_an_approval_does_depends_on_what_the_endpoint_serves_and_goes_to(
    now: Endpoint | None, version: int, action: Action
) -> None:
    target = package(now.target_version) if now and now.target_version else None
    assert plan(package(version), now, target).action is action


@pytest.mark.parametrize(
    ("new", "target", "supersedes"),
    [
        (package(1, released_by=92), package(2, released_by=91), True),
        (package(2, released_by=91), package(1, released_by=92), False),
        (package(2, released_by=91), package(1, released_by=91), False),
        (package(2), package(1, released_by=92), True),
        (package(1, released_by=92), package(2), False),
        (package(1), package(2), False),
        (package(1), package(1), False),
    ],
)
def test_who_released_later_wins_and_where_a_person_approved_the_version_decides(
    new: Package, target: Package, supersedes: bool
) -> None:
    assert new.supersedes(target) is supersedes
    expected = Action.UPDATE if supersedes else Action.LEAVE
    if new.version != target.version:
        assert plan(new, endpoint(IN_SERVICE, target.version), target).action is expected


def test_an_endpoint_that_serves_a_package_that_is_gone_is_updated() -> None:
    assert plan(package(1), endpoint(IN_SERVICE, 2), None).action is Action.UPDATE


def test_an_endpoint_that_somebody_made_with_another_config_is_taken_over() -> None:
    foreign = Endpoint(CONFIG, IN_SERVICE, "by-hand", "by-hand", "")
    assert foreign.version is None
    assert plan(package(1), foreign).action is Action.UPDATE


def test_a_broken_endpoint_says_why_it_needs_a_person() -> None:
    stuck = replace(endpoint(EndpointStatus.BROKEN, 1), reason="no capacity to go back")
    assert plan(package(2), stuck).why == "the endpoint needs a person: no capacity to go back"
    assert plan(package(2), replace(stuck, reason="")).why == "the endpoint needs a person: it is out of service"


def test_a_plan_reads_as_a_sentence() -> None:
    said = str(plan(package(2), endpoint(IN_SERVICE, 1), package(1)))
    assert said == "update shop-prices-staging with version 2 (now version 1): approved"
    said = str(plan(package(1), endpoint(IN_SERVICE, 2), package(2)))
    assert said == "leave shop-prices-staging with version 1 (now version 2): version 2 was released later"


@pytest.mark.parametrize("config", ["shop-prices-staging-x", "7", "", "a-²", "a-１"])
def test_a_version_is_plain_digits_after_the_last_dash(config: str) -> None:
    found = Endpoint(CONFIG, IN_SERVICE, config, config, "")
    assert found.version == (7 if config == "7" else None)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("shop-prices-staging", ("prices", "staging")),
        ("shop-breast-cancer-production", ("breast-cancer", "production")),
        ("shop-staging-staging", ("staging", "staging")),
        ("shop-staging", None),
        ("shop--staging", None),
        ("shop-prices-demo", None),
        ("shop-prices", None),
        ("other-prices-staging", None),
        ("shopprices-staging", None),
        ("MyEndpoint", None),
        ("", None),
    ],
)
def test_an_endpoints_name_tells_model_and_environment_if_it_is_ours(name: str, found: tuple[str, str] | None) -> None:
    assert split_endpoint(name, names=NAMES, environments=["staging", "production"]) == found
