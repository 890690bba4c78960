"""What does a message say, with its fields typed?"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from pydantic import ValidationError

from ...errors import UnparseableMessageError
from .base import Message, WireModel, problems_in
from .registry import built, validator_of

if TYPE_CHECKING:
    from .registry import Validate

__all__ = ["parse"]

# A kernel that means "nothing" by null does it in a few places.
MOST_NULLS: Final = 50

Path: TypeAlias = tuple[str | int, ...]


def parse(message: Mapping[str, Any]) -> Message:
    """
    Make the model of a message, by the type that its header names.

    A type that has no model gives a `RawMessage`. A null in the place of a field that may be left
    out is read as if it were left out, and is in `to_message()` again.

    Args:
        message: A message as the client gives it: {"header", "parent_header", "metadata",
            "content", "buffers", ...}. Only the header, and its type, have to be there.

    Returns:
        The model. It holds the message's own buffers, texts and MIME bundles.

    Raises:
        UnparseableMessageError: It does not fit the model of its type, or is no message. Nothing
            else is raised. A field whose name is no Unicode text (a lone surrogate) fits no model.
    """
    try:
        msg_type = message["header"]["msg_type"]
        validate = built.get(msg_type)
    except (TypeError, KeyError, IndexError, AttributeError):
        raise UnparseableMessageError(
            "no message: it has no header that names a type", problems=["header.msg_type: missing"]
        ) from None
    if validate is None:
        validate = validator_of(msg_type)
    try:
        return validate(message)
    except ValidationError as error:
        problem = error
    found = _without_nulls(message, problem, validate)
    if found is not None:
        return found
    raise _unparseable(message, msg_type, problem)


def _unparseable(
    message: Mapping[str, Any], msg_type: Any, problem: ValidationError
) -> UnparseableMessageError:
    named = msg_type if isinstance(msg_type, str) else ""
    header = message["header"]
    msg_id: Any = cast("dict[str, Any]", header).get("msg_id") if isinstance(header, dict) else None
    problems = problems_in(problem)
    more = problem.error_count() - len(problems)
    text = "; ".join(problems) + (f"; and {more} more" if more > 0 else "")
    return UnparseableMessageError(
        f"no {named or 'message'}: {text}",
        msg_id=msg_id if isinstance(msg_id, str) else None,
        msg_type=named,
        problems=problems,
    )


def _without_nulls(
    message: Mapping[str, Any], problem: ValidationError, validate: Validate
) -> Message | None:
    """Make the model as if the nulls that do not fit were left out; None if that does not help."""
    lesser: Any = message
    paths: set[Path] = set()
    while problem.error_count() <= MOST_NULLS and len(paths) <= MOST_NULLS:
        for one in problem.errors(include_url=False, include_context=False, include_input=False):
            path = _path(message, one["loc"])
            if path is None or path in paths:  # left out already, and then it is missing
                return None
            paths.add(path)
            lesser = _without(lesser, path)
        try:
            model = validate(lesser)
        except ValidationError as another:  # a list tells one item at a time
            problem = another
            continue
        return model if all(_note_null(model, path) for path in paths) else None
    return None


def _path(message: Any, where: Path) -> Path | None:
    """Give the way to the null that an error is about, None if it is about something else."""
    part = message
    path: list[str | int] = []
    for step in where:
        if isinstance(part, Mapping) and step in part:
            part = cast("Mapping[Any, Any]", part)[step]
        elif isinstance(part, list) and isinstance(step, int):
            part = cast("list[Any]", part)[step]
        else:
            continue  # pydantic's name for the form of a reply, and the like
        path.append(step)
    return tuple(path) if path and part is None and isinstance(path[-1], str) else None


def _without(part: Any, path: Path) -> Any:
    """Give a copy of `part` without what is at the end of the path."""
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return [_without(one, rest) if at == step else one for at, one in enumerate(part)]
    if not rest:
        return {key: value for key, value in part.items() if key != step}
    return {**part, step: _without(part[step], rest)}


def _note_null(model: Any, path: Path) -> bool:
    """Let the model give the null again that it was made without; False if it has no such field."""
    for step in path[:-1]:
        model = getattr(model, str(step)) if isinstance(model, WireModel) else model[step]
    if not isinstance(model, WireModel):
        return False
    cast("MutableMapping[str, Any]", model.__pydantic_extra__)[str(path[-1])] = None
    return True
