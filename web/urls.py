"""Every address of the pages, in one place."""

app_name = "web"
urlpatterns: list = []
