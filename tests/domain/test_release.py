"""Plans: an endpoint goes forward only, and never while it is being changed."""

import pytest

from mergemaker.domain.release import Action, Endpoint, EndpointStatus, Plan, plan_release, split_endpoint
from tests.fakes.world import NAMES

CONFIG = "shop-prices-staging"


def endpoint(status: EndpointStatus, live: int, target: int | None = None) -> Endpoint:
    return Endpoint(CONFIG, status, f"{CONFIG}-{live}", f"{CONFIG}-{target or live}", "")


def plan(version: int, now: Endpoint | None) -> Plan:
    return plan_release(model="prices", environment="staging", version=version, endpoint=now, names=NAMES)


@pytest.mark.parametrize(
    ("now", "version", "action"),
    [
        (None, 1, Action.CREATE),
        (endpoint(EndpointStatus.IN_SERVICE, 1), 2, Action.UPDATE),
        (endpoint(EndpointStatus.IN_SERVICE, 1), 9, Action.UPDATE),
        (endpoint(EndpointStatus.IN_SERVICE, 2), 2, Action.NOTHING),
        (endpoint(EndpointStatus.IN_SERVICE, 3), 2, Action.NOTHING),
        (endpoint(EndpointStatus.BUSY, 1), 2, Action.WAIT),
        (endpoint(EndpointStatus.BUSY, 1, 2), 3, Action.WAIT),
        (endpoint(EndpointStatus.BUSY, 1, 2), 2, Action.NOTHING),
        (endpoint(EndpointStatus.BUSY, 1, 3), 2, Action.NOTHING),
        (endpoint(EndpointStatus.FAILED, 1), 1, Action.REPLACE),
        (endpoint(EndpointStatus.FAILED, 1), 2, Action.REPLACE),
    ],
)
def test_what_an_approval_does_depends_on_what_the_endpoint_serves_and_goes_to(
    now: Endpoint | None, version: int, action: Action
) -> None:
    assert plan(version, now).action is action


def test_an_endpoint_that_somebody_made_with_another_config_is_taken_over() -> None:
    foreign = Endpoint(CONFIG, EndpointStatus.IN_SERVICE, "by-hand", "by-hand", "")
    assert foreign.version is None
    assert plan(1, foreign).action is Action.UPDATE


def test_a_plan_reads_as_a_sentence() -> None:
    said = str(plan(2, endpoint(EndpointStatus.IN_SERVICE, 1)))
    assert said == "update shop-prices-staging with version 2 (now version 1): approved"


@pytest.mark.parametrize("config", ["shop-prices-staging-x", "7", "", "a-²", "a-１"])
def test_a_version_is_plain_digits_after_the_last_dash(config: str) -> None:
    found = Endpoint(CONFIG, EndpointStatus.IN_SERVICE, config, config, "")
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
