"""A request comes in only if its host, its origin and its token are right."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.serving.guard import Guard, Rules, is_loopback

HERE = Rules("127.0.0.1")
OPEN = Rules("0.0.0.0", "sesame", frozenset({"proxy.example"}))


def status_of(rules: Rules, **headers: str | list[str]) -> int | None:
    """With which a request is refused."""
    pairs = [
        (name.encode(), value.encode("latin-1"))
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    refusal = rules.refusal(pairs)
    return None if refusal is None else refusal[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
def test_this_machine_is_served(host: str) -> None:
    """By each of its names, and at any port, as through a tunnel."""
    assert status_of(HERE, host=host) is None
    assert status_of(HERE, host=host, origin=f"http://{host}") is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "192.168.0.1", ""],
)
def test_a_name_that_a_page_may_have_for_its_own_is_not_served(host: str) -> None:
    """Whatever address it stands for."""
    assert status_of(HERE, host=host) == 421
    assert status_of(HERE, host=host, origin=f"http://{host}") == 421


@pytest.mark.parametrize("host", ["localhost:x", "a@localhost", "localhost/x", "[::1", "a b"])
def test_a_host_that_is_none_is_not_served(host: str) -> None:
    """Nor does it fail."""
    assert status_of(HERE, host=host) == 421


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"]])
def test_there_is_one_host(hosts: list[str]) -> None:
    """Two would be read as one or the other."""
    assert status_of(HERE, host=hosts) == 400


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://localhost:9", "null", "file://", "", "http://127.0.0.1"],
)
def test_pages_of_other_origins_are_refused(origin: str) -> None:
    """Also those of this machine's other ports."""
    assert status_of(HERE, host="127.0.0.1:8000", origin=origin) == 403


def test_a_server_for_others_is_reached_by_its_own_names_with_the_token() -> None:
    """An address is no name that a page can have."""
    right = "Bearer sesame"
    for host in ("192.168.0.1:8000", socket.gethostname(), "proxy.example", "localhost:8000"):
        assert status_of(OPEN, host=host, authorization=right) is None
    for host in ("evil.example", "0x7f.1"):
        assert status_of(OPEN, host=host, authorization=right) == 421
    assert status_of(
        OPEN, host="10.0.0.1", origin="https://proxy.example", authorization=right
    ) is (None)


@pytest.mark.parametrize(
    "given_",
    [[], [""], ["sesame"], ["Basic sesame"], ["Bearer sesam"], ["Bearer sesame!"], ["Bearer é"]],
)
def test_without_the_token_nothing_is_served(given_: list[str]) -> None:
    """The scheme is in any case, the token in its own."""
    assert status_of(OPEN, host="10.0.0.1", authorization=given_) == 401
    assert status_of(OPEN, host="10.0.0.1", authorization=["Bearer sesame"] * 2) == 401
    assert status_of(OPEN, host="10.0.0.1", authorization="bearer sesame") is None


PAGE = Rules("127.0.0.1", "sesame", takes_query=True, free_paths=frozenset({"/", "/page.js"}))


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/socket", b"token=sesame", None),
        ("/socket", b"a=b&token=sesame", None),
        ("/socket", b"token=sesam", 401),
        ("/socket", b"token=", 401),
        ("/socket", b"token=sesame&token=sesame", 401),
        ("/socket", b"Token=sesame", 401),
        ("/socket", b"token=%FF\xff", 401),
        ("/socket", b"", 401),
        ("/", b"", None),
        ("/page.js", b"", None),
        ("/page.js/", b"", 401),
        ("/", b"token=sesame", None),
        ("/", b"token=wrong", 401),
    ],
)
def test_the_token_may_be_in_the_query(path: str, query: bytes, status: int | None) -> None:
    """Where the rules say so; what holds no secret needs none, but a wrong one is refused."""
    headers = [(b"host", b"localhost")]
    refusal = PAGE.refusal(headers, path, query)
    assert (refusal and refusal[0]) == status
    other = Rules("127.0.0.1", "sesame").refusal(headers, path, query)
    assert other is not None


def test_two_tokens_are_none() -> None:
    """Whichever is right: one of them would be looked at, the other one not."""
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer sesame")]
    assert PAGE.refusal(headers, "/socket") is None
    refusal = PAGE.refusal(headers, "/socket", b"token=sesame")
    assert refusal is not None
    assert refusal[0] == 401


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"host", b"origin", b"authorization"]) | st.binary(max_size=8),
        st.binary(max_size=30) | st.sampled_from([b"localhost", b"Bearer sesame", b"10.0.0.1"]),
    ),
    max_size=5,
)


@given(HEADERS)
def test_any_headers_are_judged(headers: list[tuple[bytes, bytes]]) -> None:
    """And what comes in had the token."""
    refusal = OPEN.refusal(headers)
    if refusal is None:
        assert (b"authorization", b"Bearer sesame") in headers
    else:
        assert 400 <= refusal[0] < 500


async def test_what_is_refused_does_not_reach_the_application() -> None:
    """Nor is anything of it read."""
    reached: list[str] = []
    sent: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(scope["type"])

    async def receive() -> Any:
        raise AssertionError("it is not read")

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(app, OPEN)
    await guard({"type": "http", "headers": [(b"host", b"localhost")]}, receive, send)
    assert (reached, sent[0]["status"]) == ([], 401)
    assert (b"www-authenticate", b"Bearer") in sent[0]["headers"]
    right = [(b"host", b"localhost"), (b"authorization", b"Bearer sesame")]
    await guard({"type": "http", "headers": right}, receive, send)
    await guard({"type": "lifespan"}, receive, send)
    assert reached == ["http", "lifespan"]


async def test_a_websocket_that_is_refused_is_closed_before_anything_is_read() -> None:
    """Which the server makes status 403 of, in the place of an upgrade."""
    reached: list[str] = []
    sent: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(scope["path"])

    async def receive() -> Any:
        raise AssertionError("it is not read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/socket", "headers": [(b"host", b"localhost")]}
    await Guard(app, PAGE)({**scope, "query_string": b"token=wrong"}, receive, send)
    assert (reached, [message["type"] for message in sent]) == ([], ["websocket.close"])
    await Guard(app, PAGE)({**scope, "query_string": b"token=sesame"}, receive, send)
    assert reached == ["/socket"]


def test_a_token_is_not_shown() -> None:
    """As in a log."""
    assert "sesame" not in repr(OPEN)


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("a", False)],
)
def test_loopback_is_told_from_other_addresses(host: str, is_here: bool) -> None:
    """There a token is demanded."""
    assert is_loopback(host) is is_here
