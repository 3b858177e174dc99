"""`mergemaker image build`."""

from mergemaker.steps.begin import How
from mergemaker.steps.build import Built, build
from tests.fakes.made import folder
from tests.fakes.story import submitted
from tests.fakes.world import Fakes

FOLDER = folder()


def built(fakes: Fakes) -> Built:
    return build(FOLDER, files=fakes.files, images=fakes.images)


def test_an_image_that_is_missing_is_built_of_the_models_files() -> None:
    fakes = Fakes()
    assert built(fakes) is Built.STARTED
    ((tag, context),) = fakes.images.builds
    assert tag == FOLDER.image_tag
    assert context in fakes.files
    assert not fakes.jobs.requests


def test_an_image_that_is_there_is_not_built_again() -> None:
    fakes = Fakes()
    fakes.images.finish(FOLDER.image_tag)
    assert built(fakes) is Built.THERE
    assert not fakes.images.builds


def test_a_run_that_is_submitted_meanwhile_waits_for_the_same_build() -> None:
    fakes = Fakes()
    built(fakes)
    assert submitted(fakes, FOLDER, image=False).how is How.WAITS_FOR_IMAGE
    assert built(fakes) is Built.STARTED
    assert len(fakes.images.builds) == 1
