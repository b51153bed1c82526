"""The members page, and the way of an invitation from a mail into the account."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.models import Account, Invitation, Member, User
from accounts.rights import Role
from accounts.sign_in import member_actor
from accounts.tenancy import account_scope
from flows.models import Flow, FlowStatus
from tests.make import make_flow
from tests.messaging.post import Server
from tests.web.conftest import PASSWORD, Browsers, link_in, make_member, make_person
from web.mails import ACCOUNT_HEADER

PAGE = "/acme/settings/members/"
INVITE = "/acme/settings/members/invite/"


def member_of(account: Account, user: User) -> Member:
    """Their membership."""
    with account_scope(account.pk):
        return Member.objects.get(user=user)


def invitation_of(account: Account) -> Invitation:
    """The only one."""
    with account_scope(account.pk):
        return Invitation.objects.get()


def role_of(user: User) -> str:
    """What they are in Acme; "" for nothing."""
    found = member_actor(user, "acme")
    return found[1].role if found else ""


def test_the_page_lists_members_and_who_is_invited(acme: Account, member: Client, smtp: Server) -> None:
    make_member(acme, Role.VIEWER, user=make_person("vera@example.com", name="Vera Viewer"))
    member.post(INVITE, {"email": "bea@example.com", "role": "marketer"})
    page = member.get(PAGE).content.decode()
    assert "2 members" in page
    for text in ("Vera Viewer", "vera@example.com", "bea@example.com", "Invited"):
        assert text in page, text


def test_one_member_is_written_as_one(member: Client) -> None:
    assert "1 member<" in member.get(PAGE).content.decode()


def test_what_each_role_may_do_is_the_table_of_rights(member: Client) -> None:
    page = member.get(PAGE).content.decode()
    table = page[page.index("What each role may do") : page.index("Only an owner can make")]
    assert table.count(">Yes<") == 4 + 3 + 3 + 2 + 2 + 1 and table.count(">No<") == 24 - 15


# --- Invitations ----------------------------------------------------------------------------------------------


def test_a_newcomer_goes_from_the_mail_into_the_account(acme: Account, member: Client, smtp: Server) -> None:
    answer = member.post(INVITE, {"email": "Bea@example.com", "role": "marketer"}, follow=True)
    assert "An invitation went to bea@example.com" in answer.content.decode()
    (mail,) = smtp.to("bea@example.com")
    assert "Acme" in str(mail.parsed["Subject"]) and mail.parsed[ACCOUNT_HEADER] == str(acme.pk)
    link, bea = link_in(mail), Client()
    page = bea.get(link).content.decode()
    token = link.split("/")[2]
    assert "Acme" in page and f"/signup/?invitation={token}" in page
    form = bea.get(f"/signup/?invitation={token}").content.decode()
    assert 'value="bea@example.com"' in form and "organisation" not in form
    answer = bea.post("/signup/", {"invitation": token, "name": "Bea", "email": "x@y.no", "password1": PASSWORD})
    assert answer["Location"] == "/acme/flows/"
    assert role_of(User.objects.get(email="bea@example.com")) == Role.MARKETER
    assert not User.objects.filter(email="x@y.no").exists(), "the address is the invitation's"
    assert "Confirm your address" not in bea.get("/acme/flows/").content.decode(), "the link came by mail"
    assert len(smtp.mails) == 1
    assert Client().get(link).status_code == 404


def test_somebody_with_a_login_accepts_with_it(acme: Account, member: Client, smtp: Server) -> None:
    bea = make_person("bea@example.com")
    member.post(INVITE, {"email": "bea@example.com", "role": "viewer"})
    link, client = link_in(smtp.mails[0]), Client()
    page = client.get(link).content.decode()
    assert f"/login/?next={link}" in page and "/signup/" not in page
    client.post("/login/", {"login": "bea@example.com", "password": PASSWORD, "next": link})
    assert role_of(bea) == "", "looking is not accepting"
    assert client.post(link)["Location"] == "/acme/flows/"
    assert role_of(bea) == Role.VIEWER


def test_somebody_else_who_is_logged_in_is_told_whom_it_is_for(acme: Account, member: Client, smtp: Server) -> None:
    member.post(INVITE, {"email": "bea@example.com", "role": "admin"})
    link = link_in(smtp.mails[0])
    other, client = make_person("other@example.com"), Client()
    client.force_login(other)
    page = client.get(link).content.decode()
    assert "bea@example.com" in page and "other@example.com" in page
    assert client.post(link).status_code == 409
    assert role_of(other) == ""
    logged_out = client.post(f"/logout/?next={link}")
    assert logged_out["Location"] == link and client.get(link).status_code == 200


def test_nobody_accepts_without_logging_in(acme: Account, member: Client, smtp: Server) -> None:
    member.post(INVITE, {"email": "bea@example.com", "role": "admin"})
    assert Client().post(link_in(smtp.mails[0])).status_code == 200
    assert invitation_of(acme)


def test_an_invitation_that_went_makes_no_login(acme: Account, member: Client, smtp: Server) -> None:
    member.post(INVITE, {"email": "bea@example.com", "role": "admin"})
    link, bea = link_in(smtp.mails[0]), Client()
    form = {"invitation": link.split("/")[2], "name": "Bea", "password1": PASSWORD}
    member.post(f"/acme/settings/invitations/{invitation_of(acme).pk}/withdraw/")
    answer = bea.post("/signup/", form)
    assert answer.status_code == 404 and "does not work any more" in answer.content.decode()
    assert not User.objects.filter(email="bea@example.com").exists()


def test_sent_again_the_old_link_ends(acme: Account, member: Client, smtp: Server) -> None:
    member.post(INVITE, {"email": "bea@example.com", "role": "admin"})
    member.post(f"/acme/settings/invitations/{invitation_of(acme).pk}/send/")
    old, new = (link_in(mail) for mail in smtp.mails)
    assert (Client().get(old).status_code, Client().get(new).status_code) == (404, 200)


def test_without_a_mail_server_the_invitation_waits_and_says_so(acme: Account, member: Client, smtp: Server) -> None:
    smtp.to_recipient["bea@example.com"] = "451 later"
    answer = member.post(INVITE, {"email": "bea@example.com", "role": "admin"}, follow=True)
    assert "the mail could not be sent" in answer.content.decode()
    smtp.to_recipient.clear()
    member.post(f"/acme/settings/invitations/{invitation_of(acme).pk}/send/")
    assert Client().get(link_in(smtp.mails[0])).status_code == 200


def test_the_mail_speaks_the_accounts_language_or_the_persons(acme: Account, member: Client, smtp: Server) -> None:
    with account_scope(acme.pk):
        Account.objects.update(language="sv")
    make_person("nora@example.com", language="nb")
    for address, language in (("bea@example.com", "sv"), ("nora@example.com", "nb")):
        member.post(INVITE, {"email": address, "role": "viewer"})
        with translation.override(language):
            assert translation.gettext("Accept here:") in smtp.to(address)[0].part("plain")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"email": "nobody", "role": "viewer"}, "Write a whole address"),
        ({"email": "x@example.com", "role": "boss"}, "Select a valid choice"),
        ({"email": "vera@example.com", "role": "viewer"}, "is a member already"),
    ],
)
def test_what_cannot_be_is_said_in_the_form(
    acme: Account, member: Client, smtp: Server, fields: dict[str, str], says: str
) -> None:
    make_member(acme, Role.VIEWER, user=make_person("vera@example.com"))
    answer = member.post(INVITE, fields)
    page = answer.content.decode()
    assert answer.status_code == 422 and says in page and "data-show" in page
    assert smtp.mails == []


def test_an_admin_is_offered_no_owner_and_cannot_invite_one(acme: Account, browser_of: Browsers, smtp: Server) -> None:
    admin = browser_of(acme, Role.ADMIN)
    assert 'value="owner"' not in admin.get(PAGE).content.decode()
    assert admin.post(INVITE, {"email": "x@example.com", "role": "owner"}).status_code == 422
    assert smtp.mails == []


# --- Roles and removing ---------------------------------------------------------------------------------------


def test_a_role_is_changed(acme: Account, member: Client) -> None:
    vera = make_member(acme, Role.VIEWER)
    address = f"{PAGE}{member_of(acme, vera).pk}/role/"
    assert member.post(address, {"role": "flow_admin"})["Location"] == PAGE
    assert role_of(vera) == Role.FLOW_ADMIN
    assert member.post(address, {"role": "boss"}).status_code == 404


def test_the_last_owner_can_neither_be_removed_nor_demoted_and_the_page_says_why(acme: Account, nobody: Client) -> None:
    olga = make_member(acme, Role.OWNER)
    nobody.force_login(olga)
    address = f"{PAGE}{member_of(acme, olga).pk}"
    assert "An account needs an owner" in nobody.get(PAGE).content.decode()
    assert nobody.post(f"{address}/role/", {"role": "viewer"}).status_code == 409
    assert nobody.post(f"{address}/remove/").status_code == 409
    assert role_of(olga) == Role.OWNER


def test_an_admin_cannot_touch_an_owner(acme: Account, browser_of: Browsers) -> None:
    olga = make_member(acme, Role.OWNER)
    make_member(acme, Role.OWNER)
    admin, address = browser_of(acme, Role.ADMIN), f"{PAGE}{member_of(acme, olga).pk}"
    assert f"{address}/role/" not in admin.get(PAGE).content.decode()
    assert admin.post(f"{address}/role/", {"role": "viewer"}).status_code == 409
    assert admin.post(f"{address}/remove/").status_code == 409
    assert role_of(olga) == Role.OWNER


def test_a_removed_member_with_an_open_page_is_out_at_once(acme: Account, member: Client, browser_of: Browsers) -> None:
    vera, open_page = make_member(acme, Role.MARKETER), Client()
    open_page.force_login(vera)
    with account_scope(acme.pk):
        flow = make_flow(["wait 2 days"])
    assert open_page.get("/acme/flows/").status_code == 200
    assert member.post(f"{PAGE}{member_of(acme, vera).pk}/remove/")["Location"] == PAGE
    assert open_page.get("/acme/flows/").status_code == 404
    answer = open_page.post(f"/acme/flows/{flow.pk}/toggle/", {"turn": "on"}, HTTP_HX_REQUEST="true")
    assert answer.status_code == 404 and "<html" not in answer.content.decode()
    with account_scope(acme.pk):
        assert Flow.objects.get(pk=flow.pk).status == FlowStatus.NOT_RUNNING
    assert open_page.get("/me/").status_code == 200, "the login stays"


def test_a_member_whose_role_fell_is_refused_on_the_open_page(acme: Account, member: Client) -> None:
    adam, open_page = make_member(acme, Role.ADMIN), Client()
    open_page.force_login(adam)
    assert open_page.get(PAGE).status_code == 200
    member.post(f"{PAGE}{member_of(acme, adam).pk}/role/", {"role": "viewer"})
    assert open_page.post(INVITE, {"email": "x@example.com", "role": "viewer"}).status_code == 403


def test_whoever_leaves_or_steps_down_goes_home(acme: Account, member: Client) -> None:
    olga, client = make_member(acme, Role.OWNER), Client()
    client.force_login(olga)
    address = f"{PAGE}{member_of(acme, olga).pk}"
    assert client.post(f"{address}/role/", {"role": "viewer"})["Location"] == "/"
    adam = Client()
    adam.force_login(leaving := make_member(acme, Role.ADMIN))
    assert adam.post(f"{PAGE}{member_of(acme, leaving).pk}/remove/")["Location"] == "/"
    assert role_of(leaving) == ""


def test_the_page_costs_the_same_for_many(acme: Account, member: Client) -> None:
    with CaptureQueriesContext(connection) as few:
        member.get(PAGE)
    for _ in range(60):
        make_member(acme, Role.VIEWER)
    with CaptureQueriesContext(connection) as many:
        page = member.get(PAGE).content.decode()
    assert len(few) == len(many) and "61 members" in page
    assert member.get(f"{PAGE}?page=2").content.decode().count("<dialog") == 11 + 2
