"""Are the project's stacks there and whole? `setup` and most checks of the doctor make no sense without them.

What `cdk deploy` mends, and what it can't: the names of what an earlier `cdk destroy` kept are taken.
"""

from mergemaker.domain.names import Names
from mergemaker.ports import Account, Kind
from mergemaker.steps.findings import DEPLOY, Mark, Verdict

STACKS = ("data", "platform", "identity")
_USABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    }
)
"""In these all of the stack is there, be it as it was before a change that failed."""
_EMPTY = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
"""A first deploy or import that did not succeed: nothing is in the stack, but its name is taken."""


def stack_names(names: Names) -> tuple[str, ...]:
    return tuple(f"{names.project}-{part}" for part in STACKS)


def restore(names: Names) -> str:
    return f"run `aws secretsmanager restore-secret --secret-id {names.token_secret}`"


def kept_kinds(names: Names) -> tuple[tuple[Kind, str], ...]:
    """What outlives the data stack by default, as far as it is looked for by name."""
    return (
        ("bucket", names.bucket),
        ("repository", names.repository),
        ("table", names.run_table),
        ("secret", names.token_secret),
    )


def stacks_verdict(account: Account, names: Names) -> Verdict:
    states = {stack: account.stack(stack) for stack in stack_names(names)}
    moving = [f"{stack} is {state}" for stack, state in states.items() if _moves(state)]
    if moving:
        return Verdict(Mark.UNKNOWN, ", ".join(moving), "wait until that has ended, then do this again")
    if all(state in _USABLE for state in states.values()):
        return Verdict(Mark.FINE, ", ".join(states))
    data = stack_names(names)[0]
    if states[data] is None or states[data] in _EMPTY:
        lost = _without_data_stack(account, names, remains=states[data] is not None)
        if lost:
            return lost
    if not any(states.values()):
        return Verdict(Mark.WRONG, f"nothing is deployed in account {names.account}, {names.region}", DEPLOY)
    return _incomplete(states)


def _moves(state: str | None) -> bool:
    return state is not None and state.endswith("_IN_PROGRESS") and state not in (*_USABLE, *_EMPTY)


def _without_data_stack(account: Account, names: Names, *, remains: bool) -> Verdict | None:
    """None if nothing stands in the way of a deploy. `remains`: the stack's name is taken, too."""
    data, deleted = stack_names(names)[0], account.secret_is_deleted()
    kept = [
        f"{kind} {name}"
        for kind, name in kept_kinds(names)
        if account.exists(kind, name) and not (kind == "secret" and deleted)
    ]
    if kept:
        steps = [restore(names)] if deleted else []
        steps += [f"clear what a deploy left with `npx cdk destroy {data}`"] if remains else []
        steps += [f"adopt it with `npx cdk import {data}`", DEPLOY]
        do = f'{", then ".join(steps)} (docs/deploying.md, "Deploying again on what was kept")'
        return Verdict(Mark.WRONG, f"{data} was destroyed, what holds its data was kept: {', '.join(kept)}", do)
    if deleted:
        force = f"aws secretsmanager delete-secret --secret-id {names.token_secret} --force-delete-without-recovery"
        said = f"{data} was destroyed, and its secret {names.token_secret} waits to be deleted: the name is taken"
        return Verdict(Mark.WRONG, said, f"run `{force}`, then {DEPLOY}")
    return None


def _incomplete(states: dict[str, str | None]) -> Verdict:
    failed = [stack for stack, state in states.items() if state is not None and state not in _USABLE]
    gone = [f"{stack} is not there" for stack, state in states.items() if state is None]
    said = ", ".join([*(f"{stack} is {states[stack]}" for stack in failed), *gone])
    if not failed:
        return Verdict(Mark.WRONG, said, DEPLOY)
    why = ", ".join(f"`aws cloudformation describe-stack-events --stack-name {stack}`" for stack in failed)
    return Verdict(Mark.WRONG, said, f"read why in {why}, mend it, then {DEPLOY}")
