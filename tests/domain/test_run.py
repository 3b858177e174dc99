"""The run key, and the tags by which a Lambda finds everything else."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.errors import UsageError
from mergemaker.domain.job import JobRequest, from_json, to_json
from mergemaker.domain.lineage import Lineage, from_tag_value, lineage_tags, parse_lineage, tag_value
from mergemaker.domain.model import Distribution, Launcher, Resources
from mergemaker.domain.names import job_name
from mergemaker.domain.run import MOST_ORIGINS, MOST_WISHES, also_asked
from tests.fakes.made import digest, ingredients, lineage, origin, run

HOSTILE = ["a=b", "=", "==3D", "ü/ß", "日本語", "a'; DROP", "x\n/merge", "@all", "<b>", "a|b`c", "", " spaced "]
AWS_TAG = re.compile(r"[A-Za-z0-9 _.:/=+@-]{0,256}")


def test_the_run_key_does_not_depend_on_the_order_of_hyperparameters() -> None:
    one = ingredients(hyperparameters={"depth": 3, "seed": 7})
    other = ingredients(hyperparameters={"seed": 7, "depth": 3})
    assert one.run_key == other.run_key
    assert re.fullmatch(r"[0-9a-f]{64}", one.run_key)


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "rents"},
        {"code": digest("other")},
        {"image": "prices-ffffffffffffffff"},
        {"data": digest("other")},
        {"script": "other.py"},
        {"hyperparameters": {"depth": 4}},
        {"hyperparameters": {"depth": "3"}},
        {"hyperparameters": {}},
        {"resources": Resources("ml.m5.large", 1, 10, 3601)},
        {"resources": Resources("ml.m5.xlarge", 1, 10, 3600)},
        {"resources": Resources("ml.m5.large", 2, 10, 3600)},
        {"resources": Resources("ml.m5.large", 1, 11, 3600)},
        {"script": None},
        {"channels": {}},
        {"channels": {"training": "text/csv"}},
        {"distribution": Distribution(Launcher.MPI)},
        {"distribution": Distribution(Launcher.TORCHRUN)},
        {"distribution": Distribution(Launcher.TORCHRUN, per_host=1)},
        {"environment": {"OMP_NUM_THREADS": "1"}},
    ],
)
def test_each_ingredient_changes_the_run_key(changed: dict[str, object]) -> None:
    assert ingredients(**changed).run_key != ingredients().run_key


def test_the_source_is_the_same_whatever_the_data() -> None:
    assert ingredients(data=digest("other")).source == ingredients().source
    assert ingredients(code=digest("other")).source != ingredients().source


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_survives_the_trip_through_a_tag(text: str) -> None:
    assert AWS_TAG.fullmatch(tag_value(text))
    assert from_tag_value(tag_value(text)) == text


@given(st.text(max_size=20))
def test_any_short_text_survives_the_trip_through_a_tag(text: str) -> None:
    assert from_tag_value(tag_value(text)) == text


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
def test_any_text_at_all_gives_a_tag_that_aws_takes(text: str) -> None:
    assert AWS_TAG.fullmatch(tag_value(text))


@given(st.text(max_size=300))
def test_any_tag_can_be_read(text: str) -> None:
    assert isinstance(from_tag_value(text), str)


@pytest.mark.parametrize("branch", [*HOSTILE[:-2], "feature/x"])
def test_a_lineage_comes_back_from_its_tags(branch: str) -> None:
    before = lineage(origin=origin(branch=branch))
    assert parse_lineage(lineage_tags(before)) == before


def test_a_run_without_a_merge_request_has_no_tag_for_one() -> None:
    before = lineage(origin=origin(merge_request=None, ref="main"))
    assert "mergemaker:merge-request" not in lineage_tags(before)
    assert parse_lineage(lineage_tags(before)) == before


def test_all_tags_fit_into_aws() -> None:
    tags = lineage_tags(lineage(origin=origin(branch="ü" * 255)))
    assert len(tags) <= 50
    assert all(AWS_TAG.fullmatch(value) for value in tags.values())


@pytest.mark.parametrize("key", sorted(lineage_tags(lineage(origin=origin(merge_request=None)))))
def test_a_job_without_one_of_the_tags_is_not_ours(key: str) -> None:
    tags = lineage_tags(lineage())
    del tags[key]
    assert parse_lineage(tags) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pipeline", "seventy"),
        ("gitlab-project", ""),
        ("merge-request", "7; drop"),
        ("merge-request", "-7"),
        ("model", "../secrets"),
        ("model", "=0A/merge"),
        ("commit", "=0A/merge=0A"),
        ("commit", "main"),
        ("pipeline-commit", "../../x"),
        ("code", "../x"),
        ("data", "x/y"),
        ("spec", "../../other"),
        ("run-key", ""),
        ("source", "no digest"),
        ("image", "nginx:latest"),
    ],
)
def test_a_job_whose_tags_are_not_such_as_we_set_is_not_ours(key: str, value: str) -> None:
    assert parse_lineage({**lineage_tags(lineage()), f"mergemaker:{key}": value}) is None


def request() -> JobRequest:
    return JobRequest(
        name=job_name("prices", digest("run"), attempt=2),
        lineage=lineage(origin=origin(branch="ü=\n")),
        hyperparameters={"depth": "3"},
        channels={"training": "s3://b/prices/data/x/training/"},
        output="s3://b/prices/output",
        resources=Resources("ml.m5.large", 1, 10, 3600),
        metric_regexes={"rmse": "rmse=(.*)"},
        content_types={"training": "text/csv"},
        input_modes={"training": "FastFile"},
        environment={"OMP_NUM_THREADS": "1"},
        checkpoints="s3://b/prices/checkpoints/x/",
        max_wait_seconds=7200,
    )


def test_the_environment_may_be_told_in_any_order() -> None:
    one, other = {"A": "1", "B": "2"}, {"B": "2", "A": "1"}
    assert ingredients(environment=one).run_key == ingredients(environment=other).run_key


def test_an_algorithm_gets_plain_text_and_a_script_json() -> None:
    values = {"objective": "reg:squarederror", "rounds": 3, "eta": 0.1, "quiet": True, "layers": [1, "x"]}
    assert ingredients(hyperparameters=values).texts == {
        "objective": '"reg:squarederror"',
        "rounds": "3",
        "eta": "0.1",
        "quiet": "true",
        "layers": '[1, "x"]',
    }
    algorithm = ingredients(hyperparameters=values, script=None)
    assert algorithm.texts == {**ingredients(hyperparameters=values).texts, "objective": "reg:squarederror"}


def test_a_waiting_run_comes_back_as_it_was_left() -> None:
    assert from_json(to_json(request())) == request()


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"lineage": {}}', '{"lineage": 3}', "[" * 5000])
def test_what_is_no_waiting_run_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        from_json(text)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": 3},
        {"name": "rents-0123456789ab"},
        {"name": job_name("prices", digest("another run"))},
        {"name": f"{job_name('prices', digest('run'))}\n"},
        {"hyperparameters": {"depth": 3}},
        {"hyperparameters": ["depth"]},
        {"channels": {"training": None}},
        {"metric_regexes": 3},
        {"environment": {"A": 1}},
        {"environment": None},
        {"input_modes": {"training": ["File"]}},
        {"content_types": "text/csv"},
        {"checkpoints": None},
        {"max_wait_seconds": "7200"},
        {"max_wait_seconds": True},
        {"output": None},
        {"resources": {"instance_type": "ml.m5.large"}},
        {
            "resources": {
                "instance_type": "ml.m5.large",
                "instance_count": "1",
                "volume_gb": 10,
                "max_runtime_seconds": 60,
            }
        },
        {"resources": 3},
        {"more": 3},
        {"lineage": lineage_tags(lineage(model="rents"))},
    ],
    ids=str,
)
def test_a_waiting_run_that_was_tampered_with_is_refused_in_one_line(changed: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="waiting run") as caught:
        from_json(json.dumps({**json.loads(to_json(request())), **changed}))
    assert "\n" not in str(caught.value)


# Who asked ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["v1", "prices/v1.2+b@c", "v" * 100])
def test_tags_say_which_release_is_wished_for(tag: str) -> None:
    made = lineage(origin=origin(tag=tag))
    assert parse_lineage(lineage_tags(made)) == made


@pytest.mark.parametrize("tag", ["../v1", "v1 --force", "`v1`", "v1\n", "-v1", "v" * 101, "é"])
def test_a_job_that_wishes_for_what_can_be_no_release_is_not_ours(tag: str) -> None:
    assert parse_lineage(lineage_tags(lineage(origin=origin(tag=tag)))) is None


def test_who_asks_again_is_kept_once() -> None:
    once = also_asked(run(), origin(pipeline=71))
    assert once.asked_by == (origin(), origin(pipeline=71))
    assert also_asked(once, origin(pipeline=71)) == also_asked(once, origin()) == once


def test_of_very_many_that_ask_the_newest_are_kept_and_the_first_always() -> None:
    made = run()
    for pipeline in range(100, 200):
        made = also_asked(made, origin(pipeline=pipeline))
    assert len(made.also_asked) == MOST_ORIGINS
    assert [one.pipeline for one in made.asked_by[:2]] == [70, 200 - MOST_ORIGINS]


def test_of_very_many_that_ask_those_whose_release_is_still_to_be_made_are_kept() -> None:
    made = run(tagged={"72": ""})
    for pipeline, tag in ((71, "v1"), (72, "v2"), *((number, "") for number in range(100, 200))):
        made = also_asked(made, origin(pipeline=pipeline, tag=tag))
    assert [one.pipeline for one in made.asked_by] == [70, 71, *range(200 - MOST_ORIGINS, 200)]


def test_even_of_those_that_wait_for_a_release_a_record_holds_only_so_many() -> None:
    made = run()
    for pipeline in range(100, 300):
        made = also_asked(made, origin(pipeline=pipeline, tag=f"v{pipeline}"))
    assert len(made.also_asked) == MOST_WISHES + MOST_ORIGINS


def test_a_merge_request_that_asked_several_times_is_answered_for_its_last_pipeline() -> None:
    made = run()
    for who in (origin(pipeline=75), origin(merge_request=8, pipeline=99), origin(pipeline=72)):
        made = also_asked(made, who)
    assert made.asked_in(7) == origin(pipeline=75)
    assert made.asked_in(8) == origin(merge_request=8, pipeline=99)
    assert made.asked_in(9) is None


def test_of_two_runs_of_a_merge_request_the_one_that_was_asked_for_last_comes_last() -> None:
    older, newer = run(), run(lineage=lineage(origin=origin(pipeline=71)), created=run().created + timedelta(days=1))
    assert older.order_in(7) < newer.order_in(7)
    again = also_asked(older, origin(pipeline=72))
    assert newer.order_in(7) < again.order_in(7)
    retried = replace(older, created=newer.created)
    assert older.order_in(7) < retried.order_in(7)


def repeating(name: str) -> Lineage:
    made = lineage()
    return replace(made, repeats=name.replace("FIRST", job_name(made.model, made.run_key)))


@pytest.mark.parametrize("name", ["", "FIRST", "FIRST-2", "FIRST-20"])
def test_tags_say_which_run_a_job_repeats(name: str) -> None:
    assert parse_lineage(lineage_tags(repeating(name))) == repeating(name)


@pytest.mark.parametrize("name", ["x", "FIRST-", "FIRST-x", "FIRST-2000", "FIRST\n", "rents-0123456789ab", " FIRST"])
def test_a_job_that_repeats_no_run_of_its_key_is_not_ours(name: str) -> None:
    assert parse_lineage(lineage_tags(repeating(name))) is None


@pytest.mark.parametrize("login", ["ada", "", "a.b-c_d", *HOSTILE])
def test_tags_say_who_asked(login: str) -> None:
    made = lineage(origin=origin(author=login))
    tags = lineage_tags(made)
    assert parse_lineage(tags) == made
    assert all(AWS_TAG.fullmatch(value) for value in tags.values())
