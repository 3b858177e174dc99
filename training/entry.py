"""What sagemaker-training's `train` calls, by SAGEMAKER_TRAINING_MODULE=training.entry:main.

It runs the user's script in script mode, as AWS's framework containers do, and then puts the inference code into the
artifact, so that a model's file says how it is served, and the versions of all packages into the output. Whatever is
raised here goes through `train`, which writes /opt/ml/output/failure: SageMaker shows its first 1,024 characters as
FailureReason.
"""

import logging
from pathlib import Path

from sagemaker_training import entry_point, environment, params, process, runner

from training.inference_code import copy_code
from training.installed import write_installed
from training.script import ScriptRunner

_TORCHRUN = "sagemaker_torch_distributed_enabled"

_log = logging.getLogger(__name__)


def main() -> None:
    """Trains. Raises the toolkit's ClientError, with what the script wrote last, if the script fails."""
    env = environment.Environment()
    entry_point.run(
        uri=env.module_dir,
        user_entry_point=env.user_entry_point,
        args=env.to_cmd_args(),
        env_vars=env.to_env_vars(),
        runner_type=_runner(env),
        capture_error=True,  # only MPI's runner for several hosts looks at it
    )
    copied = copy_code(Path(environment.code_dir), Path(env.model_dir) / "code")
    try:
        write_installed(Path(env.output_data_dir))
    except OSError as error:  # hours of training are not lost for a list that people read
        _log.warning("Which packages are installed could not be written down: %s", error)
    _log.info("Inference code added to the model: %s", ", ".join(copied) or "none")


def _runner(env: environment.Environment) -> runner.RunnerType | process.ProcessRunner:
    """The toolkit's own for MPI over several hosts, since it sets up ssh among them; else ours with its command."""
    kind = _kind(env)
    if kind is runner.RunnerType.MPI and len(env.hosts) > 1:
        return kind
    env_vars = env.to_env_vars()
    toolkits = runner.get(kind, env.user_entry_point, env.to_cmd_args(), env_vars)
    return ScriptRunner(toolkits, env_vars)


def _kind(env: environment.Environment) -> runner.RunnerType:
    """By the rules of `train` without a training module, and of AWS's PyTorch images, which add torchrun."""
    wanted = env.additional_framework_parameters
    if env.current_instance_group not in env.distribution_instance_groups:
        return runner.RunnerType.Process
    if wanted.get(params.MPI_ENABLED):
        return runner.RunnerType.MPI
    return runner.RunnerType.TorchDistributed if wanted.get(_TORCHRUN) else runner.RunnerType.Process
