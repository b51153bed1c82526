"""What became of whole lists that somebody asked a flow to take in."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import protect, same_account


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_default_country"), ("participants", "0009_why_people_left")]

    operations = [
        migrations.CreateModel(
            name="ListEnrolment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("list_id", models.BigIntegerField()),
                ("list_name", models.CharField(max_length=200)),
                ("cause_key", models.CharField(max_length=80)),
                ("asked", models.IntegerField()),
                ("enrolled", models.IntegerField(default=0)),
                ("left_out", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=scheduling.clock.now)),
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
                (
                    "flow",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="flows.flow",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "flow", "cause_key"), name="one_list_enrolment_of_a_cause"
                    )
                ],
            },
        ),
        same_account("participants_listenrolment", "flow_id", "flows_flow"),
        *protect("participants_listenrolment"),
    ]
