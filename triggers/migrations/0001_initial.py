"""The tables of triggers, closed to every account but the one in scope."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import identify, protect, same_account


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("flows", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Trigger",
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
                ("kind", models.CharField(max_length=40)),
                ("criteria", models.JSONField(null=True)),
                ("settings", models.JSONField(default=dict)),
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="triggers",
                        to="flows.flow",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Schedule",
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
                ("recurrence", models.JSONField()),
                (
                    "catch_up",
                    models.CharField(
                        choices=[
                            ("latest", "The latest"),
                            ("all", "All of them"),
                            ("skip", "None"),
                        ],
                        default="latest",
                        max_length=10,
                    ),
                ),
                ("safety_brake", models.IntegerField(null=True)),
                ("next_run_at", models.DateTimeField(null=True)),
                ("skip_run_at", models.DateTimeField(null=True)),
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
                    "trigger",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="schedule",
                        to="triggers.trigger",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Occurrence",
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
                    "kind",
                    models.CharField(
                        choices=[("scheduled", "Scheduled"), ("run_now", "Run now")],
                        default="scheduled",
                        max_length=10,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Coming"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("missed", "Missed"),
                            ("skipped", "Skipped"),
                            ("aborted", "Stopped"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=60)),
                ("scheduled_for", models.DateTimeField()),
                ("sentence", models.CharField(blank=True, max_length=500)),
                ("time_zone", models.CharField(max_length=64)),
                ("criteria", models.JSONField()),
                ("upper_id", models.BigIntegerField(null=True)),
                ("cursor", models.BigIntegerField(default=0)),
                ("matched", models.IntegerField(default=0)),
                ("enrolled", models.IntegerField(default=0)),
                ("left_out", models.JSONField(default=dict)),
                ("failures", models.SmallIntegerField(default=0)),
                ("idempotency_key", models.CharField(max_length=200, null=True)),
                ("created_at", models.DateTimeField(default=scheduling.clock.now)),
                ("started_at", models.DateTimeField(null=True)),
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
                    "activation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="flows.activation",
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
                    "schedule",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="triggers.schedule",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["account", "flow", "-scheduled_for"],
                        name="runs_of_a_flow",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ["pending", "running"])),
                        fields=["account", "id"],
                        name="runs_to_do",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "scheduled")),
                        fields=("account", "schedule", "scheduled_for"),
                        name="one_run_per_schedule_and_moment",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key__isnull", False)),
                        fields=("account", "flow", "idempotency_key"),
                        name="run_now_once_per_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "pending",
                                    "running",
                                    "done",
                                    "missed",
                                    "skipped",
                                    "aborted",
                                    "failed",
                                ],
                            )
                        ),
                        name="occurrence_status_is_known",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="trigger",
            index=models.Index(fields=["account", "flow"], name="triggers_of_a_flow"),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(
                condition=models.Q(("next_run_at__isnull", False)),
                fields=["next_run_at"],
                name="schedules_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(("catch_up__in", ["latest", "all", "skip"])),
                name="catch_up_is_known",
            ),
        ),
        *identify("triggers_trigger", "triggers_schedule", "triggers_occurrence"),
        same_account("triggers_trigger", "flow_id", "flows_flow"),
        same_account("triggers_schedule", "flow_id", "flows_flow"),
        same_account("triggers_schedule", "trigger_id", "triggers_trigger"),
        same_account("triggers_occurrence", "flow_id", "flows_flow"),
        same_account("triggers_occurrence", "schedule_id", "triggers_schedule"),
        same_account("triggers_occurrence", "activation_id", "flows_activation"),
        *protect(
            "triggers_trigger",
            "triggers_schedule",
            "triggers_occurrence",
        ),
    ]
