"""The tables of participants, closed to every account but the one in scope."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import protect, same_account


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("flows", "0001_initial"),
        ("records", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Counter",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id",
                        "flow_id",
                        "step_id",
                        "what",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("flow_id", models.BigIntegerField()),
                ("step_id", models.BigIntegerField(default=0)),
                ("what", models.CharField(max_length=30)),
                ("n", models.BigIntegerField()),
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
        migrations.CreateModel(
            name="FlowAddress",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "flow_id",
                        "address",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("flow_id", models.BigIntegerField()),
                ("address", models.CharField(max_length=320)),
                ("participant_id", models.BigIntegerField()),
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
                "verbose_name_plural": "flow addresses",
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["account", "participant_id"],
                        name="addresses_of_a_participant",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Intake",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("cause", models.CharField(max_length=20)),
                ("cause_key", models.CharField(max_length=80)),
                ("depth", models.SmallIntegerField(default=0)),
                ("at", models.DateTimeField(default=scheduling.clock.now)),
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
                (
                    "record",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="records.record",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "intake",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "flow", "cause_key", "record"),
                        name="one_cause_asks_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Participant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("finished", "Finished"),
                            ("finished_with_success", "Finished with success"),
                            ("dropped_out", "Dropped out"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="active",
                        max_length=22,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=60)),
                ("step_id", models.BigIntegerField(null=True)),
                ("hop", models.IntegerField(default=0)),
                ("arrived_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(null=True)),
                ("wait_until", models.DateTimeField(null=True)),
                ("failures", models.SmallIntegerField(default=0)),
                ("succeeded", models.BooleanField(default=False)),
                ("success_criterion", models.CharField(blank=True, max_length=200)),
                ("cause", models.CharField(max_length=20)),
                ("occurrence_id", models.BigIntegerField(null=True)),
                ("only_once", models.BooleanField(default=False)),
                ("depth", models.SmallIntegerField(default=0)),
                ("enrolled_at", models.DateTimeField(default=scheduling.clock.now)),
                ("ended_at", models.DateTimeField(null=True)),
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
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="flows.flow",
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="records.record",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "active")),
                        fields=["flow", "step_id", "due_at"],
                        name="participants_claim",
                    ),
                    models.Index(
                        condition=models.Q(("status", "active")),
                        fields=["flow", "due_at"],
                        name="participants_due",
                    ),
                    models.Index(fields=["record", "flow"], name="participants_of_a_record"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "active")),
                        fields=("account", "flow", "record"),
                        name="one_active_walk",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("only_once", True)),
                        fields=("account", "flow", "record"),
                        name="only_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("occurrence_id__isnull", False)),
                        fields=("account", "occurrence_id", "record"),
                        name="once_per_occurrence",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "active",
                                    "finished",
                                    "finished_with_success",
                                    "dropped_out",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="participant_status_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StepLog",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "participant_id",
                        "hop",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("participant_id", models.BigIntegerField()),
                ("hop", models.IntegerField()),
                ("flow_id", models.BigIntegerField()),
                ("step_id", models.BigIntegerField()),
                ("outcome", models.CharField(max_length=22)),
                ("reason", models.CharField(blank=True, max_length=60)),
                ("branch_id", models.BigIntegerField(null=True)),
                ("arrived_at", models.DateTimeField(null=True)),
                ("at", models.DateTimeField()),
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
                "indexes": [models.Index(fields=["account", "flow_id", "-at"], name="log_of_a_flow")],
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("flow_id", models.BigIntegerField()),
                ("step_id", models.BigIntegerField(default=0)),
                ("what", models.CharField(max_length=30)),
                ("n", models.IntegerField()),
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
                "verbose_name_plural": "tallies",
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["account", "flow_id"], name="tallies_of_a_flow")],
            },
        ),
        same_account("participants_intake", "flow_id", "flows_flow"),
        *protect(
            "participants_participant",
            "participants_steplog",
            "participants_tally",
            "participants_counter",
            "participants_flowaddress",
            "participants_intake",
        ),
    ]
