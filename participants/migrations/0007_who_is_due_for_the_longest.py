"""Who is due for the longest is kept in the database, so that a stuck flow is seen whatever becomes of the cache."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
from accounts.row_security import protect


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_default_country"), ("participants", "0006_what_one_step_did")]

    operations = [
        migrations.CreateModel(
            name="LongestDue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "flow_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("flow_id", models.BigIntegerField()),
                ("participant_id", models.BigIntegerField()),
                ("hop", models.IntegerField()),
                ("due_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("looked_at", models.DateTimeField()),
                ("is_told", models.BooleanField(default=False)),
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
                "verbose_name_plural": "longest due",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        *protect("participants_longestdue"),
    ]
