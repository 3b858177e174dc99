"""The command ``mergemaker``. Exit code 0: done; 1: failed or refused; 2: wrong use.

Everything that a command needs is imported when it runs, so that `--help` and wrong use answer at once.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mergemaker.domain.errors import MergemakerError, UsageError
from mergemaker.domain.lineage import Origin
from mergemaker.domain.settings import FILE, MODELS, Settings, parse_settings

if TYPE_CHECKING:
    from mergemaker.bootstrap import Aws

Command = Callable[[argparse.Namespace], int]
TEMPLATES = ("sklearn", "xgboost", "pytorch", "custom")
"""Of `new`; each is a folder under templates/."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Errors are one line each on stderr, without a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["local"]:  # argparse would take options that are not its own for mistakes
            return _local(words[1:])
        asked = _parser().parse_args(words)
        run: Command = asked.run
        return run(asked)
    except MergemakerError as error:
        return _failed(error)
    except KeyboardInterrupt:
        print("mergemaker: interrupted", file=sys.stderr)
        return 130


def _failed(error: MergemakerError, about: str = "") -> int:
    """Says so; the exit code."""
    for line in str(error).splitlines():
        print(f"mergemaker: {about}{line}", file=sys.stderr)
    return 2 if isinstance(error, UsageError) else 1


def _each(models: Sequence[str], do: Callable[[str], None]) -> int:
    """The others' turn comes also if one fails. The worst of the exit codes."""
    worst = 0
    for model in models:
        try:
            do(model)
        except MergemakerError as error:
            worst = max(worst, _failed(error, f"{model}: " if len(models) > 1 else ""))
        sys.stdout.flush()  # in order with what is said of failures
    return worst


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mergemaker", description="Ships SageMaker models through GitLab merge requests."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    new = commands.add_parser("new", help="make a model folder that trains, to begin with")
    new.add_argument("model", metavar="NAME")
    new.add_argument("--template", choices=TEMPLATES, default=TEMPLATES[0], help="%(choices)s; default: %(default)s")
    new.set_defaults(run=_new)

    check = commands.add_parser("check", help="read all settings and model folders, say what is wrong where")
    check.set_defaults(run=_check)

    plan = commands.add_parser("plan", help="which models this pipeline is about: what changed, and what was asked for")
    plan.add_argument("--json", action="store_true", help="as a JSON list")
    plan.add_argument(
        "--child-pipeline", metavar="FILE", type=Path, help="write GitLab's child pipeline, with a job for each of them"
    )
    plan.set_defaults(run=_plan)

    submit = commands.add_parser("submit", help="train models, or find the runs that did so already")
    submit.add_argument("models", metavar="MODEL", nargs="+")
    submit.add_argument("--force", action="store_true", help="train again although a run did the same work")
    submit.add_argument("--json", action="store_true", help="as JSON objects, one a line")
    submit.set_defaults(run=_submit)

    reproduce = commands.add_parser("reproduce", help="the same run again, from what was recorded of it")
    reproduce.add_argument("job", metavar="RUN")
    reproduce.add_argument("--json", action="store_true", help="as a JSON object")
    reproduce.set_defaults(run=_reproduce)

    release = commands.add_parser("release", help="release the reviewed runs of merged models")
    release.add_argument("models", metavar="MODEL", nargs="+")
    release.add_argument("--to", metavar="ENV", required=True, help="environment, as in mergemaker.toml")
    release.add_argument("--json", action="store_true", help="as JSON objects, one a line")
    release.set_defaults(run=_release)

    diff = commands.add_parser("diff", help="what this merge request would change of the stacks, for a note on it")
    diff.set_defaults(run=_diff)

    _add_data_and_image(commands)

    setup = commands.add_parser("setup", help="once, after `cdk deploy`: GitLab's token, CI variables, merge checks")
    setup.set_defaults(run=_setup)

    doctor = commands.add_parser("doctor", help="what is missing or broken, and what mends it")
    doctor.add_argument("--json", action="store_true", help="as a JSON object")
    doctor.set_defaults(run=_doctor)

    commands.add_parser("local", help="the laptop cloud: up, down, env, reset", add_help=False)
    return parser


