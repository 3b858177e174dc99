"""docs/data.md says what is so."""

import re
import shlex
from pathlib import Path

import pytest

from infra.data import IDLE_DAYS
from mergemaker.adapters.dvc import DvcFiles
from mergemaker.adapters.files import PART
from mergemaker.cli import _parser
from mergemaker.domain.errors import UsageError
from mergemaker.domain.lineage import TAG_PREFIX, lineage_tags
from mergemaker.domain.model import InputMode
from mergemaker.domain.model_toml import parse_model
from mergemaker.domain.names import prepared_key, prepared_prefix, snapshot_key
from tests.fakes.made import digest, lineage

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


def test_the_channels_that_are_shown_are_fine() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    channels = parse_model("prices", text).channels
    assert channels["train"].prefix == "train/"
    assert (channels["images"].dvc, channels["images"].input_mode) == ("data/images", InputMode.FAST_FILE)


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("mergemaker ")])
def test_the_commands_that_are_shown_are_ones(line: str) -> None:
    assert _parser().parse_args(shlex.split(line)[1:]).model == "prices"


def test_the_remote_is_the_one_that_the_command_asks_for(tmp_path: Path) -> None:
    (tmp_path / "a.dvc").write_text(f"outs:\n- md5: {'0' * 32}\n  hash: md5\n  path: a\n")
    (shown,) = [line for line in LINES if line.startswith("dvc remote add")]
    with pytest.raises(UsageError, match=re.escape(shown)):
        DvcFiles(tmp_path, "<bucket>").find("a")


def test_its_figures_are_the_codes() -> None:
    assert f"Objects over {4 * PART / 2**30:.0f} GB are copied in parts" in TEXT
    assert f"what nobody has read for {IDLE_DAYS} days costs less" in TEXT.replace("\n", " ")
    assert snapshot_key("<model>", "<digest>") in TEXT
    assert prepared_key("<model>", "<key>") in TEXT
    assert f"{prepared_prefix('<model>', '<key>')}<channel>/<path>" in TEXT


def test_the_tags_that_are_shown_are_those_of_a_run_on_prepared_data() -> None:
    shown = {TAG_PREFIX + name for name in re.findall(rf"`{TAG_PREFIX}([a-z-]+)`", TEXT)}
    assert shown <= lineage_tags(lineage(prepare=digest("prepare"), input=digest("input"))).keys()
    assert len(shown) == 3
