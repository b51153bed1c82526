"""Every address of the pages, in one place. A first part that is not named here is an account's slug."""

from django.urls import path

from web import account_settings, flows, inbox, keys, members, participants, track

app_name = "web"
urlpatterns = [
    path("", flows.home, name="home"),
    path("c/<str:token>", track.click, name="click"),
    path("u/<str:token>", track.unsubscribe, name="unsubscribe"),
    path("<slug:slug>/flows/", flows.overview, name="flows"),
    path("<slug:slug>/flows/problems/", flows.problems_of_shown, name="flow_problems"),
    path("<slug:slug>/flows/<int:flow_id>/", participants.overview, name="flow"),
    path("<slug:slug>/flows/<int:flow_id>/toggle/", flows.toggle, name="toggle"),
    # Settings
    path("<slug:slug>/settings/", account_settings.overview, name="account_settings"),
    path("<slug:slug>/settings/members/", members.overview, name="members"),
    path("<slug:slug>/settings/members/invite/", members.invite, name="invite"),
    path("<slug:slug>/settings/members/<int:member_id>/role/", members.change_role, name="change_role"),
    path("<slug:slug>/settings/members/<int:member_id>/remove/", members.remove, name="remove_member"),
    path("<slug:slug>/settings/invitations/<int:invitation_id>/send/", members.send_again, name="invite_again"),
    path("<slug:slug>/settings/invitations/<int:invitation_id>/withdraw/", members.withdraw, name="withdraw"),
    path("<slug:slug>/settings/keys/", keys.overview, name="keys"),
    path("<slug:slug>/settings/keys/new/", keys.create, name="new_key"),
    path("<slug:slug>/settings/keys/<int:key_id>/revoke/", keys.revoke, name="revoke_key"),
    # Inbox
    path("<slug:slug>/inbox/", inbox.overview, name="inbox"),
    path("<slug:slug>/inbox/<str:name>/", inbox.detail, name="mail"),
    path("<slug:slug>/inbox/<str:name>/letter/", inbox.letter, name="letter"),
]
