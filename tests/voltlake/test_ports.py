"""Ports: free ones are found, given ones are claimed, and a stack keeps its own."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import Terminal
from voltlake.stack import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((ports.HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_given_port_that_is_taken_is_one_clear_sentence(taken: int) -> None:
    with pytest.raises(Terminal, match=f"port {taken} for the dashboard is taken by another process.*--dashboard-port"):
        ports.dashboard_port(taken, None)


def test_without_a_wish_the_next_free_port_is_taken(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    monkeypatch.setattr(ports, "DASHBOARD", taken)
    assert ports.dashboard_port(None, None) > taken


def test_a_stack_keeps_its_ports_where_they_are_free(tmp_path: Path, taken: int) -> None:
    first = ports.allot(["a", "b"], tmp_path, {})
    again = ports.allot(["a", "b", "c"], tmp_path, first | {"a": taken})
    assert again["b"] == first["b"]
    assert again["a"] != taken
    assert len(set(again.values())) == 3


def test_all_are_different_and_outside_of_the_range_of_outgoing_connections(tmp_path: Path) -> None:
    given = ports.allot([str(number) for number in range(40)], tmp_path, {})
    assert len(set(given.values())) == 40
    assert all(ports.FIRST <= port < ports.LAST and ports.is_free(port) for port in given.values())


def test_two_folders_begin_at_different_places(tmp_path: Path) -> None:
    assert ports.allot(["a"], tmp_path / "one", {}) != ports.allot(["a"], tmp_path / "two", {})


def test_a_port_that_is_spoken_for_is_given_to_nobody_else(tmp_path: Path) -> None:
    first = ports.allot(["a"], tmp_path, {})["a"]
    assert ports.allot(["b"], tmp_path, {"b": first}, avoid=[first])["b"] != first
