"""The Lambdas' bundle: built once, then looked at and imported by itself."""

import json
import os
import sys
from pathlib import Path

import pytest

from bench.lambdas import HANDLERS, SIZE_BUDGET, alone, zipped
from bench.lambdas import runtime as runtime_in
from infra import bundle
from tests.infra.conftest import ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("bundle")
    bundle.build(ROOT, into, python=Path(sys.executable))
    return into


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime_in(tmp_path_factory.mktemp("runtime"))


def test_there_is_a_handler_for_each_function() -> None:
    assert HANDLERS == ["release", "report", "start"]


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_can_be_imported_from_the_bundle_alone(built: Path, runtime: Path, name: str) -> None:
    run = alone(f"from lambdas.{name}.handler import handler; import gitlab; print(callable(handler))", built, runtime)

    assert run.stdout == "True\n", run.stderr


def test_the_log_finds_all_that_it_needs_of_powertools(built: Path, runtime: Path) -> None:
    raised = """
import logging
from lambdas.log import set_up
set_up()
try:
    raise KeyError("here")
except KeyError:
    logging.getLogger("mergemaker").exception("failed")
"""
    run = alone(raised, built, runtime)

    assert "KeyError: 'here'" in json.loads(run.stdout)["exception"], run.stderr


def test_the_prices_are_in_the_bundle(built: Path) -> None:
    run = alone(
        "from mergemaker.domain.prices import training_cost; print(training_cost('1 × ml.m5.large', 3600))", built
    )

    assert run.stdout == "0.115\n", run.stderr


def test_without_the_bundle_a_handlers_import_fails(runtime: Path) -> None:
    """Or the tests above would see what is installed on this machine."""
    run = alone("import gitlab", runtime)

    assert "No module named 'gitlab'" in run.stderr


def test_what_only_the_command_needs_is_left_out(built: Path) -> None:
    assert not (built / "mergemaker/cli.py").exists()
    assert (built / "mergemaker/domain/names.py").exists()
    assert not (built / "infra").exists()
    assert not (built / "boto3").exists(), "the runtime has it"


def test_the_bundle_is_pure_python_and_runs_on_any_processor(built: Path) -> None:
    foreign = [path.name for path in built.rglob("*") if path.suffix in (".so", ".pyd", ".dylib")]

    assert foreign == []


def test_a_dependency_without_a_python_version_of_a_compiled_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fast.cpython-313-x86_64-linux-gnu.so").touch()

    with pytest.raises(RuntimeError, match="no pure Python"):
        bundle.keep_pure(tmp_path)


def test_the_bundle_is_compiled_so_that_a_cold_start_is_not_spent_on_it(built: Path) -> None:
    tag = sys.implementation.cache_tag
    sources = [path for path in built.rglob("*.py") if "dist-info" not in str(path)]
    missing = [path for path in sources if not (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").exists()]

    assert missing == []


def test_bytecode_is_not_checked_against_the_times_of_files(built: Path, runtime: Path) -> None:
    """They are lost when the bundle is zipped: checked bytecode would be thrown away at each cold start."""
    for path in (built / "mergemaker/domain/__pycache__").glob("names.*.pyc"):
        flags = int.from_bytes(path.read_bytes()[4:8], "little")
        assert flags == 0b01, "by hash, unchecked"


def test_nothing_in_the_bundle_names_this_machine(built: Path) -> None:
    here = [str(ROOT).encode(), str(built).encode(), sys.prefix.encode()]
    found = [path for path in built.rglob("*") if path.is_file() and any(name in path.read_bytes() for name in here)]

    assert found == []


def test_the_bundle_is_small(built: Path, tmp_path: Path) -> None:
    assert zipped(built, tmp_path) < SIZE_BUDGET


# The digest ---------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "lambdas/report/handler.py",
        "mergemaker/bootstrap.py",
        "mergemaker/cli.py",
        "requirements/lambdas.txt",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1\n")
    return tmp_path


def digest(project: Path) -> str:
    return bundle.digest(project, python=Path(sys.executable))


@pytest.mark.parametrize("name", ["lambdas/report/handler.py", "mergemaker/bootstrap.py", "requirements/lambdas.txt"])
def test_a_changed_file_changes_the_digest(project: Path, name: str) -> None:
    before = digest(project)
    (project / name).write_text("x = 2\n")

    assert digest(project) != before


def test_a_moved_file_changes_the_digest(project: Path) -> None:
    before = digest(project)
    (project / "mergemaker/bootstrap.py").rename(project / "mergemaker/other.py")

    assert digest(project) != before


def test_times_caches_and_the_command_do_not_change_the_digest(project: Path) -> None:
    before = digest(project)
    os.utime(project / "mergemaker/bootstrap.py", (1, 1))
    (project / "mergemaker/__pycache__").mkdir()
    (project / "mergemaker/__pycache__/bootstrap.pyc").write_bytes(b"x")
    (project / "mergemaker/cli.py").write_text("x = 2\n")

    assert digest(project) == before
