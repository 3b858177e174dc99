"""``mergemaker data`` as people run it, against the laptop cloud's S3."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mergemaker.adapters.folder import read_folder
from mergemaker.bootstrap import Aws
from mergemaker.cli import main
from mergemaker.domain.names import prepared_key
from mergemaker.inputs import readable
from tests.adapters.conftest import NAMES
from tests.cli.conftest import SETTINGS
from tests.fakes.made import MODEL_TOML

Run = Callable[..., tuple[int, list[str], list[str]]]
AB = (("a", 4), ("b", 2))
"""What is in `rows`, and how long it is."""


@pytest.fixture
def run(
    tmp_path: Path, aws_port: int, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """In a project whose bucket is there, with a model of this test's own."""
    settings = SETTINGS.replace("111122223333", NAMES.account).replace("eu-west-1", NAMES.region)
    files = {
        "mergemaker.toml": settings,
        f"models/{name}/model.toml": MODEL_TOML,
        f"models/{name}/train.py": "",
        "training/Dockerfile": "FROM scratch\n",
        "rows/train/a.csv": "1,2\n",
        "rows/train/b.csv": "3\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}", "AWS_EC2_METADATA_DISABLED": "true"}
    for key, value in {**keys, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, list[str], list[str]]:
        capfd.readouterr()
        code = main(["data", *words])
        said = capfd.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()

    return command


@pytest.mark.cloud
def test_what_is_pushed_is_listed_and_pushed_once(run: Run, name: str) -> None:
    assert run("push", name, "rows") == (0, [f"{name}: 2 files uploaded (6 B), 0 were there"], [])
    assert run("push", name, "rows") == (0, [f"{name}: 0 files uploaded (0 B), 2 were there"], [])
    code, shown, _ = run("ls", name)
    assert code == 0
    assert [line.split() for line in shown[:2]] == [["4", "B", "training/a.csv"], ["2", "B", "training/b.csv"]]
    assert shown[2].startswith("2 files, 6 B: snapshot ")
    assert shown[2].endswith(", not made yet")
    listed = json.loads(run("ls", name, "--json")[1][0])
    assert listed["files"] == [{"path": "training/a.csv", "bytes": 4}, {"path": "training/b.csv", "bytes": 2}]
    assert (listed["bytes"], listed["kept"], len(listed["snapshot"])) == (6, False, 64)
    assert listed["prepared"] is None


@pytest.mark.cloud
def test_of_what_is_prepared_the_input_is_listed_and_whether_it_was_done(
    run: Run, name: str, tmp_path: Path, aws: Aws
) -> None:
    folder = tmp_path / "models" / name
    (folder / "model.toml").write_text("[prepare]\n[channels.train]\n[channels.validation]\n")
    (folder / "prepare.py").write_text("")
    run("push", name, "rows")
    _, shown, _ = run("ls", name)
    assert [line.split()[-1] for line in shown[:2]] == ["data/train/a.csv", "data/train/b.csv"]
    assert shown[3:] == ["prepare.py makes of them: train, validation, not made yet"]
    made_of = read_folder(tmp_path, name).preparation(data=json.loads(run("ls", name, "--json")[1][0])["snapshot"])
    assert made_of is not None
    aws.files.write(prepared_key(name, made_of.key), b"[]", replacing=None)
    assert run("ls", name)[1][3:] == ["prepare.py makes of them: train, validation, made already"]
    assert json.loads(run("ls", name, "--json")[1][0])["prepared"] is True


@pytest.mark.cloud
def test_a_difference_is_told_file_by_file(run: Run, name: str, tmp_path: Path, aws: Aws) -> None:
    run("push", name, "rows")
    first = json.loads(run("ls", name, "--json")[1][0])["snapshot"]
    listed = [[f"training/{one}.csv", size, aws.files.etag(f"{name}/input/train/{one}.csv")] for one, size in AB]
    aws.files.write(f"{name}/data/{first}.json", json.dumps(listed).encode(), replacing=None)
    assert run("diff", name)[:2] == (0, [f"the same as snapshot {first}: 2 files, 6 B"])
    (tmp_path / "rows/train/a.csv").write_text("1,2,3\n")
    (tmp_path / "rows/train/c.csv").write_text("1")
    run("push", name, "rows")
    aws.files.delete(f"{name}/input/train/b.csv")
    assert run("diff", name, first)[1] == [
        "~ training/a.csv (4 B → 6 B)",
        "- training/b.csv (2 B)",
        "+ training/c.csv (1 B)",
        f"1 added, 1 removed, 1 changed: 6 B → 7 B, against snapshot {first}",
    ]
    changes = json.loads(run("diff", name, "--json")[1][0])["changes"]
    assert changes[1] == {"path": "training/b.csv", "before": 2, "after": None}


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["ls", "{name}"], "channel 'training' has no data: put files under s3://"),
        (["diff", "{name}"], "channel 'training' has no data"),
        (["push", "{name}", "nothing"], "nothing: there are no files to push"),
        (["push", "other", "rows"], "no model 'other'"),
        (["ls", "other"], "no model 'other'"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, name: str, words: list[str], fault: str) -> None:
    code, out, said = run(*(word.format(name=name) for word in words))
    assert (code, out, len(said)) == (2, [], 1)
    assert fault in said[0]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456_789, "123.5 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_bytes_are_shown_in_units_of_a_thousand(size: int, text: str) -> None:
    assert readable(size) == text
