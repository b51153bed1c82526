"""What large tables hold is counted anew when thousands of rows have changed, not a tenth of all.

A tenth of millions is an account of its own: until the statistics know it, its records are taken for next to none, and
read whole where they should be looked up. Takes no lock that anybody waits for.
"""

from django.db import migrations

from accounts.indexes import counted_often


class Migration(migrations.Migration):
    dependencies = [("participants", "0013_walks_of_a_record")]

    operations = [
        counted_often("participants_participant"),
        counted_often("participants_steplog"),
        counted_often("participants_intake"),
    ]
