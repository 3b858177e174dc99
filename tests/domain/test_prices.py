"""The price list, and what is computed from it."""

import re
from datetime import date

import pytest

from mergemaker.domain.prices import instance_seconds, prices, training_cost


def test_the_list_says_of_when_and_where_it_is() -> None:
    assert prices().date >= date(2025, 1, 1)
    assert prices().region == "us-east-1"


def test_every_entry_is_a_type_of_sagemakers_and_a_price_that_can_be() -> None:
    for kind, price in prices().training.items():
        assert re.fullmatch(r"ml\.[a-z0-9]+\.[a-z0-9]+", kind)
        assert 0.01 < price < 200


def test_a_bigger_machine_of_a_family_of_processors_costs_in_proportion() -> None:
    """A slip of the finger would show."""
    of, large = prices().training, prices().training["ml.m5.large"]
    assert [round(of[f"ml.m5.{size}"] / large) for size in ("xlarge", "2xlarge", "4xlarge", "12xlarge")] == [
        2,
        4,
        8,
        24,
    ]


def test_an_hour_on_three_machines_costs_three_times_the_price() -> None:
    assert training_cost("3 × ml.m5.large", 3600) == pytest.approx(3 * 0.115)
    assert instance_seconds("3 × ml.m5.large", 3600) == 3 * 3600


@pytest.mark.parametrize("instance", ["1 × ml.unheard.of", "", "many", "1 x ml.m5.large"])
def test_what_has_no_price_has_no_cost(instance: str) -> None:
    assert training_cost(instance, 60) is None
    assert instance_seconds(instance, 60) == 60
