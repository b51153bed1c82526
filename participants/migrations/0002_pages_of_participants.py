"""The pages of a flow's participants are read from an index, newest first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("participants", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="participant",
            index=models.Index(fields=["account", "flow", "-id", "status"], name="participants_of_a_flow"),
        ),
    ]
