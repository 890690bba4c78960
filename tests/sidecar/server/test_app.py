"""Who has the token comes in; the page loads nothing from elsewhere, and a frame nothing of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from conkernelclient.sidecar.server.app import FILES, PAGE, make_app
from conkernelclient.sidecar.server.schema import json_schema
from tests.sidecar.server.front_ends import TOKEN, served

if TYPE_CHECKING:
    from conkernelclient import ConKernelManager

NOBODY: Any = None  # a session that is not asked


@pytest.fixture
async def http(anyio_backend: Any) -> Any:
    """A client of the application, without a network."""
    transport = httpx2.ASGITransport(make_app(NOBODY, token=TOKEN))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


REFUSED: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("?token=", {}),
    ("?token=wrong", {}),
    (f"?token={TOKEN}&token={TOKEN}", {}),
    ("", {"Authorization": "Bearer wrong"}),
    (f"?token={TOKEN}", {"Origin": "http://evil.example"}),
    (f"?token={TOKEN}", {"Origin": "null"}),  # as of a sandboxed frame
    (f"?token={TOKEN}", {"Origin": "http://127.0.0.1"}),
    (f"?token={TOKEN}", {"Host": "evil.example"}),
    (f"?token={TOKEN}", {"Host": "evil.example", "Origin": "http://evil.example"}),
]


async def test_a_wrong_token_origin_or_host_is_refused(km: ConKernelManager) -> None:
    """In the place of an upgrade: nothing of what is sent is read."""
    async with served(km, "1") as one, one.front_end() as ann:
        port = int(one.url.rpartition(":")[2])
        for query, headers in REFUSED:
            host = headers.get("Host", "127.0.0.1")
            others = {name: value for name, value in headers.items() if name != "Host"}
            with pytest.raises(InvalidStatus) as caught:
                await connect(
                    f"ws://{host}:{port}/socket{query}",
                    host="127.0.0.1",
                    port=port,
                    proxy=None,
                    additional_headers=others,
                )
            assert caught.value.response.status_code == 403, (query, headers)
        assert [told["type"] for told in ann.told] == ["snapshot"]


async def test_the_right_ones_come_in(km: ConKernelManager) -> None:
    """The token in the query or as a header, from the page's own origin or from no page."""
    async with served(km, "1") as one:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        for query, headers in (
            (f"?token={TOKEN}", {}),
            (f"?token={TOKEN}", {"Origin": one.url}),
            ("", bearer),
            ("", {**bearer, "Origin": one.url}),
        ):
            url = one.socket_url + query
            async with connect(url, proxy=None, additional_headers=headers) as socket:
                await socket.send('{"type": "subscribe", "id": 1}')
                assert '"ok"' in str(await socket.recv())


async def test_the_page_holds_no_secret_and_needs_no_token(http: Any) -> None:
    """A wrong one is refused all the same, as are other hosts."""
    for path in FILES:
        answer = await http.get(path)
        assert answer.status_code == 200
        assert TOKEN not in answer.text
        assert (await http.get(f"{path}?token={TOKEN}")).status_code == 200
        assert (await http.get(f"{path}?token=wrong")).status_code == 401
        assert (await http.get(path, headers={"Host": "evil.example"})).status_code == 421
        assert (await http.post(path, content=b"x")).status_code == 405


async def test_what_there_is_not_is_not_found(http: Any) -> None:
    """With the token; without it nobody learns what there is."""
    for path in ("/nothing", "/page", "/../app.py", "/page.js/", "/socket"):
        assert (await http.get(path)).status_code == 401
        assert (await http.get(f"{path}?token={TOKEN}")).status_code in (307, 404)


async def test_the_schema_is_given_to_who_has_the_token(http: Any) -> None:
    """So that others can write front ends."""
    assert (await http.get("/schema.json")).status_code == 401
    answer = await http.get("/schema.json", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json() == json_schema()


async def test_the_page_may_load_nothing_from_elsewhere(http: Any) -> None:
    """Scripts and styles are the server's own files, and none is inline."""
    policy = (await http.get("/")).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert (rules["frame-src"], rules["frame-ancestors"]) == ("'self'", "'none'")
    page = (PAGE / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page) == []


async def test_a_frame_has_no_origin(http: Any) -> None:
    """Also if it is opened by itself; only this server's page may show it."""
    headers = (await http.get("/frame.html")).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_names_no_other_server() -> None:
    """Nor does it take texts for HTML, but in the frame."""
    for name in ("index.html", "page.js", "showing.js", "stale.js", "page.css"):
        text = (PAGE / name).read_text()
        assert re.findall(r"(?:src|href|from|import)\s*[=(]?\s*[\"']https?:", text) == []
        assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text) == []
    assert sum((PAGE / name).read_text().count("\n") for name in files()) < 900


def test_each_file_of_the_page_is_served() -> None:
    """And no other."""
    assert {name for name, _ in FILES.values()} == set(files())


def files() -> list[str]:
    """The files of the page."""
    return [path.name for path in PAGE.iterdir()]
