"""Every address of the pages, in one place. A first part that is not named here is an account's slug."""

from django.urls import path

from web import flows, inbox, participants, sign_in, track

app_name = "web"
urlpatterns = [
    path("", flows.home, name="home"),
    path("login/", sign_in.log_in, name="login"),
    path("logout/", sign_in.log_out, name="logout"),
    path("c/<str:token>", track.click, name="click"),
    path("u/<str:token>", track.unsubscribe, name="unsubscribe"),
    path("<slug:slug>/flows/", flows.overview, name="flows"),
    path("<slug:slug>/flows/problems/", flows.problems_of_shown, name="flow_problems"),
    path("<slug:slug>/flows/<int:flow_id>/", participants.overview, name="flow"),
    path("<slug:slug>/flows/<int:flow_id>/toggle/", flows.toggle, name="toggle"),
    path("<slug:slug>/inbox/", inbox.overview, name="inbox"),
    path("<slug:slug>/inbox/<str:name>/", inbox.detail, name="mail"),
    path("<slug:slug>/inbox/<str:name>/letter/", inbox.letter, name="letter"),
]
