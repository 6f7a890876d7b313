import pytest

from catalog.models import Course


def test_unsaved_change_can_be_previewed(town):
    course = Course.objects.create(institution=town, title="苗绣", kind="reading", description="一针一线", live=False)
    course.title = "苗绣新编"
    response = course.make_preview_request()
    assert response.status_code == 200
    assert "苗绣新编" in response.render().content.decode()


@pytest.mark.parametrize(("mode", "sign"), [("", "<main"), ("senior", 'class="senior'), ("tv", "tv-course")])
def test_course_is_previewed_as_each_screen_shows_it(town, mode, sign):
    course = Course.objects.create(institution=town, title="苗绣", kind="reading", description="一针一线", live=False)
    body = course.make_preview_request(preview_mode=mode).render().content.decode()
    assert sign in body
    assert "苗绣" in body
