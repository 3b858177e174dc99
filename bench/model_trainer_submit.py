"""A run that the SageMaker SDK's ModelTrainer starts; for a Python that has the SDK.

It is told what bench/minimal_submit.py is told, and asks for the same job. Bucket, role, image and data are given, so
that the SDK need not look for them, and its telemetry is off.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session  # type: ignore[import-not-found]
from sagemaker.train import ModelTrainer  # type: ignore[import-not-found]
from sagemaker.train.configs import (  # type: ignore[import-not-found]
    Compute,
    InputData,
    MetricDefinition,
    OutputDataConfig,
    StoppingCondition,
    Tag,
)

NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


def main() -> None:
    said = json.loads(Path(sys.argv[1]).read_text())
    request, code = said["request"], said["code"]
    session = Session(sagemaker_config=NO_TELEMETRY, default_bucket=said["bucket"])
    session.upload_data(code["file"], said["bucket"], code["key"].rpartition("/")[0])
    resources, output = request["ResourceConfig"], request["OutputDataConfig"]
    metrics = request["AlgorithmSpecification"]["MetricDefinitions"]
    trainer = ModelTrainer(
        sagemaker_session=session,
        base_job_name=said["job"],
        role=request["RoleArn"],
        training_image=request["AlgorithmSpecification"]["TrainingImage"],
        compute=Compute(
            instance_type=resources["InstanceType"],
            instance_count=resources["InstanceCount"],
            volume_size_in_gb=resources["VolumeSizeInGB"],
            volume_kms_key_id=resources["VolumeKmsKeyId"],
        ),
        output_data_config=OutputDataConfig(s3_output_path=output["S3OutputPath"], kms_key_id=output["KmsKeyId"]),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=request["StoppingCondition"]["MaxRuntimeInSeconds"]
        ),
        hyperparameters=request["HyperParameters"],
        tags=[Tag(key=tag["Key"], value=tag["Value"]) for tag in request["Tags"]],
    ).with_metric_definitions([MetricDefinition(name=one["Name"], regex=one["Regex"]) for one in metrics])
    data = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in request["InputDataConfig"]}
    channels = [InputData(channel_name=name, data_source=place) for name, place in data.items()]
    trainer.train(input_data_config=channels, wait=False, logs=False)
    print("started")


main()
