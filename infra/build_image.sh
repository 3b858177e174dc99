# Runs in CodeBuild after check_context.sh, in the folder of the unpacked zip. Needs REGISTRY and REPOSITORY, from the
# project, and IMAGE_TAG, from the build. A tag names what the image is made of, so one that is there is never built again.
(
set -eu
image="$REGISTRY/$REPOSITORY:$IMAGE_TAG"
built() { aws ecr describe-images --repository-name "$REPOSITORY" --image-ids "imageTag=$IMAGE_TAG" >/dev/null 2>&1; }
if built; then
  echo "$image is there already"
  exit 0
fi
# What a tag says is names and contents, not modes: the same image, whatever became of them on the way.
find . -type f -exec chmod 644 {} +
aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# SageMaker takes plain images, not an index with attestations. The Dockerfile's official images come from AWS's copy of
# them: Docker Hub counts anonymous pulls by address, and CodeBuild's addresses are shared.
BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --build-arg REGISTRY=public.ecr.aws/docker/library/ --tag "$image" .
# Tags are immutable: a push fails when another build of the same tag was faster, and that is fine.
docker push "$image" || built
)
