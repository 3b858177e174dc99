"""What runs in AWS, as a CDK app of three stacks that never grow with the models.

    mergemaker.toml ─► app.py ─► stacks.py ─┬─► data.py      <project>-data      bucket, images, run table, token; kept
                                            ├─► platform.py  <project>-platform  what runs: functions, rules, builder
                                            └─► identity.py  <project>-identity  who may: the roles that CI assumes

Every name is fixed beforehand (`mergemaker.domain.names`), so stacks refer to each other by name and export nothing,
and policies are plain ARNs (`arns.py`) that can be read, tested and simulated (`permissions/`).
"""
