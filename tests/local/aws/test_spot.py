"""Spot instances and checkpoints: what is asked for is done, and what contradicts itself is refused."""

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.helpers import BUCKET, Aws, unique, wait_for
from tests.local.aws.jobs import Jobs, needs_own_mounts, unpacked
from tests.local.aws.test_training import channel

pytestmark = pytest.mark.cloud

COUNTS = """
import pathlib
place = pathlib.Path("/opt/ml/checkpoints")
place.mkdir(exist_ok=True)
done = place / "deep" / "epoch.txt"
epoch = int(done.read_text()) if done.exists() else 0
done.parent.mkdir(exist_ok=True)
done.write_text(str(epoch + 1))
if epoch == 0:
    (place / "only-first.txt").touch()
    raise SystemError("taken away")
(place / "only-first.txt").unlink()
pathlib.Path("/opt/ml/model/epochs.txt").write_text(str(epoch + 1))
"""


def keys(aws: Aws, prefix: str) -> list[str]:
    found = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [one["Key"].removeprefix(prefix) for one in found]


@needs_own_mounts
def test_a_second_job_goes_on_from_the_checkpoints_of_the_first(aws: Aws, jobs: Jobs) -> None:
    prefix = f"m/checkpoints/{unique('run')}/"
    kept = {"S3Uri": f"s3://{BUCKET}/{prefix}", "LocalPath": "/opt/ml/checkpoints"}
    first = jobs.finished(jobs.start(COUNTS, CheckpointConfig=kept))
    assert "taken away" in first["FailureReason"]
    assert keys(aws, prefix) == ["deep/epoch.txt", "only-first.txt"]

    name = jobs.start(COUNTS, CheckpointConfig=kept)
    assert jobs.finished(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert unpacked(aws, f"m/output/{name}/output/model.tar.gz") == {"epochs.txt": "2"}
    assert keys(aws, prefix) == ["deep/epoch.txt"]


@needs_own_mounts
def test_a_checkpoint_is_in_s3_while_the_job_still_runs(aws: Aws, jobs: Jobs) -> None:
    prefix = f"m/checkpoints/{unique('run')}/"
    script = "import pathlib, time\npathlib.Path('/opt/ml/checkpoints/a').write_text('1')\ntime.sleep(60)\n"
    name = jobs.start(script, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/{prefix}"})
    wait_for(lambda: keys(aws, prefix) == ["a"])
    assert jobs.describe(name)["SecondaryStatus"] == "Training"
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    jobs.finished(name)


def test_the_time_of_a_spot_instance_is_billed_at_less(jobs: Jobs) -> None:
    name = jobs.start(
        "import time\ntime.sleep(4)\n",
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
    )
    job = jobs.finished(name)
    assert job["EnableManagedSpotTraining"]
    assert 1 <= job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]


def test_a_channel_of_fast_files_is_there_as_files_and_says_so(aws: Aws, jobs: Jobs) -> None:
    prefix = unique("input")
    aws.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/rows.csv", Body=b"1,2,3")
    script = (
        "import json, os, pathlib\n"
        "mode = json.loads(os.environ['SM_INPUT_DATA_CONFIG'])['train']['TrainingInputMode']\n"
        "rows = pathlib.Path(os.environ['SM_CHANNEL_TRAIN'], 'rows.csv').read_text()\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'seen').write_text(f'{mode} {rows}')\n"
    )
    fast = [one | {"InputMode": "FastFile"} for one in channel(f"{prefix}/")]
    name = jobs.start(script, InputDataConfig=fast)
    jobs.finished(name)
    assert unpacked(aws, f"m/output/{name}/output/model.tar.gz") == {"seen": "FastFile 1,2,3"}


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}}, "can be specified only if"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
            },
            "greater than or equal to MaxRuntimeInSeconds",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/home/me"}}, "must be below /opt/ml"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/../../etc"}}, "must be below /opt/ml"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(jobs: Jobs, changed: dict[str, object], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        jobs.start("print(1)", **changed)
