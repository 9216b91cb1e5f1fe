"""The modules of `unichat/` without a file of tests of their name, by the file that covers them.

They are parts that only show in what uses them: in a call, in a command's output, in a check of a whole contract.
"""

from __future__ import annotations

COVERED_BY: dict[str, tuple[str, ...]] = {
    "tests/behaviour/test_requests.py": ("adapter/endpoint_context", "cli/curl"),
    "tests/test_errors.py": ("record",),
    "tests/test_otel.py": ("hooks",),
    "tests/transport/test_contract.py": (
        "transport/h11/connecting", "transport/h11/response",
        "transport/requests/connections", "transport/requests/response", "transport/requests/session",
    ),
    "tests/faults/test_processes.py": ("transport/forks",),
    "tests/faults/test_sizes.py": ("transport/limits",),
    "tests/execution/test_program.py": ("execution/call", "execution/effects"),
    "tests/execution/test_flow_run.py": ("execution/flow_step",),
    "tests/execution/test_attempt.py": ("_text/log",),
    "tests/client/test_client.py": ("client/base", "client/neutral_calls"),
    "tests/client/test_arguments.py": ("client/speaker",),
    "tests/test_connecting.py": ("client/constructor_checks",),
    "tests/test_first_use.py": ("client/pending_client",),
    "tests/config/test_resolution.py": ("config/layers", "config/request", "config/results"),
    "tests/config/test_probable_mistakes.py": ("config/raw_values",),
    "tests/config/test_files.py": ("config/small_files",),
    "tests/routing/test_route.py": ("routing/async_client", "routing/sync_client"),
    "tests/routing/test_asking.py": ("routing/failures", "routing/screening"),
    "tests/routing/test_moving.py": ("routing/questions", "routing/streams"),
    "tests/routing/test_shadow_route.py": ("routing/shadow_clients", "routing/shadow_stream"),
    "tests/conversations/test_conversations.py": ("conversations/base", "conversations/records"),
    "tests/conversations/test_message_handler.py": (
        "conversations/queue", "conversations/tickets",
    ),
    "tests/conversations/test_join.py": ("conversations/joining", "conversations/messages"),
    "tests/conversations/test_state.py": ("conversations/entries",),
    "tests/conversations/test_personal_data.py": (
        "conversations/encoding", "conversations/erasing", "conversations/questions",
    ),
    "tests/conversations/test_carry_over.py": ("client/newest",),
    "tests/conversations/test_stores.py": (
        "conversations/stores/address", "conversations/stores/base", "conversations/stores/schema",
        "conversations/stores/sql", "conversations/stores/sqlite",
    ),
    "tests/contract/test_checking.py": (
        "contract/exercise", "contract/findings", "contract/judging", "contract/observing", "contract/operations",
    ),
    "tests/contract/test_vendor_contracts.py": ("contract/requests",),
    "tests/contract/test_schemas.py": ("contract/keywords",),
    "tests/contract/test_documents.py": ("contract/document_schema", "contract/pointers"),
    "tests/testing/test_fake_backend.py": (
        "testing/answers", "testing/fake_adapter", "testing/fake_operations", "testing/fake_vendor",
    ),
    "tests/testing/test_recording.py": (
        "testing/people", "testing/recorded_outcomes", "testing/recording_file", "testing/tape",
    ),
    "tests/testing/test_canned.py": ("testing/clients", "testing/clock"),
    "tests/conformance/test_suite.py": ("testing/conformance/base", "testing/conformance/suite"),
    "tests/conformance/test_vendors.py": (
        "testing/blocking", "testing/conformance/clients", "testing/conformance/failures",
        "testing/conformance/histories", "testing/conformance/questions", "testing/conformance/ratings",
        "testing/conformance/streams", "testing/conformance/threads", "testing/faulty",
    ),
    "tests/pytest_plugin/test_plugin.py": (
        "pytest_plugin/clients", "pytest_plugin/conformance", "pytest_plugin/network", "pytest_plugin/options",
        "pytest_plugin/runs", "pytest_plugin/scorecard",
    ),
    "tests/sandbox/test_retrieval.py": (
        "sandbox/answers", "sandbox/documents", "sandbox/passages", "sandbox/stopwords",
    ),
    "tests/sandbox/test_kapa.py": ("sandbox/json_bodies", "sandbox/simulator"),
    "tests/sandbox/test_control.py": ("sandbox/middleware", "sandbox/seen_requests"),
    "tests/sandbox/test_sandbox.py": ("sandbox/errors", "sandbox/servers"),
    "tests/cli/test_app.py": ("cli/completion", "cli/failures", "cli/options", "cli/output"),
    "tests/cli/test_call.py": ("cli/call_arguments", "cli/response_heads"),
    "tests/cli/test_chat.py": ("cli/conversation", "cli/line_input", "cli/target"),
    "tests/cli/test_contract.py": ("cli/contract_formats",),
    "tests/cli/test_conversations.py": ("cli/confirming",),
    "tests/cli/test_markdown.py": ("cli/markdown_words",),
    "tests/cli/test_doctor.py": ("cli/vendor_checks",),
    "tests/cli/test_routes.py": ("cli/route_checks",),
    "tests/cli/test_wrapping.py": ("cli/tables",),
}  # fmt: skip
