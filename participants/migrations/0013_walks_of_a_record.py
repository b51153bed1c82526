"""The index of a record's walks begins with the account, so that it is taken for a flow that no statistics know yet.

Without it such a flow was read from end to end for every record that came: an index of the flow seemed as good.
"""

from django.db import migrations, models

from accounts.indexes import AddIndexBesideWork, RemoveIndexBesideWork


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("participants", "0012_who_may_come_into_a_paused_flow")]

    operations = [
        AddIndexBesideWork(
            "participant",
            models.Index(fields=["account", "record", "flow"], name="participants_by_record"),
        ),
        RemoveIndexBesideWork("participant", "participants_of_a_record"),
    ]
