"""A GitLab stand-in for the laptop cloud: it takes what GitLab takes, refuses the rest, and shows it on pages.

``create_app`` joins four faces of one `Instance` (SQLite records, bare git repositories, uploads):

    api/         REST under /api/v4: one file a topic, each view ``(Call) -> data``
    git_http     clone and push, through ``git http-backend``; a push moves merge requests and makes pipelines
    runner       /-/runner: what the laptop's CI runner takes and reports
    pages/       what a person sees

Behind them, without any HTTP: `records` and `store` (what is kept), `repo` (git), and one file for each thing that
happens: `merge_requests`, `merging`, `notes`, `quick_actions`, `pipelines`, `statuses`, `pushes`, `predefined`
(CI variables), `id_tokens` (OIDC), `markdown`.

Where GitLab's documents and its code differ, the code was followed; each such place says so.
"""
