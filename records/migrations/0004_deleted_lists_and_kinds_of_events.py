"""Lists that are deleted at once and cleared away later; the kinds of events that an account's own systems tell."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
from accounts.row_security import protect


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_default_country"),
        ("records", "0003_whom_a_flow_can_reach"),
    ]

    operations = [
        migrations.AddField(
            model_name="list",
            name="deleted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="list",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)), fields=["deleted_at"], name="lists_to_clear_away"
            ),
        ),
        migrations.CreateModel(
            name="EventKind",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "kind", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        default=accounts.tenancy.current_account_id,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        *protect("records_eventkind"),
        migrations.RunSQL(
            """insert into records_eventkind (account_id, kind)
            select distinct account_id, kind from records_event where kind like 'custom.%'""",
            migrations.RunSQL.noop,
        ),
    ]
