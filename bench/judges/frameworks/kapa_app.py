"""Kapa's fields in Django REST framework: run with the address to listen on, it answers what the framework answers.

Imports nothing of unichat: it runs where only the framework is installed. The fields and limits are those of
`unichat_kapa/simulator/schemas.py`, as a developer of the framework would write them.
"""

from __future__ import annotations

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="none",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    INSTALLED_APPS=["rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import filters, generics, pagination, serializers  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

MODELS = (
    "gpt-4", "gpt-4-0613", "gpt-4-turbo-preview", "gpt-4-1106-preview", "gpt-4-0125-preview", "gpt-4o",
    "gpt-4o-2024-05-13", "gpt-4o-2024-08-06", "gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-3.5-turbo",
    "gpt-3.5-turbo-16k", "gpt-3.5-turbo-0125",
)  # fmt: skip


class EndUser(models.Model):
    """A row of the list of end users."""

    email = models.TextField()
    unique_client_id = models.TextField()
    question_answer_count = models.IntegerField()
    first_activity_at = models.DateTimeField()
    latest_activity_at = models.DateTimeField()

    class Meta:
        app_label = "kapa"


def optional(kind, **options):
    return kind(required=False, **options)


class User(serializers.Serializer):
    email = optional(serializers.CharField, allow_blank=True)
    unique_client_id = optional(serializers.CharField, allow_blank=True)
    fingerprint_id = optional(serializers.CharField, allow_blank=True)
    slack_id = optional(serializers.CharField, allow_blank=True)
    discord_id = optional(serializers.CharField, allow_blank=True)
    metadata = optional(serializers.DictField)


class Chat(serializers.Serializer):
    integration_id = optional(serializers.UUIDField)
    query = serializers.CharField(max_length=5000)
    user = optional(User)
    metadata = optional(serializers.DictField)


class Message(serializers.Serializer):
    role = serializers.ChoiceField(["system", "user", "assistant", "query"])
    content = serializers.CharField(allow_blank=True)


class CustomChat(serializers.Serializer):
    integration_id = optional(serializers.UUIDField)
    messages = Message(many=True, allow_empty=False)
    retrieval_query = optional(serializers.CharField)
    persist_answer = serializers.BooleanField(default=True)
    use_retrieval = serializers.BooleanField(default=True)
    label_internal_sources = serializers.BooleanField(default=False)
    generation_model = serializers.ChoiceField(MODELS, default="gpt-4-0613")
    source_ids_include = optional(serializers.ListField, child=serializers.UUIDField())
    response_format = optional(serializers.ChoiceField, choices=["json_object"])
    redact_conversation = serializers.BooleanField(default=False)


class Search(serializers.Serializer):
    query = serializers.CharField()
    num_results = serializers.IntegerField(min_value=1, default=10)
    include_source_names = optional(serializers.ListField, child=serializers.CharField())


class Retrieval(serializers.Serializer):
    query = serializers.CharField()
    top_k = serializers.IntegerField(min_value=1, default=10)
    max_chars = optional(serializers.IntegerField, min_value=1)
    mode = serializers.ChoiceField(["default", "deep"], default="default")
    source_group_ids_include = optional(serializers.ListField, child=serializers.UUIDField())
    integration_id = optional(serializers.UUIDField)
    redact_query = serializers.BooleanField(default=False)
    user = optional(User)


class Comment(serializers.Serializer):
    issue = serializers.CharField(allow_blank=True, default="")
    incorrect = serializers.BooleanField(default=False)
    irrelevant = serializers.BooleanField(default=False)
    unaddressed = serializers.BooleanField(default=False)


class Feedback(serializers.Serializer):
    comment = optional(Comment, allow_null=True)
    user_identifier = serializers.CharField(max_length=200)
    reaction = serializers.ChoiceField(["upvote", "downvote"])
    question_answer = serializers.UUIDField()


def posts(kind, status=200):
    """Return a view that validates a body, and shows what became of it."""

    class View(APIView):
        def post(self, request, **ids):
            serializer = kind(data=request.data)
            serializer.is_valid(raise_exception=True)
            return Response(serializer.data, status)

    return View.as_view()


class Pages(pagination.PageNumberPagination):
    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 1000


class EndUserRow(serializers.ModelSerializer):
    class Meta:
        model = EndUser
        fields = ("email", "unique_client_id", "question_answer_count")


class EndUsers(generics.ListAPIView):
    queryset = EndUser.objects.order_by("id")
    serializer_class = EndUserRow
    pagination_class = Pages
    filter_backends = (filters.OrderingFilter,)
    ordering_fields = (
        "first_activity_at", "latest_activity_at", "question_answer_count", "email", "unique_client_id",
    )  # fmt: skip


_PROJECT = "query/v1/projects/<uuid:project>/"
urlpatterns = [
    path(f"{_PROJECT}chat/", posts(Chat)),
    path(f"{_PROJECT}chat/custom/", posts(CustomChat)),
    path(f"{_PROJECT}search/", posts(Search)),
    path(f"{_PROJECT}retrieval/", posts(Retrieval)),
    path("query/v1/feedback/upsert/", posts(Feedback, 201)),
    path(f"{_PROJECT}end-users/", EndUsers.as_view()),
]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""

    def get_environ(self):
        """Leave out the type that this server makes up."""
        found = super().get_environ()
        return found if "content-type" in self.headers else {**found, "CONTENT_TYPE": ""}


def main() -> None:
    from django.core.wsgi import get_wsgi_application

    with connection.schema_editor() as editor:
        editor.create_model(EndUser)
    # What the comparison asks the simulator: who, how often, in this order.
    for number, (name, count) in enumerate((("bea", 2), ("ann", 1), ("cyd", 1))):
        moment = f"2026-01-0{number + 1}T00:00:00Z"
        EndUser.objects.create(
            email=f"{name}@example.com",
            unique_client_id=name,
            question_answer_count=count,
            first_activity_at=moment,
            latest_activity_at=moment,
        )
    with make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), handler_class=_Quiet) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