def _add_data_and_image(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    data = commands.add_parser("data", help="what a model trains on: push, ls, diff").add_subparsers(
        title="commands", required=True, metavar="COMMAND"
    )
    push = data.add_parser("push", help="upload files to the model's input, except those that are there")
    push.add_argument("model", metavar="MODEL")
    push.add_argument("path", metavar="PATH", type=Path, help="a file, or a folder for all that is in it")
    push.add_argument("--json", action="store_true", help="as a JSON object")
    push.set_defaults(run=_data_push)
    ls = data.add_parser("ls", help="the files that the next run would be made of")
    ls.add_argument("model", metavar="MODEL")
    ls.add_argument("--json", action="store_true", help="as a JSON object")
    ls.set_defaults(run=_data_ls)
    diff = data.add_parser("diff", help="how they differ from those of a run")
    diff.add_argument("model", metavar="MODEL")
    diff.add_argument("against", metavar="RUN|SNAPSHOT", nargs="?", help="default: what was kept last")
    diff.add_argument("--json", action="store_true", help="as a JSON object")
    diff.set_defaults(run=_data_diff)

    image = commands.add_parser("image", help="images: build a model's, resolve AWS's own").add_subparsers(
        title="commands", required=True, metavar="COMMAND"
    )
    build = image.add_parser("build", help="have models' images built, unless they are there, without training")
    build.add_argument("models", metavar="MODEL", nargs="+")
    build.add_argument("--json", action="store_true", help="as JSON objects, one a line")
    build.set_defaults(run=_image_build)
    resolve = image.add_parser("resolve", help="the address of an image of AWS's, for image.uri in model.toml")
    resolve.add_argument("name", metavar="NAME:VERSION", help="such as xgboost:1.7-1")
    resolve.add_argument("--instance-type", metavar="TYPE", default="ml.m5.large", help="default: %(default)s")
    resolve.add_argument("--scope", choices=("training", "inference"), default="training", help="default: %(default)s")
    resolve.set_defaults(run=_image_resolve)


def _root() -> Path:
    return Path.cwd()


def _settings() -> Settings:
    """Raises UsageError where there is no project."""
    file = _root() / FILE
    try:
        return parse_settings(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no {FILE} here: run this at the root of the project") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{FILE} can't be read: {error}") from None


def _aws(settings: Settings) -> "Callable[[], Aws]":
    """Makes one for all models, not before it is needed: what is wrong in a folder is told at once."""

    @cache
    def aws() -> "Aws":
        from mergemaker.bootstrap import Aws

        return Aws(settings.names, settings.network)

    return aws


def _of_this_project(who: Origin, settings: Settings) -> Origin:
    """Raises UsageError in another GitLab project, such as a fork: its merge requests have the same numbers as ours."""
    if who.gitlab_project != settings.gitlab.project_id:
        raise UsageError(
            f"this job runs in GitLab project {who.gitlab_project}, but {FILE} is of project "
            f"{settings.gitlab.project_id}: set gitlab.project_id to the project's own"
        )
    return who


def _new(asked: argparse.Namespace) -> int:
    from mergemaker.steps.new import new

    models = _settings().models
    files = new(_root(), asked.model, asked.template, models)
    print(f"{models}/{asked.model} is made: {', '.join(file.name for file in files)}")
    print(f"next: {models}/{asked.model}/README.md says how it trains, and what to put in its place")
    return 0


def _check(_asked: argparse.Namespace) -> int:
    from mergemaker.adapters.folder import Folders, model_names

    faults, models = [], MODELS
    try:
        models = _settings().models
    except UsageError as error:
        faults.append(str(error))
    names, folders = model_names(_root(), models), Folders(_root(), models)
    for name in names:
        try:
            folders.read(name)
        except UsageError as error:
            faults.append(str(error))
    if faults:
        raise UsageError("\n".join(faults))
    print(f"{FILE} and {len(names)} models are fine: {', '.join(names)}")
    return 0


def _plan(asked: argparse.Namespace) -> int:
    from mergemaker.adapters.planned import planned
    from mergemaker.domain.pipelines import child_pipeline

    plan = planned(_root(), _settings().models, os.environ)
    if plan.refused:
        print(f"mergemaker: left out: {plan.refused}", file=sys.stderr)
    if file := asked.child_pipeline:
        try:
            file.write_text(child_pipeline(plan), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{file} can't be written: {error.strerror}") from None
    if asked.json or plan.jobs:
        print(json.dumps(plan.models) if asked.json else "\n".join(plan.models))
    return 0


def _submit(asked: argparse.Namespace) -> int:
    from mergemaker.adapters.folder import Folders
    from mergemaker.domain.ci import origin

    settings = _settings()
    who = _of_this_project(origin(os.environ), settings)
    folders, aws = Folders(_root(), settings.models), _aws(settings)

    def one(model: str) -> None:
        folder = folders.read(model)
        from mergemaker.adapters.dvc import DvcFiles
        from mergemaker.steps.submit import submit

        done = submit(
            folder=folder,
            origin=who,
            names=settings.names,
            files=aws().files,
            tracking=DvcFiles(_root(), settings.names.bucket),
            images=aws().images,
            jobs=aws().jobs,
            preparations=aws().preparations,
            force=asked.force,
        )
        said = {"model": model, "job": done.job, "how": done.how, "status": done.status}
        print(json.dumps(said) if asked.json else f"{model}: run {done.job} {done.how} ({done.status})")

    return _each(asked.models, one)


def _reproduce(asked: argparse.Namespace) -> int:
    settings = _settings()
    from mergemaker.bootstrap import Aws
    from mergemaker.steps.reproduce import reproduce

    aws = Aws(settings.names, settings.network)
    done = reproduce(asked.job, names=settings.names, files=aws.files, jobs=aws.jobs)
    print(json.dumps({"job": done.job, "of": done.of}) if asked.json else f"run {done.job} started: {done.of} again")
    return 0


def _release(asked: argparse.Namespace) -> int:
    from mergemaker.adapters.folder import Folders
    from mergemaker.adapters.git import Checkout
    from mergemaker.domain.ci import merge_request_of, origin

    settings = _settings()
    who = _of_this_project(origin(os.environ), settings)
    environment = settings.environment(asked.to)
    folders, checkout, aws = Folders(_root(), settings.models), Checkout(_root()), _aws(settings)

    def one(model: str) -> None:
        folder = folders.read(model)
        from mergemaker.steps.release import Merged, release

        package = release(
            model=model,
            environment=environment.name,
            merged=Merged(
                commit=who.commit,
                parents=checkout.parents(),
                merge_request=merge_request_of(checkout.message()),
                pipeline=who.pipeline,
                source=folder.ingredients(data="").source,
            ),
            names=settings.names,
            registry=aws().registry,
            files=aws().files,
        )
        said = {"model": model, "version": package.version, "job": package.job, "environment": environment.name}
        text = f"{model}: version {package.version} (run {package.job}) approved for {environment.name}"
        print(json.dumps(said) if asked.json else text)

    return _each(asked.models, one)


def _diff(_asked: argparse.Namespace) -> int:
    from mergemaker.adapters.cdk import CdkCli
    from mergemaker.domain.ci import compared_in, origin

    settings = _settings()
    job = compared_in(_of_this_project(origin(os.environ), settings), os.environ)
    diff = CdkCli(_root()).diff()
    print(diff.text)
    from mergemaker.bootstrap import Aws
    from mergemaker.steps.stack_diff import leave_word

    leave_word(job, diff, Aws(settings.names, settings.network).files)
    print(f"what that means will be in a note on merge request !{job.merge_request}")
    return 0


def _data_push(asked: argparse.Namespace) -> int:
    from mergemaker.adapters.folder import read_folder

    settings = _settings()
    read_folder(_root(), asked.model, settings.models)  # a model that isn't there gets no data
    from mergemaker.inputs import upload

    return upload(settings, asked.model, asked.path, as_json=asked.json)


def _data_ls(asked: argparse.Namespace) -> int:
    from mergemaker.inputs import show

    return show(_settings(), _root(), asked.model, as_json=asked.json)


def _data_diff(asked: argparse.Namespace) -> int:
    from mergemaker.inputs import compare

    return compare(_settings(), _root(), asked.model, against=asked.against, as_json=asked.json)


def _image_build(asked: argparse.Namespace) -> int:
    from mergemaker.adapters.folder import Folders

    settings = _settings()
    folders, aws = Folders(_root(), settings.models), _aws(settings)

    def one(model: str) -> None:
        folder = folders.read(model)
        from mergemaker.steps.build import build

        how = build(folder, files=aws().files, images=aws().images)
        said = {"model": model, "image": folder.image_tag, "how": how}
        print(json.dumps(said) if asked.json else f"{model}: image {folder.image_tag} {how}")

    return _each(asked.models, one)


def _image_resolve(asked: argparse.Namespace) -> int:
    from mergemaker.adapters.image_uris import address

    region = _settings().names.region
    print(address(asked.name, region=region, instance_type=asked.instance_type, scope=asked.scope))
    return 0


def _setup(_asked: argparse.Namespace) -> int:
    settings = _settings()
    from mergemaker.care import set_up

    return set_up(settings)


def _doctor(asked: argparse.Namespace) -> int:
    from mergemaker.care import examine

    return examine(_settings, _root(), as_json=asked.json)


def _local(words: Sequence[str]) -> int:
    """Another process: the product knows nothing of the laptop cloud."""
    if not (_root() / "local" / "__main__.py").is_file():
        raise UsageError("there is no local/ here: run this at the root of Mergemaker's own checkout")
    return subprocess.run([sys.executable, "-m", "local", *words], check=False, cwd=_root()).returncode


if __name__ == "__main__":
    sys.exit(main())
