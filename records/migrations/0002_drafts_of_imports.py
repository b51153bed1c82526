"""An import begins as a draft, keeps the order of its columns and the size of its file; its list is of its account."""

from django.db import migrations, models

from accounts.row_security import same_account


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="import", name="import_status_is_known"),
        migrations.AddField(model_name="import", name="columns", field=models.JSONField(default=list)),
        migrations.AddField(model_name="import", name="size", field=models.BigIntegerField(default=0)),
        migrations.AlterField(
            model_name="import",
            name="status",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                ],
                default="waiting",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["draft", "waiting", "running", "done", "failed"])),
                name="import_status_is_known",
            ),
        ),
        same_account("records_import", "list_id", "records_list"),
    ]
