"""Invitations, closed to every account but the one in scope."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import protect


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("flow_admin", "Flow admin"),
                            ("marketer", "Marketer"),
                            ("viewer", "Viewer"),
                        ],
                        default="viewer",
                        max_length=20,
                    ),
                ),
                ("token_digest", models.CharField(max_length=64, unique=True)),
                ("sent_at", models.DateTimeField(default=scheduling.clock.now)),
                ("expires_at", models.DateTimeField()),
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
                    "invited_by",
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
                "constraints": [
                    models.UniqueConstraint(fields=("account", "email"), name="one_invitation_per_address_and_account"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["owner", "admin", "flow_admin", "marketer", "viewer"])),
                        name="invitation_role_is_known",
                    ),
                ],
            },
        ),
        *protect("accounts_invitation"),
    ]
