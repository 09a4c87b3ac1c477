"""What keeps a gateway from starting is one sentence that says what to do, and an exit code."""

from collections.abc import Callable
from pathlib import Path

import pytest
from road.certificates import Authority
from road.servers import free_port, gateway_environ

from edge_gateway.__main__ import main
from edge_gateway.segments import Owner
from edge_gateway.spool import Spool

Start = Callable[..., tuple[int, str]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Start:
    def run(*words: str, **environ: str) -> tuple[int, str]:
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            code = main(list(words))
        (sentence,) = capsys.readouterr().err.strip().splitlines()
        return code, sentence

    return run


def test_a_wrong_setting_is_named(start: Start, authority: Authority, tmp_path: Path) -> None:
    good = gateway_environ(authority, tmp_path, free_port(), free_port())
    (tmp_path / "bad.pem").write_text("no certificate")
    for changed, says in (
        ({"GATEWAY_COLOUR": "red"}, "unknown setting GATEWAY_COLOUR"),
        ({"GATEWAY_ID": "Gateway One"}, "GATEWAY_ID is malformed"),
        ({"GATEWAY_REGION": "EU"}, "GATEWAY_REGION is malformed"),
        ({"GATEWAY_MQTT_PORT": "many"}, "GATEWAY_MQTT_PORT is malformed"),
        ({"GATEWAY_INGEST_URL": "http://localhost:1"}, "GATEWAY_INGEST_URL is malformed"),
        ({"GATEWAY_CA": str(tmp_path / "none.pem")}, "there is no file"),
        ({"GATEWAY_KEY": str(tmp_path / "bad.pem")}, "cannot be used"),
        ({"GATEWAY_SPOOL": str(tmp_path / "bad.pem" / "spool")}, "give GATEWAY_SPOOL a folder"),
    ):
        code, sentence = start(**(good | changed))
        assert code == 1
        assert says in sentence
    assert start()[0] == 1
    assert "GATEWAY_CA" in start()[1]


def test_wrong_words_are_pointed_at_help(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    assert start("now") == (2, "edge_gateway takes no words, but got 'now'; see --help")
    assert main(["--help"]) == 0
    assert "GATEWAY_INGEST_URL" in capsys.readouterr().out


def test_a_spool_in_use_or_of_another_gateway_is_left_alone(start: Start, authority: Authority, tmp_path: Path) -> None:
    good = gateway_environ(authority, tmp_path, free_port(), free_port())
    spool = Spool(tmp_path / "spool", Owner("gw-1", "eu"), 1000)
    assert "in use by another process" in start(**good)[1]
    spool.close()
    assert "belongs to gateway gw-1 of region eu, not to gw-1 of us" in start(**(good | {"GATEWAY_REGION": "us"}))[1]
