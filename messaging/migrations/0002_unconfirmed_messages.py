"""How many messages are unconfirmed, without a look at all that have left."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0001_initial")]

    operations = [
        migrations.AddIndex(
            "message",
            models.Index(
                condition=models.Q(("status", "unconfirmed")), fields=["account"], name="messages_unconfirmed"
            ),
        ),
    ]
