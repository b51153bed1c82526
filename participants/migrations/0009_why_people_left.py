"""Those who left for a reason are found by it. Built while people go on walking."""

from django.db import migrations, models

from accounts.indexes import AddIndexBesideWork


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("participants", "0008_which_walk_is_left")]

    operations = [
        AddIndexBesideWork(
            "participant",
            models.Index(
                fields=["account", "flow", "reason", "-id"],
                condition=models.Q(("reason", ""), _negated=True),
                name="participants_by_reason",
            ),
        ),
    ]
