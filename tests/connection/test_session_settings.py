"""What a session decides about the bytes is read once, and when it changes."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from jupyter_client.session import Session, json_packer, json_unpacker

from conkernelclient.connection.session_settings import observe_settings, wire_settings


@pytest.mark.parametrize("packer", ["json", "orjson"])
def test_both_packers_of_json_are_json(packer: str) -> None:
    """Their bytes mean the same, and orjson reads and writes them here."""
    settings = wire_settings(Session(key=b"k", packer=packer, unpacker=packer))
    assert settings.is_json
    assert (settings.pack, settings.unpack) == (json_packer, json_unpacker)
    assert settings.auth is not None


def test_another_packer_is_used_as_it_is() -> None:
    """Also if only one direction is of another kind."""
    session = Session(key=b"", digest_history_size=5)
    session.pack = pickle.dumps
    settings = wire_settings(session)
    assert not settings.is_json
    assert settings.pack is session.pack
    assert (settings.auth, settings.history_size) == (None, 5)


@pytest.mark.parametrize(
    "change",
    [
        {"key": b"other"},
        {"packer": "pickle"},
        {"unpacker": "pickle"},
        {"adapt_version": 4},
        {"digest_history_size": 7},
        {"username": "u"},
        {"session": "s"},
        {"metadata": {"a": 1}},
        {"copy_threshold": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_change_is_told_until_nobody_wants_it(change: dict[str, Any]) -> None:
    """Of each trait that decides about a message."""
    session, told = Session(key=b"k"), list[None]()
    end = observe_settings(session, lambda: told.append(None))
    ((name, value),) = change.items()
    setattr(session, name, value)
    assert told
    end()
    told.clear()
    session.username = "later"
    assert told == []
