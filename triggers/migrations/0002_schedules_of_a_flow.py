"""The schedule of a flow is found by an index, for lists of flows with their coming runs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("triggers", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(fields=["account", "flow"], name="schedules_of_a_flow"),
        ),
    ]
