"""Names fit everywhere where AWS takes them."""

import re

import pytest

from mergemaker.domain.names import (
    ENVIRONMENT_MAX,
    MODEL_MAX,
    PROJECT_MAX,
    Names,
    image_tag,
    job_name,
    model_of,
    name_fault,
    waiting_prefix,
)
from tests.fakes.made import digest

LONGEST = Names(project="p" * PROJECT_MAX, account="111122223333", region="us-gov-west-1")
MODEL, ENVIRONMENT = "m" * MODEL_MAX, "e" * ENVIRONMENT_MAX
SAGEMAKER = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@pytest.mark.parametrize(
    "name",
    [
        LONGEST.endpoint(MODEL, ENVIRONMENT),
        LONGEST.endpoint_config(MODEL, ENVIRONMENT, 9999),
        LONGEST.sagemaker_model(MODEL, 9999),
        LONGEST.package_group(MODEL),
        job_name(MODEL, digest("run"), attempt=20),
    ],
)
def test_the_longest_allowed_parts_fit_into_sagemakers_63_characters(name: str) -> None:
    assert SAGEMAKER.fullmatch(name)


def test_the_longest_endpoint_config_uses_all_63() -> None:
    assert len(LONGEST.endpoint_config(MODEL, ENVIRONMENT, 9999)) == 63


def test_the_longest_bucket_fits_into_s3s_63_characters() -> None:
    assert len(LONGEST.bucket) <= 63


@pytest.mark.parametrize(
    ("region", "partition", "host"),
    [
        ("eu-west-1", "aws", "111122223333.dkr.ecr.eu-west-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com"),
    ],
)
def test_partitions_have_their_own_arns_and_hosts(region: str, partition: str, host: str) -> None:
    names = Names("shop", "111122223333", region)
    assert names.role_arn("execution") == f"arn:{partition}:iam::111122223333:role/shop-execution"
    assert names.registry == host


def test_a_second_attempt_has_another_name_than_the_first() -> None:
    assert [job_name("prices", "0123456789abcdef", n) for n in (1, 2, 3)] == [
        "prices-0123456789ab",
        "prices-0123456789ab-2",
        "prices-0123456789ab-3",
    ]


@pytest.mark.parametrize("model", ["a", "breast-cancer", "a-0123456789ab", "a-0123456789ab-2", MODEL])
@pytest.mark.parametrize("attempt", [1, 2, 20])
def test_a_jobs_name_says_which_models_run_it_is(model: str, attempt: int) -> None:
    assert model_of(job_name(model, digest("run"), attempt)) == model


@pytest.mark.parametrize(
    "job", ["", "a", "a-012345678", "a-0123456789aB", "a-0123456789ab-", "A-0123456789ab", "a--0123456789ab",
            f"m{MODEL}-0123456789ab", "a-0123456789ab\n", "a-0123456789ab-1234"]
)  # fmt: skip
def test_a_name_that_no_run_has_is_of_no_model(job: str) -> None:
    assert model_of(job) is None


@pytest.mark.parametrize("model", ["a", "breast-cancer", "a-0123456789abcdef"])
def test_what_waits_for_an_image_waits_under_its_model(model: str) -> None:
    tag = image_tag(model, digest("image"))
    assert waiting_prefix(model, tag) == f"{model}/code/waiting/{tag}/"


@pytest.mark.parametrize("name", ["a", "a1", "a-b-c", "a" * 10])
def test_a_plain_name_has_no_fault(name: str) -> None:
    assert name_fault(name, 10) is None


@pytest.mark.parametrize(
    "name", ["", "1a", "A", "a_b", "a--b", "a-", "-a", "a.b", "ä", "a b", "a\n", "a" * 11, None, 3]
)
def test_a_name_with_a_fault_is_told_which(name: object) -> None:
    assert repr(name) in (name_fault(name, 10) or "")
