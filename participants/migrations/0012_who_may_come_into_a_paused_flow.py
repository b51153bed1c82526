"""An index for finding who may come into a paused flow, built beside the work that goes on."""

from django.db import migrations, models

from accounts.indexes import AddIndexBesideWork


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("participants", "0011_intake_that_is_set_aside")]

    operations = [
        AddIndexBesideWork(
            "intake",
            models.Index(fields=["flow", "id"], condition=models.Q(wish="enrol"), name="intake_to_enrol"),
        ),
    ]
