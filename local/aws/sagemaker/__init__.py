"""SageMaker: `service` finds a call's handler; `training`, `registry`, `models` and `endpoints` hold the resources.

A training job is a record (`job`), run in a thread (`run`) over the folder of its container (`workspace`). An endpoint
serves from a `fleet` of `container` processes; `invoke` is sagemaker-runtime. Events are shaped in `events`.
"""
