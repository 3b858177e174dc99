"""Jobs on several instances: each is a container of its own, on loopback."""

import json

import pytest

from tests.local.aws.helpers import BUCKET, Aws
from tests.local.aws.jobs import Jobs, needs_own_mounts, unpacked

pytestmark = pytest.mark.cloud

TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10}
SUMS = """
import json, os, pathlib, socket

hosts, me = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
rank = hosts.index(me)
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
PORT = 29123
if rank == 0:
    with socket.create_server((me, PORT)) as server:
        other, _ = server.accept()
        with other:
            total = 1 + int(other.recv(9))
            other.sendall(str(total).encode())
else:
    import time
    for _ in range(100):
        try:
            other = socket.create_connection((hosts[0], PORT))
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    other.sendall(b"2")
    total = int(other.recv(9))
print(f"rank {rank} of {len(hosts)} knows {total}")
(model / f"{rank}.txt").write_text(str(total))
(model / "same.txt").write_text(str(rank))
"""


def test_two_instances_find_each_other_and_leave_one_model(aws: Aws, jobs: Jobs) -> None:
    name = jobs.start(SUMS, ResourceConfig=TWO)
    job = jobs.finished(name)
    assert job["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert unpacked(aws, f"m/output/{name}/output/model.tar.gz") == {"0.txt": "3", "1.txt": "3", "same.txt": "0"}
    assert "rank 0 of 2 knows 3" in jobs.log(name)
    assert "rank 1 of 2 knows 3" in jobs.log(name, host=2)


def test_where_one_instance_fails_the_job_fails_with_its_reason_and_the_others_end(jobs: Jobs) -> None:
    script = (
        "import json, os, time\n"
        "first = json.loads(os.environ['SM_HOSTS'])[0]\n"
        "if os.environ['SM_CURRENT_HOST'] != first: raise ValueError('not the second')\n"
        "time.sleep(60)\n"
    )
    job = jobs.finished(jobs.start(script, ResourceConfig=TWO))
    assert job["TrainingJobStatus"] == "Failed"
    assert "not the second" in job["FailureReason"]


def test_the_ports_of_torchrun_are_one_jobs_at_a_time(jobs: Jobs, aws: Aws) -> None:
    sleeps = "import time\ntime.sleep(60)\n"
    first, second = jobs.start(sleeps, ResourceConfig=TWO), jobs.start(sleeps, ResourceConfig=TWO)
    jobs.in_status(first, "Training")
    other = jobs.start("print(1)")
    assert jobs.finished(other)["TrainingJobStatus"] == "Completed"
    assert jobs.describe(second)["SecondaryStatus"] == "Starting"
    for name in (second, first):
        aws.sagemaker.stop_training_job(TrainingJobName=name)
        assert jobs.finished(name)["TrainingJobStatus"] == "Stopped"


SEES = """
import json, os, pathlib
text = pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text()
pathlib.Path("/opt/ml/model/seen.json").write_text(text)
"""


@needs_own_mounts
def test_a_script_that_knows_opt_ml_by_heart_finds_its_folders_there(aws: Aws, jobs: Jobs) -> None:
    name = jobs.start(SEES, HyperParameters={"depth": "3"})
    assert jobs.finished(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    seen = json.loads(unpacked(aws, f"m/output/{name}/output/model.tar.gz")["seen.json"])
    assert seen["depth"] == "3"
    assert seen["sagemaker_submit_directory"] == json.dumps(f"s3://{BUCKET}/m/code/{name}.tar.gz")
