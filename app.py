"""The CDK app: ``mergemaker.toml`` in, stacks out. ``cdk.json`` tells the CDK CLI to run it.

Asks nothing of AWS, the clock or git, so that the same files always give the same templates. Another settings file is
read with ``cdk -c settings=FILE``. CDK's modules take seconds to import, so they come only when the settings are fine.
"""

import sys
from pathlib import Path

from mergemaker.domain.errors import UsageError
from mergemaker.domain.settings import FILE, Settings, parse_settings


def read_settings(file: str) -> Settings:
    """Raises UsageError if the file is missing or wrong."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot read the settings: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not valid TOML: the file is not UTF-8") from None
    return parse_settings(text, file)


def main() -> int:
    """Exit code 2 for settings that are wrong."""
    import aws_cdk as cdk

    app = cdk.App(analytics_reporting=False)
    try:
        settings = read_settings(app.node.try_get_context("settings") or FILE)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    from infra.data import at_the_end
    from infra.stacks import add_stacks

    # Here, because `cdk destroy` reads the app too: it is the one place that is seen before the question.
    print(at_the_end(settings.names, keep=settings.keep_data), file=sys.stderr)
    add_stacks(app, settings)
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
