"""What the token tells of itself, and who is a member."""

from datetime import UTC, date, datetime, timedelta

import gitlab
import pytest
from gitlab.v4.objects import Project


def test_the_token_tells_its_scopes_its_user_and_its_end(client: gitlab.Gitlab) -> None:
    token = client.personal_access_tokens.get("self")
    client.auth()
    assert client.user is not None
    assert (token.user_id, token.active, token.revoked) == (client.user.id, True, False)
    assert "api" in token.scopes
    left = date.fromisoformat(token.expires_at) - datetime.now(UTC).date()
    assert timedelta(days=364) <= left <= timedelta(days=365)


def test_of_other_tokens_nothing_is_told(client: gitlab.Gitlab) -> None:
    with pytest.raises(gitlab.exceptions.GitlabGetError) as refused:
        client.personal_access_tokens.get(1)
    assert refused.value.response_code == 404


def test_who_made_a_project_owns_it_and_nobody_else_is_a_member(client: gitlab.Gitlab, project: Project) -> None:
    assert project.members_all.get(project.creator_id).access_level == 50
    other = client.users.create({"username": f"eve-{project.id}", "name": "Eve", "email": "e@e.com", "password": "p"})
    for stranger in (other.id, 999_999):
        with pytest.raises(gitlab.exceptions.GitlabGetError) as refused:
            project.members_all.get(stranger)
        assert refused.value.response_code == 404
