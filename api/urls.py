"""Every address of the API, in one place."""

from django.urls import path, re_path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from . import (
    associations,
    contents,
    criteria,
    events,
    flow_verbs,
    flows,
    import_drafts,
    imports,
    list_folders,
    lists,
    members,
    messages,
    object_types,
    participants,
    preview,
    properties,
    record_export,
    records,
    reports,
    schedules,
    subscriptions,
    timeline,
    whereabouts,
)
from .shapes import HIGHEST_ID
from .views import UnknownAddress


class IdConverter:
    """An id in a path. What no row can have is not found, as with any other id that is not there."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """The number; ValueError, and so 404, beyond what the database can hold."""
        number = int(value)
        if number > HIGHEST_ID:
            raise ValueError(value)
        return number

    def to_url(self, value: int) -> str:
        """The number as it stands in the path."""
        return str(value)


register_converter(IdConverter, "id")

app_name = "api"
urlpatterns = [
    path("object-types/", object_types.ObjectTypes.as_view(), name="object-types"),
    path("object-types/<id:type_id>/", object_types.OneObjectType.as_view(), name="object-type"),
    path("object-types/<id:type_id>/archive/", object_types.ArchiveObjectType.as_view(), name="object-type-archive"),
    path("object-types/<id:type_id>/restore/", object_types.RestoreObjectType.as_view(), name="object-type-restore"),
    path("object-types/<id:type_id>/used-by/", object_types.ObjectTypeUsers.as_view(), name="object-type-used-by"),
    path("properties/", properties.Properties.as_view(), name="properties"),
    path("properties/<id:property_id>/", properties.OneProperty.as_view(), name="property"),
    path("properties/<id:property_id>/archive/", properties.ArchiveProperty.as_view(), name="property-archive"),
    path("properties/<id:property_id>/restore/", properties.RestoreProperty.as_view(), name="property-restore"),
    path("properties/<id:property_id>/used-by/", properties.PropertyUsers.as_view(), name="property-used-by"),
    path("records/", records.Records.as_view(), name="records"),
    path("records/export/", record_export.RecordExport.as_view(), name="records-export"),
    path("records/batch/", records.Batch.as_view(), name="records-batch"),
    path("records/<id:record_id>/", records.OneRecord.as_view(), name="record"),
    path("records/<id:record_id>/archive/", records.ArchiveRecord.as_view(), name="record-archive"),
    path("records/<id:record_id>/restore/", records.RestoreRecord.as_view(), name="record-restore"),
    path("records/<id:record_id>/flows/", whereabouts.RecordFlows.as_view(), name="record-flows"),
    path("records/<id:record_id>/lists/", whereabouts.RecordLists.as_view(), name="record-lists"),
    path("records/<id:record_id>/timeline/", timeline.Timeline.as_view(), name="record-timeline"),
    path("records/<id:record_id>/associations/", associations.Associations.as_view(), name="record-associations"),
    path(
        "records/<id:record_id>/associations/<id:other_id>/",
        associations.OneAssociation.as_view(),
        name="record-association",
    ),
    path("members/", members.Members.as_view(), name="members"),
    path("imports/", imports.Imports.as_view(), name="imports"),
    path("imports/<id:import_id>/", imports.OneImport.as_view(), name="import"),
    path("imports/<id:import_id>/preview/", import_drafts.ImportPreview.as_view(), name="import-preview"),
    path("imports/<id:import_id>/start/", import_drafts.StartImport.as_view(), name="import-start"),
    path("imports/<id:import_id>/stop/", imports.StopImport.as_view(), name="import-stop"),
    path("imports/<id:import_id>/refused/", imports.Refused.as_view(), name="import-refused"),
    path("lists/", lists.Lists.as_view(), name="lists"),
    path("lists/<id:list_id>/", lists.OneList.as_view(), name="list"),
    path("lists/<id:list_id>/records/", lists.ListRecords.as_view(), name="list-records"),
    path("lists/<id:list_id>/records/<id:record_id>/", lists.OneListRecord.as_view(), name="list-record"),
    path("lists/<id:list_id>/freeze/", lists.Freeze.as_view(), name="list-freeze"),
    path("lists/<id:list_id>/used-by/", lists.UsedBy.as_view(), name="list-used-by"),
    path("list-folders/", list_folders.ListFolders.as_view(), name="list-folders"),
    path("list-folders/<id:list_folder_id>/", list_folders.OneListFolder.as_view(), name="list-folder"),
    path("criteria/preview/", criteria.CriteriaPreview.as_view(), name="criteria-preview"),
    path("events/", events.Events.as_view(), name="events"),
    path("events/kinds/", events.EventKinds.as_view(), name="event-kinds"),
    path("contents/", contents.Contents.as_view(), name="contents"),
    path("contents/<id:content_id>/", contents.OneContent.as_view(), name="content"),
    path("subscription-types/", subscriptions.SubscriptionTypes.as_view(), name="subscription-types"),
    path("suppressions/", subscriptions.Suppressions.as_view(), name="suppressions"),
    path("suppressions/<id:suppression_id>/", subscriptions.OneSuppression.as_view(), name="suppression"),
    path("messages/", messages.Messages.as_view(), name="messages"),
    path("flows/", flows.Flows.as_view(), name="flows"),
    path("flows/<id:flow_id>/", flows.OneFlow.as_view(), name="flow"),
    path("flows/<id:flow_id>/start/", flow_verbs.Start.as_view(), name="flow-start"),
    path("flows/<id:flow_id>/pause/", flow_verbs.Pause.as_view(), name="flow-pause"),
    path("flows/<id:flow_id>/resume/", flow_verbs.Resume.as_view(), name="flow-resume"),
    path("flows/<id:flow_id>/end/", flow_verbs.End.as_view(), name="flow-end"),
    path("flows/<id:flow_id>/copy/", flow_verbs.Copy.as_view(), name="flow-copy"),
    path("flows/<id:flow_id>/skip-next/", flow_verbs.SkipNext.as_view(), name="flow-skip-next"),
    path("flows/<id:flow_id>/problems/", reports.Problems.as_view(), name="flow-problems"),
    path("flows/<id:flow_id>/preview/", preview.FlowPreview.as_view(), name="flow-preview"),
    path("flows/<id:flow_id>/statistics/", reports.Statistics.as_view(), name="flow-statistics"),
    path("flows/<id:flow_id>/log/", reports.Log.as_view(), name="flow-log"),
    path("flows/<id:flow_id>/occurrences/", schedules.Occurrences.as_view(), name="flow-occurrences"),
    path("flows/<id:flow_id>/participants/", participants.FlowParticipants.as_view(), name="flow-participants"),
    path("flows/<id:flow_id>/list-enrolments/", participants.ListEnrolments.as_view(), name="flow-list-enrolments"),
    path(
        "flows/<id:flow_id>/list-enrolments/<id:list_enrolment_id>/",
        participants.OneListEnrolment.as_view(),
        name="flow-list-enrolment",
    ),
    path("participants/<id:participant_id>/", participants.OneParticipant.as_view(), name="participant"),
    path("participants/<id:participant_id>/leave/", participants.Leave.as_view(), name="participant-leave"),
    path("schedules/preview/", schedules.SchedulePreview.as_view(), name="schedule-preview"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(
            url_name="api:schema", template_name="api/docs.html", http_method_names=["get", "head"]
        ),
        name="docs",
    ),
    re_path("", UnknownAddress.as_view()),
]
