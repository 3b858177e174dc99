# Runs in CodeBuild, and on the laptop cloud, in the folder of the unpacked zip, before anything is built of it: whether
# it is what IMAGE_TAG says. Who may push a branch may upload, and could do so first under the tag of another's image.
(
set -eu
: "${IMAGE_TAG:?start the build with IMAGE_TAG}"
# What is neither file nor folder would be in the image, and not in the digest.
other=$(find . ! -type f ! -type d -print -quit)
if [ -n "$other" ]; then
  echo "$other is neither a file nor a folder: nothing is built of this"
  exit 1
fi
# As image_digest in mergemaker/adapters/folder.py: of names and contents, in the order of the names' bytes. Modes do not
# count: a zip file may lose them on its way.
digest=$(find . -type f -printf '%P\0' | LC_ALL=C sort -z | while IFS= read -r -d '' file; do
  printf '%s\0000\000%s\n' "$file" "$(sha256sum <"$file" | cut -d ' ' -f 1)"
done | sha256sum | cut -c 1-32)
if [ "${IMAGE_TAG##*-}" != "$digest" ]; then
  echo "the uploaded files have the digest $digest, and not that of $IMAGE_TAG: nothing is built of them"
  exit 1
fi
)
