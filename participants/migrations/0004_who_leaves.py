"""The intake of a flow says also who is to leave it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("participants", "0003_who_took_a_branch")]

    operations = [
        migrations.AddField(
            "intake",
            "wish",
            models.CharField(choices=[("enrol", "Enrol"), ("leave", "Leave")], default="enrol", max_length=5),
        ),
    ]
