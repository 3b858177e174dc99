"""The AWS half of the laptop cloud: MiniStack with a SageMaker and a CodeBuild that really work, in one process.

`__main__` reads the arguments and prepares the process; `seam` is the only module that knows MiniStack's inside;
`codebuild` builds images, which are environments made by `environments` and found by `images`; `sagemaker` is the
service itself. Everything else reaches S3, ECR, IAM and the logs as any client would, through `cloud.Cloud`.
"""
