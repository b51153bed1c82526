"""The addresses that belong to a person rather than an account. Those of allauth have the names it asks for."""

from allauth.account.views import reauthenticate
from allauth.mfa.base import views as second_step
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import path

from web import entrance, invitations, operators, person, sessions
from web.entrance import steady

urlpatterns = [
    path("login/", entrance.log_in, name="account_login"),
    path("login/code/", steady(second_step.authenticate), name="mfa_authenticate"),
    path("logout/", entrance.log_out, name="account_logout"),
    path("signup/", entrance.sign_up, name="account_signup"),
    path("password/", entrance.forgotten, name="account_reset_password"),
    path("password/sent/", entrance.mail_sent, name="account_reset_password_done"),
    path("password/<str:uidb36>/<str:key>/", entrance.new_password, name="account_reset_password_from_key"),
    path("email/<str:key>/", entrance.confirm_email_address, name="account_confirm_email"),
    path("invitations/<str:token>/", invitations.answer, name="invitation"),
    path("operators/", operators.overview, name="operators"),
    path("accounts/new/", person.new_account, name="new_account"),
    path("me/", person.overview, name="me"),
    path("me/verify/", person.send_verification, name="send_verification"),
    path("me/password/", entrance.change_password, name="account_change_password"),
    path("me/again/", steady(reauthenticate), name="account_reauthenticate"),
    path("me/again/code/", steady(second_step.reauthenticate), name="mfa_reauthenticate"),
    path("me/two-steps/", steady(second_step.index), name="mfa_index"),
    path("me/two-steps/on/", steady(totp.activate_totp), name="mfa_activate_totp"),
    path("me/two-steps/off/", steady(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("me/two-steps/codes/", steady(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("me/two-steps/codes/new/", steady(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("me/two-steps/codes/file/", steady(codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("me/sessions/", sessions.overview, name="usersessions_list"),
    path("me/sessions/end/", sessions.end_others, name="end_other_sessions"),
    path("me/sessions/<int:session_id>/end/", sessions.end, name="end_session"),
]
