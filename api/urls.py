"""Every address of the API, in one place."""

urlpatterns: list = []
