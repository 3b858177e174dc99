"""`mergemaker setup` and `doctor` as commands: what they print, what they return, and where a token may come from."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mergemaker.bootstrap import connect
from mergemaker.care import ask_secret
from mergemaker.domain.errors import UsageError
from mergemaker.domain.settings import parse_settings
from tests.cli.conftest import SETTINGS, Run

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWS that does not answer."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


def test_a_doctor_without_aws_ends_soon_with_one_fault_and_says_what_it_did_not_look_at(
    run: Run, nowhere: None
) -> None:
    begin = time.monotonic()
    code, lines, errors = run("doctor")
    assert (code, errors) == (1, [])
    (wrong,) = [line for line in lines if line.startswith("✗")]
    assert wrong == "✗ AWS credentials: AWS can't be reached at http://127.0.0.1:9/: connection refused"
    assert lines[lines.index(wrong) + 1] == "  → look at the network, and at AWS_ENDPOINT_URL"
    assert "✓ mergemaker.toml: project shop" in lines
    (left,) = [line for line in lines if line.startswith("?")]
    assert left.endswith(" checks: not looked at, because of: AWS credentials")
    assert lines[-1].startswith("4 fine, 1 wrong, ")
    assert time.monotonic() - begin < 30


def test_a_program_reads_what_a_person_would(run: Run) -> None:
    """Without credentials: nothing is asked of any address."""
    code, lines, _ = run("doctor", "--json")
    said = json.loads("\n".join(lines))
    assert code == 1
    assert said["wrong"] == 1
    assert said["unknown"] > 20
    (wrong,) = [one for one in said["findings"] if one["mark"] == "wrong"]
    assert wrong["check"] == "AWS credentials"
    assert (wrong["said"], wrong["do"]) == ("no AWS credentials", "run `aws sso login`, or set AWS_PROFILE")
    assert set(wrong) == {"check", "mark", "said", "do", "because"}


def test_settings_that_are_wrong_are_faults_like_others_a_line_each(run: Run, project: Path) -> None:
    (project / "mergemaker.toml").write_text(SETTINGS.replace('"shop"', "3").replace("region", "regoin"))
    code, lines, errors = run("doctor")
    assert (code, errors) == (1, [])
    wrong = [line.removeprefix("✗ mergemaker.toml: ") for line in lines if line.startswith("✗")]
    assert sorted(line.split(": ")[0] for line in wrong) == [
        "mergemaker.toml:11",
        "mergemaker.toml:2",
        "mergemaker.toml:9",
    ]
    assert any(line.startswith("✓ version of python: ") for line in lines)


def test_a_folder_without_a_project_is_a_fault(run: Run, project: Path) -> None:
    (project / "mergemaker.toml").unlink()
    code, lines, _ = run("doctor")
    assert code == 1
    assert "✗ mergemaker.toml: no mergemaker.toml here: run this at the root of the project" in lines
    assert run("setup") == (2, [], ["mergemaker: no mergemaker.toml here: run this at the root of the project"])


def test_an_aws_configuration_that_is_broken_is_a_fault(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    code, lines, _ = run("doctor")
    assert code == 1
    assert any(line.startswith("✗ AWS credentials: ") and "nobody" in line for line in lines)


def test_setup_without_aws_credentials_says_how_to_get_them(run: Run) -> None:
    code, lines, (error,) = run("setup")
    assert (code, lines) == (1, [])
    assert error == "mergemaker: no AWS credentials: run `aws sso login`, or set AWS_PROFILE"


@pytest.mark.parametrize("words", [["setup", "glpat-1"], ["setup", "--token", "glpat-1"]])
def test_a_token_is_never_an_argument(run: Run, words: list[str]) -> None:
    code, _, errors = run(*words)
    assert code == 2
    assert errors[0].startswith("usage: mergemaker")


def test_without_a_terminal_each_line_of_stdin_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("glpat-1\nglpat-2"))
    assert [ask_secret("Token: ").strip() for _ in range(3)] == ["glpat-1", "glpat-2", ""]
    assert capsys.readouterr() == ("", "")


def test_at_a_terminal_the_token_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    script = (
        "import os, pty, sys\n"
        "pid, terminal = pty.fork()\n"
        "if pid == 0:\n"
        "    from mergemaker.care import ask_secret\n"
        "    answer = ask_secret('Token: ').strip()\n"
        "    print('answered', len(answer), flush=True)\n"
        "    os._exit(0)\n"
        "seen = b''\n"
        "while b'Token: ' not in seen:\n"
        "    seen += os.read(terminal, 1000)\n"
        "os.write(terminal, b'glpat-hidden\\n')\n"
        "while b'answered' not in seen or not seen.endswith(b'\\n'):\n"
        "    seen += os.read(terminal, 1000)\n"
        "os.waitpid(pid, 0)\n"
        "sys.stdout.buffer.write(seen)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, check=True, timeout=30
    ).stdout
    assert b"answered 12" in shown
    assert b"glpat-hidden" not in shown


def test_without_gitlabs_library_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI's jobs have none, and need none."""
    monkeypatch.setitem(sys.modules, "gitlab", None)
    monkeypatch.delitem(sys.modules, "mergemaker.adapters.gitlab_project", raising=False)
    with pytest.raises(UsageError, match="python-gitlab is not installed here: run `make setup`"):
        connect(parse_settings(SETTINGS))("glpat-1")
