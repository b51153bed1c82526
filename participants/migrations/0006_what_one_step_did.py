"""What one step did is read without a look at what the others did since. Built while people go on walking."""

from django.db import migrations, models

from accounts.indexes import AddIndexBesideWork


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("participants", "0005_who_fails_and_who_has_ended")]

    operations = [
        AddIndexBesideWork("steplog", models.Index(fields=["flow_id", "step_id", "-at"], name="log_of_a_step")),
    ]
