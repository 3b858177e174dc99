"""What trains in a job's container: AWS's sagemaker-training, which calls `entry.main`.

This folder goes into the image as it is, so it imports nothing else of Mergemaker.
"""
