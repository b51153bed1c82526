"""Whose step fails, and how walks ended, without a look at everybody."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("participants", "0004_who_leaves")]

    operations = [
        migrations.AddIndex(
            "participant",
            models.Index(
                condition=models.Q(("status", "active"), ("failures__gt", 0)),
                fields=["account", "flow"],
                name="participants_failing",
            ),
        ),
        migrations.AddIndex(
            "steplog",
            models.Index(
                condition=models.Q(("outcome", "continued"), _negated=True),
                fields=["account", "flow_id", "outcome", "-at"],
                name="log_of_endings",
            ),
        ),
    ]
