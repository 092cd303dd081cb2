"""Who asks: users, groups and service principals, their tokens, and how tokens end, seen by the real SDK."""

from __future__ import annotations

import pytest
from databricks.sdk import errors
from databricks.sdk.service.iam import Patch, PatchOp, PatchSchema

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.http.wire import ApiError
from support.polling import eventually
from support.raw_http import request
from support.sdk import workspace_client

ADA = "ada@example.com"


@pytest.fixture
def ws():
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture
def w(ws):
    """A real client of the workspace's own user."""
    return workspace_client(ws)


def machine(ws, credentials, **config):
    """A client that signs in as a service principal."""
    who = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    return workspace_client(ws, token=None, auth_type="oauth-m2m", **who, **config)


def test_each_token_names_its_user(ws, w):
    """SCIM Me answers the caller, with the groups that the caller belongs to."""
    mine = workspace_client(ws, token=ws.add_user(ADA, ["analysts"])).current_user.me()
    assert (mine.user_name, [group.display for group in mine.groups]) == (ADA, ["analysts"])
    other = w.current_user.me()
    assert (other.user_name, [group.display for group in other.groups]) == ("user@example.com", ["admins"])
    assert mine.id != other.id


def test_requests_know_who_sent_them(ws, w):
    """A recorded request has the name of the token's user, and none where the token is not known."""
    workspace_client(ws, token=ws.add_user(ADA)).current_user.me()
    w.current_user.me()
    with pytest.raises(errors.PermissionDenied):
        workspace_client(ws, token="another").current_user.me()
    assert [one.user for one in ws.requests.where(path=".*/Me")] == [ADA, "user@example.com", ""]


def test_a_user_twice_is_refused(ws):
    """The same name is not given twice."""
    ws.add_user(ADA)
    with pytest.raises(ApiError, match="already exists"):
        ws.add_user(ADA.upper())


def test_groups_contain_groups(ws):
    """groups_of follows groups in groups, and everybody belongs to the groups of all."""
    ws.add_user(ADA, ["analysts"])
    ws.add_group("staff", ["analysts"])
    ws.add_group("company", ["staff"])
    assert ws.identity.groups_of(ADA) == {"users", "account users", "analysts", "staff", "company"}
    assert ws.identity.groups_of("nobody@example.com") == {"users", "account users"}
    assert (ws.identity.is_admin(ADA), ws.identity.is_admin(ws.identity.user)) == (False, True)
    with pytest.raises(ValueError, match="nobody"):
        ws.add_group("more", ["nobody"])


def test_scim_lists_and_filters(ws, w):
    """Users, groups and service principals are listed, and found by a filter."""
    ws.add_user(ADA, ["analysts"])
    ws.add_service_principal("robot")
    assert {user.user_name for user in w.users.list()} == {ADA, "user@example.com"}
    assert [user.user_name for user in w.users.list(filter='userName eq "ADA@example.com"')] == [ADA]
    assert [group.display_name for group in w.groups.list(filter="displayName sw ana")] == ["analysts"]
    assert {group.display_name for group in w.groups.list()} == {"admins", "users", "account users", "analysts"}
    assert [one.display_name for one in w.service_principals.list()] == ["robot"]
    with pytest.raises(errors.BadRequest, match="filter"):
        list(w.users.list(filter="userName is ada"))


def test_scim_creates_changes_and_deletes(ws, w):
    """What SCIM creates can be read, put into a group, taken out, and deleted."""
    ada = w.users.create(user_name=ADA, display_name="Ada")
    team = w.groups.create(display_name="team")

    def patch(operation: PatchOp, **what):
        body = Patch(op=operation, **what)
        w.groups.patch(team.id, operations=[body], schemas=[PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP])

    patch(PatchOp.ADD, value={"members": [{"value": ada.id}]})
    assert "team" in ws.identity.groups_of(ADA)
    assert [member.display for member in w.groups.get(team.id).members] == ["Ada"]
    patch(PatchOp.REMOVE, path=f'members[value eq "{ada.id}"]')
    assert "team" not in ws.identity.groups_of(ADA)
    w.users.delete(ada.id)
    with pytest.raises(errors.NotFound, match=ada.id):
        w.users.get(ada.id)
    with pytest.raises(errors.DatabricksError):
        w.groups.create(display_name="team")


def test_deactivated_user_is_locked_out(ws, w):
    """A user that SCIM deactivates has no access any more."""
    client = workspace_client(ws, token=ws.add_user(ADA))
    identifier = client.current_user.me().id
    w.users.update(identifier, user_name=ADA, active=False)
    with pytest.raises(errors.PermissionDenied, match="Invalid access token"):
        client.current_user.me()


def test_personal_tokens_are_made_listed_and_deleted(ws, w):
    """A token of the Token API works until it is deleted, and its value is shown once."""
    made = w.tokens.create(comment="mine", lifetime_seconds=60)
    client = workspace_client(ws, token=made.token_value)
    assert client.current_user.me().user_name == "user@example.com"
    infos = {info.comment: info for info in w.tokens.list()}
    assert infos["mine"].expiry_time - infos["mine"].creation_time == 60_000
    assert infos[""].expiry_time == -1
    assert made.token_value not in repr(infos)
    w.tokens.delete(made.token_info.token_id)
    with pytest.raises(errors.PermissionDenied):
        client.current_user.me()
    with pytest.raises(errors.NotFound):
        w.tokens.delete(made.token_info.token_id)
    with pytest.raises(errors.InvalidParameterValue, match="lifetime_seconds"):
        w.tokens.create(lifetime_seconds=-1)


