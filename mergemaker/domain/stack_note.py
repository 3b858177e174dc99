"""The note on a merge request that changes the stacks: what a merge takes away, then what it lets, the diff folded.

All that comes from the job goes into code spans and a code block: see `mergemaker.domain.text`.
"""

from collections.abc import Iterable

from mergemaker.domain.names import STACKS_MARKER
from mergemaker.domain.stack_diff import Fate, Job, Loss, StackDiff
from mergemaker.domain.text import block, code

_SHOWN = 50
"""Losses in the list; all of them are in the diff."""
_MARKS = {Fate.DELETED: "🔴", Fate.REPLACED: "🔴", Fate.MAY_BE_REPLACED: "🟠", Fate.LEFT: "⚪"}
_LONGEST = 120_000
"""Characters of the diff that are shown. GitLab takes notes of 1,000,000; indented lines and what fences them in can
make this four times as long."""


def render(job: Job, diff: StackDiff, *, pipelines: str) -> str:
    """The note's Markdown. `pipelines`: address of the project's pipelines on GitLab, without a slash at the end."""
    parts: Iterable[str] = (
        STACKS_MARKER,
        f"### 🏗️ **Infrastructure** · {_headline(diff)}",
        _losses(diff.losses),
        _broadened(diff.broadened),
        _whose(job, pipelines) + (" Merging into the default branch deploys it." if diff.stacks else ""),
        _folded(diff),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(diff: StackDiff) -> str:
    """Such as ``3 stacks change · resources: 🔴 **1 deleted, 2 replaced**, 4 changed, 1 added``."""
    if not diff.stacks:
        return "no changes"
    lost = _counted((sum(one.fate is fate for one in diff.losses), fate) for fate in Fate)
    mark = _MARKS[min(diff.losses, key=_badness).fate] if diff.losses else ""
    stays = _counted([(diff.changed, "changed"), (diff.added, "added")])
    resources = ", ".join(part for part in (f"{mark} **{lost}**" if lost else "", stays) if part)
    stacks = "1 stack changes" if diff.stacks == 1 else f"{diff.stacks} stacks change"
    return f"{stacks} · resources: {resources}" if resources else stacks


def _counted(numbers: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{number} {word}" for number, word in numbers if number)


def _badness(loss: Loss) -> int:
    return list(Fate).index(loss.fate)


def _losses(losses: tuple[Loss, ...]) -> str:
    """Those that hold data first, and of these the worst."""
    order = sorted(losses, key=lambda one: (not one.holds_data, _badness(one)))
    lines = [_loss(one) for one in order[:_SHOWN]]
    rest = len(order) - _SHOWN
    return "\n".join([*lines, *([f"- … and {rest} more, in the diff"] if rest > 0 else [])])


def _loss(loss: Loss) -> str:
    data = ", **which holds data**" if loss.holds_data else ""
    return f"- {_MARKS[loss.fate]} {loss.fate}: {code(loss.type)} {code(loss.name)} in {code(loss.stack)}{data}"


def _broadened(stacks: tuple[str, ...]) -> str:
    if not stacks:
        return ""
    named = ", ".join(code(stack) for stack in stacks[:_SHOWN])
    return f"🔑 **Somebody may do more** than now, by {named}: see the changes of IAM and security groups in the diff."


def _whose(job: Job, pipelines: str) -> str:
    return (
        f"So says [pipeline {job.pipeline}]({pipelines}/{job.pipeline}) of commit {code(job.commit[:8])} on "
        f"{code(job.branch)}, compared with what was deployed then."
    )


def _folded(diff: StackDiff) -> str:
    if not diff.text:
        return ""
    return f"<details><summary>cdk diff</summary>\n\n{block(diff.text, longest=_LONGEST)}\n\n</details>"
