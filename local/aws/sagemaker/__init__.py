"""SageMaker: `service` finds a call's handler; `training`, `processing` (both are `jobs`), `registry`, `models` and
`endpoints` hold the resources.

A job is a record (`job`), run in a thread (`run`; `training_run`, `processing_run`) over the folder of its container
(`workspace`, `processing_folder`) by its `main_process`, when there is room for it (`slots`). An endpoint serves from a
`fleet` of `container` processes; `invoke` is sagemaker-runtime. Events are shaped in `events`.
"""
