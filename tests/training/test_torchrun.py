"""A small torch.distributed script, submitted as any other and run by the laptop cloud: processes on loopback."""

import io
import re
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests import cpu_torch
from tests.models.shop import Shop, opened

pytestmark = pytest.mark.cloud

SUM = """
import os, pathlib
import torch, torch.distributed as processes
processes.init_process_group("gloo")
rank, total = processes.get_rank(), torch.tensor([processes.get_rank() + 1])
processes.all_reduce(total)
where = f"{os.environ['SM_CURRENT_HOST']} {os.environ['LOCAL_RANK']}"
text = f"{total.item()} of {processes.get_world_size()} on {where}"
pathlib.Path(os.environ["SM_MODEL_DIR"], f"{rank}.txt").write_text(text)
processes.destroy_process_group()
"""
FAILS = "import os\nif os.environ['RANK'] == '1': raise ValueError('no column named target')\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """With a model of the pytorch template, whose image is built."""
    cpu_torch.needed()
    with opened(tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("aws")) as one:
        one.say("new", "sums", "--template", "pytorch")
        one.upload("sums")
        assert one.submitted("sums")["status"] == "Waiting"
        one.builds_ended()
        yield one


def trained(shop: Shop, script: str, *, instances: int, processes: int) -> Any:
    """The finished job of a script that torchrun starts."""
    folder = shop.folder("sums")
    (folder / "train.py").write_text(script)
    toml = re.sub(r"(?ms)^\[train\]\n.*?(?=^\[|\Z)", "", (folder / "model.toml").read_text())
    train = {"distribution": '"torchrun"', "instance_type": '"ml.m5.large"'}
    train |= {"instance_count": str(instances), "processes_per_host": str(processes)}
    lines = "".join(f"{key} = {value}\n" for key, value in train.items())
    (folder / "model.toml").write_text(f"{toml}\n[train]\n{lines}")
    return shop.finished(shop.submitted("sums")["job"])


def files(shop: Shop, job: Any) -> dict[str, str]:
    """Of its model, without the code that is for serving."""
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    body = shop.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        names = [name for name in archive.getnames() if re.fullmatch(r"(\./)?\d\.txt", name)]
        opened = {name.removeprefix("./"): archive.extractfile(name) for name in names}
        return {name: file.read().decode() for name, file in sorted(opened.items()) if file}


def test_two_processes_on_each_of_two_instances_agree_on_a_sum(shop: Shop) -> None:
    job = trained(shop, SUM, instances=2, processes=2)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert files(shop, job) == {
        "0.txt": "10 of 4 on 127.0.0.1 0",
        "1.txt": "10 of 4 on 127.0.0.1 1",
        "2.txt": "10 of 4 on 127.0.0.2 0",
        "3.txt": "10 of 4 on 127.0.0.2 1",
    }


def test_a_process_that_fails_ends_the_job_and_says_why(shop: Shop) -> None:
    job = trained(shop, FAILS, instances=1, processes=2)

    assert job["TrainingJobStatus"] == "Failed"
    assert "ValueError: no column named target" in job["FailureReason"]
