"""The AWS half of the laptop cloud: MiniStack with a SageMaker and a CodeBuild that really work, in one process.

`__main__` reads the arguments and prepares the process; `seam`, with `iam_seam` and `kms_seam`, alone knows
MiniStack's inside. `codebuild` builds images, which are environments made by `environments` and found by `images`;
`sagemaker` is the service itself. Everything else reaches S3, ECR, IAM and the logs as any client would, through
`cloud.Cloud`.

IAM is enforced: `access` asks for what a call of our own services needs (`codebuild_access`, `sagemaker.access`),
`web_identity` checks CI's tokens, and jobs, endpoints and builds work as the role that they were given.
"""
