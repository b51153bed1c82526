"""The tables of flows, closed to every account but the one in scope."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import identify, protect, same_account


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("messaging", "0001_initial"),
        ("records", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Flow",
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
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("not_running", "Not running"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                        ],
                        default="not_running",
                        max_length=12,
                    ),
                ),
                ("revision", models.IntegerField(default=1)),
                (
                    "visibility",
                    models.CharField(
                        choices=[
                            ("all", "Everyone in the account"),
                            ("owner", "The owner"),
                        ],
                        default="all",
                        max_length=10,
                    ),
                ),
                ("time_zone", models.CharField(default="Europe/Oslo", max_length=64)),
                ("filter", models.JSONField(null=True)),
                ("only_once", models.BooleanField(default=True)),
                ("unenrolment", models.JSONField(null=True)),
                ("success", models.JSONField(default=list)),
                ("jump_to_finish", models.BooleanField(default=False)),
                ("starts_at", models.DateTimeField(null=True)),
                ("enrolment_ends_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=scheduling.clock.now)),
                ("updated_at", models.DateTimeField(default=scheduling.clock.now)),
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
                    "object_type",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="records.objecttype",
                    ),
                ),
                (
                    "outbox",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="messaging.outbox",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="ExclusionList",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "flow_id",
                        "list_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
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
                    "list",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="records.list",
                    ),
                ),
                (
                    "flow",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exclusion_lists",
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
            name="Branch",
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
                ("position", models.IntegerField()),
                ("name", models.CharField(blank=True, max_length=200)),
                ("criteria", models.JSONField(null=True)),
                ("is_everyone_else", models.BooleanField(default=False)),
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
                        related_name="branches",
                        to="flows.flow",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "branches",
                "ordering": ["position", "id"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Activation",
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
                ("started_at", models.DateTimeField(default=scheduling.clock.now)),
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="activations",
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
            name="Step",
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
                ("position", models.IntegerField()),
                ("kind", models.CharField(max_length=40)),
                ("name", models.CharField(blank=True, max_length=200)),
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
                    "branch",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="flows.branch",
                    ),
                ),
                (
                    "flow",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="flows.flow",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="branch",
            name="step",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="branches",
                to="flows.step",
            ),
        ),
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(
                condition=models.Q(("status", "running")),
                fields=["id"],
                name="running_flows",
            ),
        ),
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(fields=["account", "name"], name="flows_by_name"),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["not_running", "running", "paused"])),
                name="flow_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.CheckConstraint(
                condition=models.Q(("visibility__in", ["all", "owner"])),
                name="flow_visibility_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="activation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("account", "flow"),
                name="one_open_activation_per_flow",
            ),
        ),
        migrations.AddConstraint(
            model_name="branch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_everyone_else", True)),
                fields=("account", "step"),
                name="one_everyone_else_per_split",
            ),
        ),
        *identify("flows_flow", "flows_activation", "flows_step", "flows_branch"),
        same_account("flows_flow", "object_type_id", "records_objecttype"),
        same_account("flows_flow", "outbox_id", "messaging_outbox"),
        same_account("flows_exclusionlist", "flow_id", "flows_flow"),
        same_account("flows_exclusionlist", "list_id", "records_list"),
        same_account("flows_activation", "flow_id", "flows_flow"),
        same_account("flows_step", "flow_id", "flows_flow"),
        same_account("flows_step", "branch_id", "flows_branch"),
        same_account("flows_branch", "step_id", "flows_step"),
        same_account("flows_branch", "flow_id", "flows_flow"),
        *protect(
            "flows_flow",
            "flows_exclusionlist",
            "flows_activation",
            "flows_step",
            "flows_branch",
        ),
    ]
