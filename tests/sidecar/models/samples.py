"""A message's content of each type and form, as kernels and front ends send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

MIME: Final = {"text/plain": "1", "application/json": {"a": [None]}}
FAILED: Final = {"status": "error", "ename": "E", "evalue": "e", "traceback": ["\x1b[31mE", ""]}
BARE: Final = {"status": "error"}
ABORTED: Final = {"status": "aborted"}
FORMS: Final = [FAILED, BARE, ABORTED, {"status": "abort"}]
DAP: Final = {"type": "response", "request_seq": 1, "seq": 2, "success": True}
CODE: Final = {"code": "a = 1\nb", "cursor_pos": 2}

SAMPLES: Final[dict[str, list[dict[str, Any]]]] = {
    # published
    "status": [{"execution_state": "busy"}, {"execution_state": "a word of its own"}],
    "execute_input": [{"code": "1", "execution_count": 3}, {"code": "1", "execution_count": None}],
    "stream": [{"name": "stdout", "text": "a\x00\r\n"}, {"name": "stderr", "text": ""}],
    "display_data": [
        {"data": MIME, "metadata": {"text/plain": {"w": 1}}, "transient": {"display_id": "d"}},
        {"data": MIME},
        {"data": {}, "transient": None, "metadata": None},
    ],
    "update_display_data": [{"data": MIME, "metadata": {}, "transient": {"display_id": 7}}],
    "execute_result": [
        {"data": MIME, "metadata": {}, "execution_count": 1},
        {"data": {}, "execution_count": 2**70, "transient": {}},
    ],
    "error": [{"ename": "E", "evalue": "e", "traceback": ["a"]}, {}],
    "clear_output": [{"wait": True}, {}],
    "iopub_welcome": [{"subscription": ""}],
    "debug_event": [{"type": "event", "event": "stopped", "seq": 1, "body": {"threadId": 1}}],
    # replies
    "execute_reply": [
        {
            "status": "ok",
            "execution_count": 1,
            "payload": [
                {"source": "page", "data": MIME, "start": 0},
                {"source": "set_next_input", "text": "x", "replace": True},
                {"source": "edit_magic", "filename": "f.py", "line_number": 1},
                {"source": "edit", "filename": "f.py"},
                {"source": "ask_exit", "keepkernel": False},
                {"source": "of its own", "a": 1},
                {},
            ],
            "user_expressions": {"a": {"status": "ok", "data": MIME, "metadata": {}}, "b": FAILED},
        },
        {**FAILED, "execution_count": 2, "payload": [], "user_expressions": {}, "engine_id": -1},
        {"status": "ok"},
        *FORMS,
    ],
    "inspect_reply": [{"status": "ok", "found": True, "data": MIME, "metadata": {}}, *FORMS],
    "complete_reply": [
        {"status": "ok", "matches": ["a"], "cursor_start": 0, "cursor_end": 1, "metadata": {}},
        {"matches": []},
        *FORMS,
    ],
    "history_reply": [
        {"status": "ok", "history": [[0, 1, "a"], [0, 2, ["b", "out"]], [0, 3, ["c", None]]]},
        {"history": ["rubbish"]},
        *FORMS,
    ],
    "is_complete_reply": [{"status": "incomplete", "indent": "  "}, {"status": "invalid"}, *FORMS],
    "kernel_info_reply": [
        {
            "status": "ok",
            "protocol_version": "5.4",
            "implementation": "ipython",
            "implementation_version": "9",
            "language_info": {
                "name": "python",
                "version": "3.11",
                "mimetype": "text/x-python",
                "file_extension": ".py",
                "pygments_lexer": "ipython3",
                "codemirror_mode": {"name": "ipython", "version": 3},
                "nbconvert_exporter": "python",
            },
            "banner": "hello",
            "debugger": True,
            "help_links": [{"text": "t", "url": "u"}],
            "supported_features": ["kernel subshells"],
        },
        {"language_info": {"name": "rust", "version": "", "mimetype": "", "file_extension": ".rs"}},
        {"help_links": None, "language_info": {"name": "go", "pygments_lexer": None}},
        *FORMS,
    ],
    "comm_info_reply": [
        {"status": "ok", "comms": {"c": {"target_name": "t"}}},
        {"comms": {}},
        *FORMS,
    ],
    "connect_reply": [{"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "hb_port": 4}, *FORMS],
    "shutdown_reply": [{"status": "ok", "restart": True}, *FORMS],
    "interrupt_reply": [{"status": "ok"}, {}, {"requests": {"a": "dequeued"}}, *FORMS],
    "create_subshell_reply": [{"status": "ok", "subshell_id": "s"}, *FORMS],
    "delete_subshell_reply": [{"status": "ok"}, *FORMS],
    "list_subshell_reply": [{"status": "ok", "subshell_id": ["s"]}, *FORMS],
    "debug_reply": [
        {**DAP, "command": "dumpCell", "body": {"sourcePath": "/tmp/a.py"}},
        {
            **DAP,
            "command": "debugInfo",
            "body": {
                "isStarted": False,
                "hashMethod": "Murmur2",
                "hashSeed": 3339675911,
                "tmpFilePrefix": "/tmp/",
                "tmpFileSuffix": ".py",
                "breakpoints": [{"source": "a.py", "breakpoints": [{"line": 1}]}],
                "stoppedThreads": [1],
                "richRendering": True,
                "exceptionPaths": ["Python Exceptions"],
                "copyToGlobals": True,
            },
        },
        {**DAP, "command": "inspectVariables", "body": {"variables": [{"name": "a"}]}},
        {**DAP, "command": "richInspectVariables", "body": {"data": MIME, "metadata": {}}},
        {**DAP, "command": "threads", "body": {"threads": []}},
        {**DAP, "command": "dumpCell", "success": False, "message": "no", "body": None},
        {},
        *FORMS,
    ],
    # requests
    "execute_request": [
        {
            "code": "1",
            "silent": False,
            "store_history": True,
            "user_expressions": {"a": "b"},
            "allow_stdin": False,
            "stop_on_error": False,
        },
        {"code": ""},
    ],
    "inspect_request": [{**CODE, "detail_level": 1}, {"code": ""}],
    "complete_request": [CODE, {"code": ""}],
    "history_request": [
        {"output": True, "raw": False, "hist_access_type": "range", "session": -1, "start": 0},
        {"hist_access_type": "tail", "n": 5},
        {"hist_access_type": "search", "pattern": "a*", "n": 5, "unique": True},
    ],
    "is_complete_request": [{"code": "if a:"}],
    "kernel_info_request": [{}],
    "comm_info_request": [{}, {"target_name": "t"}, {"target_name": None}],
    "connect_request": [{}],
    "shutdown_request": [{"restart": False}],
    "interrupt_request": [{}, {"msg_ids": ["a", "b"]}],
    "create_subshell_request": [{}],
    "delete_subshell_request": [{"subshell_id": "s"}],
    "list_subshell_request": [{}],
    "debug_request": [
        {"type": "request", "command": "dumpCell", "seq": 4, "arguments": {"code": "1"}},
        {"command": "debugInfo"},
    ],
    # on stdin
    "input_request": [{"prompt": "? ", "password": True}, {}],
    "input_reply": [{"value": "secret"}, {"value": "", "status": "ok"}],
    # from either side
    "comm_open": [{"comm_id": "c", "target_name": "t", "data": {"a": 1}, "target_module": None}],
    "comm_msg": [{"comm_id": "c", "data": {"method": "update"}}, {"comm_id": "c", "data": [1]}],
    "comm_close": [{"comm_id": "c", "data": {}}, {"comm_id": "c"}],
}

ALL: Final = [(msg_type, content) for msg_type, some in SAMPLES.items() for content in some]
DATE: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def header(msg_type: str, **more: Any) -> dict[str, Any]:
    """A header as the client gives it."""
    return {
        "msg_id": f"id of {msg_type}",
        "msg_type": msg_type,
        "username": "k",
        "session": "s",
        "date": DATE,
        "version": "5.3",
        **more,
    }


def message(msg_type: str, content: Any, **more: Any) -> dict[str, Any]:
    """A message as the client gives it."""
    return {
        "header": header(msg_type),
        "msg_id": f"id of {msg_type}",
        "msg_type": msg_type,
        "parent_header": header("execute_request", date="no date", subshell_id="s"),
        "metadata": {},
        "content": content,
        "buffers": [],
        **more,
    }
