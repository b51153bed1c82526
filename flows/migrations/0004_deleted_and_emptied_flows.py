"""Flows that are deleted at once and cleared away later, and when an activation had nobody left inside."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flows", "0003_leaving_flows_and_weights")]

    operations = [
        migrations.AddField("flow", "deleted_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "flow",
            models.Index(
                condition=models.Q(("deleted_at__isnull", False)), fields=["deleted_at"], name="flows_to_clear_away"
            ),
        ),
        migrations.AddField("activation", "emptied_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "activation",
            models.Index(
                condition=models.Q(("emptied_at__isnull", True), ("ended_at__isnull", False)),
                fields=["ended_at"],
                name="activations_to_empty",
            ),
        ),
    ]
