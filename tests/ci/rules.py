"""Which jobs a pipeline of GitLab's has: its ``rules``, as gitlab-ci-local does not evaluate them all.

After GitLab's documentation: ``doc/ci/jobs/job_rules.md`` (expressions), ``doc/ci/yaml/_index.md`` (`workflow:rules`,
`rules:if`, `rules:changes`, `extends`, `include`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Config = dict[str, Any]
Value = str | None
_TOKEN = re.compile(r"""\s*(?:(\$\w+)|("[^"]*"|'[^']*')|(/(?:\\.|[^/\\])+/i?)|(null\b|==|!=|=~|!~|&&|\|\||\(|\)))""")
_KEYWORDS = {"workflow", "include", "stages", "variables", "default"}


@dataclass(frozen=True)
class Pipeline:
    """What GitLab knows when it makes a pipeline."""

    variables: Mapping[str, str]
    changed: tuple[str, ...] | None = None
    """Files; None where GitLab can't compare, and takes every `changes` to be true: tags, schedules."""
    compared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ref -> files that differ from it, for `compare_to`."""

    def jobs(self, config: Config) -> dict[str, Config]:
        """By name; none where there is no pipeline at all."""
        workflow = config.get("workflow", {}).get("rules")
        if workflow is not None and self._first(workflow) is None:
            return {}
        jobs = {name: job for name, job in config.items() if name not in _KEYWORDS and not name.startswith(".")}
        # Where there are no rules at all, it is as if a job said `except: merge_requests`.
        ruleless = workflow is not None or "CI_MERGE_REQUEST_ID" not in self.variables
        return {n: job for n, job in jobs.items() if (self._first(job["rules"]) if "rules" in job else ruleless)}

    def rule(self, config: Config) -> Config | None:
        """Of the workflow, the one that made the pipeline."""
        return self._first(config["workflow"]["rules"])

    def _first(self, rules: list[Config]) -> Config | None:
        """The first that applies, unless it says never."""
        for rule in rules:
            if unknown := rule.keys() - {"if", "changes", "when", "auto_cancel"}:
                raise NotImplementedError(f"rules with {unknown}")
            if holds(rule.get("if", '"always"'), self.variables) and self._touches(rule.get("changes")):
                return None if rule.get("when") == "never" else rule
        return None

    def _touches(self, changes: list[str] | Config | None) -> bool:
        if changes is None:
            return True
        given: Config = changes if isinstance(changes, dict) else {"paths": changes}
        changed = self.compared[given["compare_to"]] if "compare_to" in given else self.changed
        return changed is None or any(re.fullmatch(_glob(one), path) for one in given["paths"] for path in changed)


def holds(expression: str, variables: Mapping[str, str]) -> bool:
    """Whether an ``if`` is true. Raises ValueError for what is no expression."""
    tokens = list(_tokens(expression))
    value = _either(tokens, variables)
    if tokens:
        raise ValueError(f"{expression!r}: what is {tokens[0]!r}?")
    return value


def _tokens(expression: str) -> Iterator[str]:
    at = 0
    while expression[at:].strip():
        found = _TOKEN.match(expression, at)
        if found is None:
            raise ValueError(f"{expression!r}: what is {expression[at:]!r}?")
        yield found[0].strip()
        at = found.end()


def _either(tokens: list[str], variables: Mapping[str, str]) -> bool:
    value = _both(tokens, variables)
    while tokens[:1] == ["||"]:
        tokens.pop(0)
        value = _both(tokens, variables) or value
    return value


def _both(tokens: list[str], variables: Mapping[str, str]) -> bool:
    value = _one(tokens, variables)
    while tokens[:1] == ["&&"]:
        tokens.pop(0)
        value = _one(tokens, variables) and value
    return value


def _one(tokens: list[str], variables: Mapping[str, str]) -> bool:
    if tokens[:1] == ["("]:
        tokens.pop(0)
        inner = _either(tokens, variables)
        if tokens[:1] != [")"]:
            raise ValueError("a bracket is not closed")
        tokens.pop(0)
        return inner
    left = _value(tokens, variables)
    if tokens[:1] in (["=="], ["!="]):
        equal = tokens.pop(0) == "=="
        return (left == _value(tokens, variables)) is equal
    if tokens[:1] in (["=~"], ["!~"]):
        wanted = tokens.pop(0) == "=~"
        pattern = tokens.pop(0)
        flags = re.IGNORECASE if pattern.endswith("i") else 0
        return (left is not None and re.search(pattern.rstrip("i")[1:-1], left, flags) is not None) is wanted
    return bool(left)


def _value(tokens: list[str], variables: Mapping[str, str]) -> Value:
    token = tokens.pop(0) if tokens else ""
    if token.startswith("$"):
        return variables.get(token[1:])
    if token == "null":
        return None
    if token[:1] in ("'", '"'):
        return token[1:-1]
    raise ValueError(f"{token!r} is no value")


def _glob(pattern: str) -> str:
    """As Ruby's File.fnmatch takes it with FNM_PATHNAME and FNM_DOTMATCH, of which only stars are used here."""
    return re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")


class _Reference(tuple[str, ...]):
    """``!reference [job, key]``."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    pass


def _reference(loader: _Loader, node: yaml.SequenceNode) -> _Reference:
    return _Reference(loader.construct_sequence(node))


_Loader.add_constructor("!reference", _reference)


def load(root: Path, file: Path) -> Config:
    """A pipeline's file with all that it includes from the repository at `root`, and with jobs as they come out."""
    config = _merged(root, file)
    return {name: _extended(config, name) if isinstance(job, dict) else job for name, job in config.items()}


def _merged(root: Path, file: Path) -> Config:
    own: Config = yaml.load(file.read_text(), _Loader)  # noqa: S506 # a safe loader, with one more tag
    config: Config = {}
    for included in own.pop("include", []):
        config |= _merged(root, root / included["local"])
    return config | own


def _extended(config: Config, name: str) -> Config:
    job = dict(config[name])
    if base := job.pop("extends", None):
        job = _over(_extended(config, base), job)
    return {key: _resolved(config, value) if key.endswith("script") else value for key, value in job.items()}


def _over(base: Config, job: Config) -> Config:
    """Tables are merged, anything else is replaced."""
    both = {key: _over(base[key], job[key]) for key in base.keys() & job if isinstance(base[key], dict)}
    return {**base, **job, **both}


def _resolved(config: Config, lines: list[Any]) -> list[str]:
    found: list[str] = []
    for line in lines:
        found += _extended(config, line[0])[line[1]] if isinstance(line, _Reference) else [line]
    return found