@pytest.mark.parametrize("how", ["by the clock", "on demand"])
def test_personal_tokens_end(ws, how):
    """A token holds for its lifetime by the workspace's clock; an expired one is answered as an unknown one is."""
    token = ws.add_user(ADA, lifetime=3600)
    client = workspace_client(ws, token=token)
    ws.clock.advance(minutes=59)
    client.current_user.me()
    if how == "on demand":
        ws.expire_token(token)
    else:
        ws.clock.advance(minutes=1)
    with pytest.raises(errors.PermissionDenied, match="Invalid access token"):
        client.current_user.me()


def test_a_foreign_token_cannot_be_expired(ws):
    """A token of somewhere else is an error, which does not print it."""
    with pytest.raises(ValueError, match="did not issue") as caught:
        ws.expire_token("of somewhere else")
    assert "somewhere" not in str(caught.value)


def test_machines_sign_in(ws):
    """Client id and secret fetch one token, which is used for every call, and history calls the client by its id."""
    credentials = ws.add_service_principal("robot", ["robots"])
    client = machine(ws, credentials)
    for _ in range(3):
        me = client.current_user.me()
    assert (me.display_name, [group.display for group in me.groups]) == ("robot", ["robots"])
    assert ws.requests.where(path="/oidc/v1/token").count == 1
    assert {one.user for one in ws.requests.where(path=".*/Me")} == {credentials.client_id}
    assert credentials.client_secret not in repr(ws.requests)


def test_wrong_secret_is_refused(ws):
    """A secret that is not the client's is an invalid client."""
    credentials = ws.add_service_principal("robot")._replace(client_secret="wrong")
    with pytest.raises(ValueError, match="invalid_client: Client authentication failed"):
        machine(ws, credentials).current_user.me()


def test_sdk_renews_a_token_that_ends_mid_run():
    """A long run goes on over the end of its token, which is not taken any more."""
    # The SDK renews 40 seconds before the end: here, each second.
    with LocalWorkspace(transition_polls=0, oauth_seconds=41) as ws:
        client = machine(ws, ws.add_service_principal("robot"))
        first = client.config.authenticate()["Authorization"].removeprefix("Bearer ")

        def renewed():
            client.current_user.me()
            return ws.requests.where(path="/oidc/v1/token").count > 1

        eventually(renewed)
        ws.clock.advance(seconds=41)
        with pytest.raises(errors.Unauthenticated, match="Token is expired"):
            workspace_client(ws, token=first).current_user.me()


def test_expired_oauth_token_is_unauthenticated(ws):
    """expire_token ends every OAuth token: 401 says to fetch a new one."""
    client = machine(ws, ws.add_service_principal("robot"))
    client.current_user.me()
    ws.expire_token()
    with pytest.raises(errors.Unauthenticated, match="Token is expired"):
        client.current_user.me()


def test_secrets_of_service_principals(ws, w):
    """A secret made over REST signs in until it is deleted."""
    credentials = ws.add_service_principal("robot")
    identifier = next(iter(w.service_principals.list())).id
    made = w.service_principal_secrets_proxy.create(identifier)
    second = credentials._replace(client_secret=made.secret)
    machine(ws, second).current_user.me()
    assert len(list(w.service_principal_secrets_proxy.list(identifier))) == 2
    w.service_principal_secrets_proxy.delete(identifier, made.id)
    with pytest.raises(ValueError, match="invalid_client"):
        machine(ws, second).current_user.me()


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        (b"grant_type=authorization_code", 400, "unsupported_grant_type"),
        (b"grant_type=client_credentials", 401, "invalid_client"),
        (b"grant_type=client_credentials&client_id=a&client_secret=b", 401, "invalid_client"),
        (b"\xff\xfe", 400, "unsupported_grant_type"),
    ],
)
def test_token_endpoint_refuses_as_oauth_says(ws, form, status, error):
    """Errors of the token endpoint have the shape of RFC 6749."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Basic !!"}
    answer = request(ws, "POST /oidc/v1/token", headers, form)
    assert (answer.status, answer.json["error"]) == (status, error)


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({"Authorization": "Bearer nobody"}, 403, "Invalid access token."),
        ({"Authorization": "Basic abc"}, 401, "Credential was not sent"),
        ({"Authorization": ""}, 401, "Credential was not sent"),
    ],
)
def test_front_end_refuses_with_a_number(ws, headers, status, text):
    """Who is not known is refused with the status as the code, the reason as a header, and the request's id."""
    answer = request(ws, "GET /api/2.0/token/list", headers)
    assert (answer.status, answer.json["error_code"]) == (status, status)
    assert answer.json["message"].startswith(text)
    assert answer.headers["x-request-id"] in answer.json["message"]
    assert answer.headers["x-databricks-reason-phrase"].startswith(text)
