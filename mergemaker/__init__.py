"""Mergemaker: SageMaker models through GitLab merge requests.

The flow, and the step that carries each part:

    push ──► CI ──► `steps.submit` ──► SageMaker training job              (an image that is missing is built first:
                                          │                                 `steps.image` starts what waited for it)
                                          ▼ event ─► rule ─► queue
                                    `steps.report`: record, reports.csv, package, note, commit status
    merge ─► CI ──► `steps.release` ─► package approved in the registry
                                          ▼ event ─► rule ─► queue
                                    `steps.deploy`: endpoint created or updated, merge request told

`domain` is pure and knows only the standard library. `steps` take `ports`; `adapters` are those ports over AWS and
GitLab; `bootstrap` builds them; `cli` and the handlers in ``lambdas/`` call the steps.
"""
