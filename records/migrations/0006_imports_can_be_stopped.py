"""An import may be stopped, and counts the rows about a record that another row of the file speaks of as well."""

from django.db import migrations, models

STATUSES = ["draft", "waiting", "running", "done", "stopped", "failed"]


class Migration(migrations.Migration):
    dependencies = [("records", "0005_built_in_types")]

    operations = [
        migrations.AddField(model_name="import", name="repeated", field=models.IntegerField(default=0)),
        migrations.RemoveConstraint(model_name="import", name="import_status_is_known"),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(condition=models.Q(status__in=STATUSES), name="import_status_is_known"),
        ),
        migrations.AlterField(
            model_name="import",
            name="status",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("stopped", "Stopped"),
                    ("failed", "Failed"),
                ],
                default="waiting",
                max_length=10,
            ),
        ),
    ]
