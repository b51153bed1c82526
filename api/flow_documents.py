"""The shape of a flow document, as the OpenAPI page describes it; running/editing.py is who checks one."""

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from flows.models import FlowStatus
from triggers.models import CatchUp

from .shapes import Shape

CRITERIA = 'Criteria: {"all": [...]}, {"any": [...]}, {"not": ...} over conditions; null for none.'


class EmailSettings(Shape):
    """How the flow's e-mails are sent."""

    sender_name = serializers.CharField(allow_blank=True)
    sender_address = serializers.EmailField(allow_blank=True)
    reply_address = serializers.EmailField(allow_blank=True)
    subscription_type = serializers.IntegerField(allow_null=True)
    override_consent = serializers.BooleanField(help_text="Needs the right to administer.")


class ScheduleShape(Shape):
    """When a schedule fires. Each frequency takes its own settings; see docs/api.md."""

    frequency = serializers.ChoiceField(["daily", "weekly", "monthly", "yearly", "once"])
    times = serializers.ListField(child=serializers.CharField(), help_text='Local times such as "15:00".')
    time_zone = serializers.CharField(required=False, help_text="The flow's.")
    interval = serializers.IntegerField(required=False)
    starts_on = serializers.DateField(required=False)
    ends_on = serializers.DateField(required=False)
    excluded_dates = serializers.ListField(child=serializers.DateField(), required=False)
    weekdays = serializers.ListField(child=serializers.CharField(), required=False, help_text="Weekly.")
    days = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=31), required=False, help_text="Monthly."
    )
    flexible = serializers.JSONField(
        required=False, help_text='Monthly: {"ordinal": "last", "day": "friday"}, or a list of such.'
    )
    short_month = serializers.ChoiceField(["skip", "last_day"], required=False)
    month = serializers.IntegerField(min_value=1, max_value=12, required=False, help_text="Yearly.")
    day = serializers.IntegerField(min_value=1, max_value=31, required=False, help_text="Yearly.")
    on = serializers.DateField(required=False, help_text="Once.")
    catch_up = serializers.ChoiceField(CatchUp.choices, default=CatchUp.LATEST)
    safety_brake = serializers.IntegerField(
        allow_null=True, required=False, help_text="A run that matches more than this is stopped."
    )


class TriggerShape(Shape):
    """Why records enter."""

    id = serializers.IntegerField(required=False, help_text="Left out: a new one.")
    kind = serializers.ChoiceField(["schedule"])
    criteria = serializers.JSONField(allow_null=True, help_text=CRITERIA)
    schedule = ScheduleShape(allow_null=True)


class StepShape(Shape):
    """One thing that a flow does."""

    id = serializers.IntegerField(required=False, help_text="Left out: a new one.")
    kind = serializers.CharField(help_text="send_email, wait, split, update_record, add_to_list, finish.")
    name = serializers.CharField(allow_blank=True, required=False)
    settings = serializers.DictField(required=False, help_text="Depends on the kind; see docs/api.md.")
    branches = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="Of a split: objects of id, name, criteria, is_everyone_else, steps. "
        "Of a random split: objects of id, name, weight (0 to 1000), steps.",
    )


class SuccessShape(Shape):
    """One way to succeed."""

    name = serializers.CharField()
    criteria = serializers.JSONField(help_text=CRITERIA)


class FlowDocument(Shape):
    """A flow. In a request, what is left out stays as it is (in a new flow: gets its default); a list is whole."""

    id = serializers.IntegerField(required=False)
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(allow_blank=True, required=False)
    object_type = serializers.CharField(default="contact")
    status = serializers.ChoiceField(FlowStatus.choices, required=False, help_text="Only the verbs change it.")
    revision = serializers.IntegerField(required=False, help_text="The ETag.")
    time_zone = serializers.CharField(required=False)
    only_once = serializers.BooleanField(required=False)
    filter = serializers.JSONField(allow_null=True, required=False, help_text=CRITERIA)
    unenrolment = serializers.JSONField(allow_null=True, required=False, help_text=CRITERIA)
    success = SuccessShape(many=True, required=False)
    jump_to_finish = serializers.BooleanField(required=False)
    exclusion_lists = serializers.ListField(child=serializers.IntegerField(), required=False)
    starts_at = serializers.DateTimeField(allow_null=True, required=False)
    enrolment_ends_at = serializers.DateTimeField(allow_null=True, required=False)
    leave_flows = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Flows that a record leaves when it is enrolled."
    )
    email = EmailSettings(required=False)
    triggers = TriggerShape(many=True, required=False)
    steps = StepShape(many=True, required=False)


EXAMPLE = OpenApiExample(
    "A letter on the last Friday of every month",
    request_only=True,
    value={
        "name": "Monthly letter",
        "email": {
            "sender_name": "Acme",
            "sender_address": "news@example.com",
            "reply_address": "hello@example.com",
            "subscription_type": 1,
        },
        "triggers": [
            {
                "kind": "schedule",
                "criteria": {"property": "city", "operator": "eq", "value": "Oslo"},
                "schedule": {
                    "frequency": "monthly",
                    "flexible": {"ordinal": "last", "day": "friday"},
                    "times": ["15:00"],
                },
            }
        ],
        "steps": [
            {"kind": "send_email", "settings": {"content": 1}},
            {"kind": "wait", "settings": {"amount": 2, "unit": "days"}},
            {"kind": "finish"},
        ],
    },
)
