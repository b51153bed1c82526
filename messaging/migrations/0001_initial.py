"""The tables of messaging, closed to every account but the one in scope."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import identify, protect, same_account


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("records", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Content",
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
                ("subject", models.CharField(blank=True, max_length=500)),
                ("preheader", models.CharField(blank=True, max_length=500)),
                ("html", models.TextField(blank=True)),
                ("text", models.TextField(blank=True)),
                ("flow_id", models.BigIntegerField(null=True)),
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
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Outbox",
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
                ("lock_key", models.BigIntegerField()),
                ("held", models.BooleanField(default=True)),
                ("sender_name", models.CharField(blank=True, max_length=120)),
                ("sender_address", models.CharField(blank=True, max_length=254)),
                ("reply_address", models.CharField(blank=True, max_length=254)),
                ("override_consent", models.BooleanField(default=False)),
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
                "verbose_name_plural": "outboxes",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Message",
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
                ("origin_key", models.CharField(max_length=64)),
                ("channel", models.CharField(default="email", max_length=20)),
                ("address", models.CharField(max_length=320)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("unconfirmed", "Not confirmed"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=60)),
                ("attempts", models.SmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(default=scheduling.clock.now)),
                ("lease_until", models.DateTimeField(null=True)),
                ("message_id", models.CharField(blank=True, max_length=200)),
                ("flow_id", models.BigIntegerField(null=True)),
                ("depth", models.SmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=scheduling.clock.now)),
                ("sent_at", models.DateTimeField(null=True)),
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
                    "content",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="messaging.content",
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
                (
                    "outbox",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="messaging.outbox",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="SubscriptionType",
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
                ("name", models.CharField(max_length=120)),
                ("is_default", models.BooleanField(default=True)),
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
            name="Subscription",
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
                ("subscribed", models.BooleanField()),
                ("source", models.CharField(max_length=40)),
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
                    "record",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="records.record",
                    ),
                ),
                (
                    "type",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="messaging.subscriptiontype",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="outbox",
            name="subscription_type",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="messaging.subscriptiontype",
            ),
        ),
        migrations.CreateModel(
            name="Suppression",
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
                ("address", models.CharField(max_length=320)),
                ("reason", models.CharField(max_length=40)),
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
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddIndex(
            model_name="content",
            index=models.Index(fields=["account", "flow_id"], name="contents_of_a_flow"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("status", "queued")),
                fields=["account", "outbox", "due_at"],
                name="messages_to_deliver",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("status", "sending")),
                fields=["lease_until"],
                name="messages_being_sent",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["account", "record"], name="messages_of_a_record"),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["account", "message_id"], name="message_by_message_id"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(fields=("account", "origin_key"), name="one_message_per_origin"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "queued",
                            "sending",
                            "sent",
                            "failed",
                            "cancelled",
                            "unconfirmed",
                        ],
                    )
                ),
                name="message_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscriptiontype",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="subscription_type_once_per_account"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.UniqueConstraint(
                fields=("account", "record", "type"),
                name="one_word_per_person_and_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.UniqueConstraint(fields=("account", "address"), name="address_suppressed_once"),
        ),
        *identify("messaging_subscriptiontype", "messaging_content", "messaging_outbox"),
        same_account("messaging_subscription", "type_id", "messaging_subscriptiontype"),
        same_account("messaging_outbox", "subscription_type_id", "messaging_subscriptiontype"),
        *protect(
            "messaging_subscriptiontype",
            "messaging_subscription",
            "messaging_suppression",
            "messaging_content",
            "messaging_outbox",
            "messaging_message",
        ),
    ]
