"""``mergemaker.toml`` and the reader of all our TOML: every fault at once, each with its place."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.errors import UsageError
from mergemaker.domain.settings import MaximumConcurrency, parse_settings
from mergemaker.variables import Variable, lambda_environment, read_environment

GOOD = """\
[project]
name = "shop"

[gitlab]
url = "https://gitlab.example.com/"
project_id = 5
project = "team/shop"

[environments.staging]
account = "111122223333"
region = "eu-west-1"
"""

ALL = (
    GOOD.replace('name = "shop"', 'name = "shop"\nmodels = "ml/models"\nkeep_data = false').replace(
        "project_id = 5", "project_id = 5\nrotate_token = true"
    )
    + """
[network]
subnets = ["subnet-01234567", "subnet-0123456789abcdef0"]
security_groups = ["sg-01234567"]
functions = true

[alarms]
email = "team@example.com"
endpoint_errors = 0

[maximum_concurrency]
report = 9
"""
)


def faults(text: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        parse_settings(text)
    return str(caught.value).splitlines()


def test_settings_are_read_with_their_defaults() -> None:
    settings = parse_settings(GOOD)
    assert settings.project == "shop"
    assert settings.gitlab.url == "https://gitlab.example.com"
    assert settings.environment("staging").instance_type == "ml.m5.large"
    assert settings.environment("staging").instance_count == 1
    assert settings.names.bucket == "shop-111122223333-eu-west-1"


def test_what_a_security_team_sets_is_read() -> None:
    settings = parse_settings(ALL)
    assert not settings.keep_data
    assert settings.gitlab.rotate_token
    assert settings.network.subnets == ("subnet-01234567", "subnet-0123456789abcdef0")
    assert settings.network.functions
    assert settings.alarms.email == "team@example.com"
    assert settings.alarms.endpoint_errors == 0
    assert settings.maximum_concurrency.report == 9
    assert settings.maximum_concurrency.start == 2


@pytest.mark.parametrize("folder", ["ml/models", "a.b/c_d/e-f", "trainings"])
def test_models_may_be_elsewhere(folder: str) -> None:
    assert parse_settings(GOOD.replace("[project]", f"[project]\nmodels = '{folder}'")).models == folder


def test_an_unknown_environment_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no environment 'prod'.*it has staging"):
        parse_settings(GOOD).environment("prod")


def test_several_faults_are_all_told_each_with_file_line_and_key() -> None:
    text = GOOD.replace('"shop"', '"Shop!"').replace("project_id = 5", 'project_id = "5"').replace("1111", "x111")
    said = faults(text)
    assert [line.split(": ")[:2] for line in said] == [
        ["mergemaker.toml:2", "project.name"],
        ["mergemaker.toml:6", "gitlab.project_id"],
        ["mergemaker.toml:10", "environments.staging.account"],
    ]


FAULTS = [
    ('name = "shop"', "", "mergemaker.toml:1: project.name: is missing"),
    ('name = "shop"', "name = 3", "project.name: must be a string, not 3"),
    ('name = "shop"', 'name = "a--b"', "is not a name"),
    ('name = "shop"', f'name = "{"a" * 19}"', "has 19 characters, at most 18 fit"),
    ('name = "shop"', 'nam = "shop"', "mergemaker.toml:2: project.nam: no such setting"),
    ("environments.staging", "environments.eu-staging", "mergemaker.toml:9: environments.eu-staging: use no dash"),
    ("environments.staging", "environments.Staging", "environments.Staging: 'Staging' is not a name"),
    ("project_id = 5", "project_id = true", "gitlab.project_id: must be a whole number, not true"),
    ("project_id = 5", "project_id = 0", "gitlab.project_id: must be at least 1, not 0"),
    ("project_id = 5", "project_id = 1.5", "gitlab.project_id: must be a whole number, not 1.5"),
    ("https://gitlab.example.com/", "gitlab.example.com", "gitlab.url: not the address of a GitLab"),
    ("https://gitlab.example.com/", "http://gitlab.example.com", "gitlab.url: not the address of a GitLab"),
    ("https://gitlab.example.com/", "https://gitlab.example.com:8443", "https, and no port"),
    ("https://gitlab.example.com/", "http://127.0.0.1.evil.com", "gitlab.url: not the address of a GitLab"),
    ("https://gitlab.example.com/", "ftp://gitlab.example.com", "gitlab.url: not the address of a GitLab"),
    ("https://gitlab.example.com/", "https://[", "gitlab.url: not the address of a GitLab"),
    ("https://gitlab.example.com/", "https://a:b@gitlab.example.com", "gitlab.url: not the address of a GitLab"),
    ("https://gitlab.example.com/", "https://gitlab.example\\n.com", "gitlab.url: not the address of a GitLab"),
    ("team/shop", "shop", "gitlab.project: not a project's path"),
    ('"111122223333"', "111122223333", "environments.staging.account: must be a string"),
    ('"eu-west-1"', '"Ireland"', "environments.staging.region: not an AWS region"),
    ("[environments.staging]", "[environments.pre-production]", "has 14 characters, at most 10 fit"),
    ("[environments.staging]", "[[environments.staging]]", "environments: must hold tables"),
    ("[environments.staging]", "[environment.staging]", "environments: name at least one"),
    ("[environments.staging]", "[environments.staging", "not valid TOML"),
    ('name = "shop"', 'name = "shop"\nkeep_data = "no"', "project.keep_data: must be true or false, not 'no'"),
    *(
        (GOOD[:9], f"{GOOD[:9]}\nmodels = {value!r}", fault)
        for value, fault in [
            *(
                (one, "project.models: not a folder of the repository")
                for one in ("/ml", "../ml", "ml/../x", ".", "ml/")
            ),
            ("training/models", "project.models: is what every image is made of"),
            ("serving", "project.models: is what every image is made of"),
        ]
    ),
    ("project_id = 5", "project_id = 5\nrotate_token = 1", "gitlab.rotate_token: must be true or false, not 1"),
    *(
        (GOOD[:9], f"{more}\n{GOOD[:9]}", fault)
        for more, fault in [
            ("network.subnets = 'subnet-01234567'", "network.subnets: must be a list of strings"),
            ("network.subnets = ['subnet-1']", "network.subnets: 'subnet-1' is no id such as subnet-0123"),
            ("network.subnets = ['subnet-01234567']", "network.security_groups: name at least one"),
            ("network.security_groups = ['sg-01234567']", "network.subnets: name at least one"),
            ("network.functions = true", "network.functions: needs network.subnets"),
            ("alarms.email = 'nobody'", "alarms.email: not an e-mail address"),
            ("alarms.endpoint_p99_ms = 0", "alarms.endpoint_p99_ms: must be at least 1, not 0"),
            ("maximum_concurrency.report = 1", "maximum_concurrency.report: must be at least 2, not 1"),
            ("maximum_concurrency.start = 1001", "maximum_concurrency.start: must be at most 1000, not 1001"),
            ("maximum_concurrency.other = 5", "mergemaker.toml:1: maximum_concurrency.other: no such setting"),
            (
                "maximum_concurency.report = 5",
                "maximum_concurency: no such setting; did you mean maximum_concurrency?",
            ),
            (
                "network.subnet = ['subnet-01234567']",
                "network.subnet: no such setting; did you mean network.subnets?",
            ),
            ("environments.live.instance_type = 'm5.large'", "not an instance type, such as ml.m5.large"),
        ]
    ),
]


@pytest.mark.parametrize(("before", "after", "fault"), FAULTS)
def test_a_fault_is_told_with_what_would_be_right(before: str, after: str, fault: str) -> None:
    assert before in GOOD
    assert fault in "\n".join(faults(GOOD.replace(before, after)))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:80/gitlab", "https://gitlab.com/x"])
def test_http_and_a_port_are_for_this_machine_alone(url: str) -> None:
    """The token goes there."""
    assert parse_settings(GOOD.replace("https://gitlab.example.com/", url)).gitlab.url == url


def test_a_wrong_list_of_subnets_is_one_fault() -> None:
    (said,) = faults("network.subnets = 'subnet-01234567'\n" + GOOD)
    assert "network.subnets: must be a list of strings" in said


def test_environments_in_two_accounts_are_refused_for_now() -> None:
    more = GOOD + '[environments.live]\naccount = "444455556666"\nregion = "eu-west-1"\n'
    (said,) = faults(more)
    assert "environments: all must have the same account and region for now" in said


@pytest.mark.parametrize("table", ["project", "gitlab", "environments.staging"])
def test_an_empty_table_misses_keys_but_is_itself_no_wrong_setting(table: str) -> None:
    text = re.sub(rf"(\[{re.escape(table)}\]\n)(.+\n)+", r"\1", GOOD)
    said = faults(text)
    assert said
    assert all(": is missing" in line for line in said)


def test_a_value_where_a_table_belongs_is_one_fault() -> None:
    said = faults(GOOD[: GOOD.index("[environments")].replace("[project]", "environments = 3\n[project]"))
    assert [line for line in said if "no such setting" in line] == []
    assert "mergemaker.toml:1: environments: must hold tables, such as [environments.name]" in said


def test_very_deep_nesting_is_a_fault_like_any_other() -> None:
    assert "nested too deeply" in faults(f"a = {'[' * 5000}{']' * 5000}")[0]


@given(st.text(max_size=200))
def test_whatever_the_file_holds_it_is_read_or_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_settings(text)


def test_a_function_reads_the_settings_that_the_stack_wrote() -> None:
    settings = parse_settings(ALL)
    read = read_environment(lambda_environment(settings))
    assert read == replace(settings, keep_data=True, maximum_concurrency=MaximumConcurrency()), "a deploy's matters"


def test_a_function_ignores_what_the_next_version_will_add_to_its_environment() -> None:
    settings = parse_settings(GOOD)
    said = lambda_environment(settings)
    said[Variable.GITLAB] = said[Variable.GITLAB].replace("{", '{"later": 1, ', 1)
    assert read_environment(said) == settings


def test_a_function_whose_environment_is_still_the_last_versions_knows_where_models_were() -> None:
    said = lambda_environment(parse_settings(GOOD))
    del said[Variable.MODELS]
    assert read_environment(said).models == "models"


@pytest.mark.parametrize("broken", ["", "no JSON", "[]", "3", "[3]"])
@pytest.mark.parametrize("variable", [Variable.GITLAB, Variable.ENVIRONMENTS, Variable.NETWORK, Variable.ALARMS])
def test_a_function_without_its_environment_says_so(variable: Variable, broken: str) -> None:
    said = lambda_environment(parse_settings(GOOD)) | {variable: broken}
    with pytest.raises(UsageError, match="not as `cdk deploy` sets it"):
        read_environment(said)
