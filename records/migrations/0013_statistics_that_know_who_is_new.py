"""What large tables hold is counted anew when thousands of rows have changed, not a tenth of all.

A tenth of millions is an account of its own: until the statistics know it, its records are taken for next to none, and
read whole where they should be looked up. Takes no lock that anybody waits for.
"""

from django.db import migrations

from accounts.indexes import counted_often


class Migration(migrations.Migration):
    dependencies = [("records", "0012_decimal_mark_of_imports")]

    operations = [
        counted_often("records_record"),
        counted_often("records_event"),
        counted_often("records_listentry"),
    ]
