"""The container's training entry point, as the product's: it captures what the script writes when it fails."""

from sagemaker_training import entry_point, environment


def main() -> None:
    env = environment.Environment()
    entry_point.run(
        uri=env.module_dir,
        user_entry_point=env.user_entry_point,
        args=env.to_cmd_args(),
        env_vars=env.to_env_vars(),
        capture_error=True,
    )
