"""What a pipeline is about: a change in git, or, where somebody asks for it without one, what is to be retrained."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mergemaker.adapters.elsewhere import elsewhere, retrains_on_change
from mergemaker.adapters.folder import model_names
from mergemaker.adapters.git import Checkout
from mergemaker.domain.changes import changed_models
from mergemaker.domain.ci import head_commit, merge_request, new_data, retrains
from mergemaker.domain.errors import UsageError
from mergemaker.domain.pipelines import Plan, plan, retraining
from mergemaker.domain.triggers import Wishes, parse_wishes


def planned(root: Path, models: str, environ: Mapping[str, str] = os.environ) -> Plan:
    """For the models in the folder `models` under `root`.

    Raises UsageError for a message that asks for what can't be, unless something was merged: a merge's message holds a
    title that nobody took for a wish, no later pipeline would release the merge, and no push changes what it says.
    """
    names, folder = model_names(root, models), root / models
    if retrains(environ):
        wanted = (one for one in names if retrains_on_change(folder / one)) if new_data(environ) else names
        return retraining(wanted)
    checkout = Checkout(root)
    declared = {name: elsewhere(folder / name) for name in names}
    changed = changed_models(checkout.changed(environ), declared, folder=models)
    message = checkout.message(head_commit(environ) or "HEAD")
    review = merge_request(environ) is not None
    wishes, refused = Wishes(), ""
    try:
        wishes = parse_wishes(message, names)
    except UsageError as error:
        if review or not changed:
            raise
        refused = str(error)
    return replace(plan(changed=changed, models=names, wishes=wishes, review=review), refused=refused)
