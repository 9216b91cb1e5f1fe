"""One step of a flow, which is an adapter's code: its own errors are judged as those of reading an answer are."""

from __future__ import annotations

from typing import Any, TypeVar

from unichat.adapter import Exclusive, Flow, Operation, Relay, Step, StreamOperation
from unichat.errors import UnichatError
from unichat.execution.call import Call
from unichat.execution.context import Context
from unichat.policy.flow_errors import judge_flow_error
from unichat.policy.judge import Done
from unichat.policy.mistakes import is_mistake

T = TypeVar("T")

# A tuple made once: a union would be made anew for each step.
_STEPS = (Operation, StreamOperation, Exclusive, Relay)


def advance_flow(
    flow: Flow[T], results: list[Any], failure: UnichatError | None, call: Call, context: Context
) -> Step | Done[T]:
    """Give a flow what came of its last step, and return its next; `Done` at its end."""
    problem: Exception
    try:
        step = flow.send(results.pop()) if failure is None else flow.throw(failure)
        if isinstance(step, _STEPS):
            return step
        problem = TypeError(f"the flow yields {type(step).__name__}, which is not a step")
    except StopIteration as stop:
        return Done(stop.value)
    except UnichatError as error:
        if error is failure or error.call is not None:
            # Not its own: it was judged where it arose.
            raise
        problem = error
    except Exception as error:
        if not is_mistake(error):
            raise
        problem = error
    own = judge_flow_error(
        problem,
        context.redaction(call.signatures),
        backend=call.neutral.backend if call.neutral is not None else None,
        operation=call.neutral.operation if call.neutral is not None else None,
        record=call.record,
        has_question=call.has_question,
    )
    # Not within the handler: it would keep the exception once more, as its context.
    raise own from own.__cause__
