"""A GitLab issue that tells the project's people of something once, however often it is found out."""

from mergemaker.ports import World


def open_once(topic: str, *, title: str, text: str, world: World) -> int:
    """The number of the project's issue of this topic; one that was closed is not opened again.

    One at a time, as with notes: an event comes twice. Where the number was lost, with an answer or a function, the
    issue is found again by its marker, which does not show.
    """
    marker = f"<!-- mergemaker:issue {topic} -->"
    with world.runs.note(f"#{topic}", 0) as record:  # no model's name begins with a hash
        if record.note is None:
            record.note = world.issues.find(marker)
        if record.note is None:
            record.note = world.issues.create(title=title, description=f"{marker}\n\n{text}\n")
        return record.note
