"""Every address of the pages, in one place. The first part that is not named here is an account's slug."""

from django.urls import path

from web import flows, sign_in

app_name = "web"
urlpatterns = [
    path("", flows.home, name="home"),
    path("login/", sign_in.log_in, name="login"),
    path("logout/", sign_in.log_out, name="logout"),
    path("<slug:slug>/flows/", flows.overview, name="flows"),
]
