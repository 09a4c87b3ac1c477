"""TLS with client certificates, against a real broker that asks for them."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from contracts.errors import Terminal, Transient
from simulators.address import Address, address
from simulators.run import measure
from simulators.settings import FleetSettings
from simulators.tls import context
from voltlake.certificates import issue, provide

ROOT = Path(__file__).parents[2]
CONFIG = """listener {port} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/ingest.pem
keyfile {folder}/ingest.key
require_certificate true
use_identity_as_username true
max_queued_messages 0
user {user}
"""


@pytest.fixture
def secured(broker, tmp_path):
    """A broker that takes only clients with a certificate of the authority in its folder: (port, folder)."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if mosquitto is None:
        pytest.skip("mosquitto is not installed")
    broker.kill()
    folder = tmp_path / "tls"
    now = datetime.now(UTC)
    provide(folder, [], now)
    issue(folder, folder, "vehicle", "eu-north", now)
    config = folder / "mosquitto.conf"
    config.write_text(CONFIG.format(port=broker.port, folder=folder, user="root" if os.geteuid() == 0 else "mosquitto"))
    broker._command = [mosquitto, "-c", str(config)]
    broker.start()
    return broker.port, folder


def settings(secured, **more):
    port, folder = secured
    files = {"mqtt_ca": str(folder / "ca.pem"), "mqtt_cert": str(folder / "vehicle.pem"), "mqtt_key": str(folder / "vehicle.key")}
    options = {"vehicles": 20, "rate_hz": 5.0, "seconds": 1.0, "puback_is_safe": True, "mqtt_tls": True, "patience_s": 5.0}
    return FleetSettings(mqtt_port=port, **(options | files | more))


def test_vehicles_show_their_certificate_and_publish_everything(secured):
    summary = measure(settings(secured, every_signal=True, cells_s=0.2)).summary
    assert summary.safe == summary.published > 20 * 5
    assert summary.connected == 20


def test_a_broker_that_dies_is_reached_over_tls_again(secured, broker, running, wait_until):
    run = running(measure, settings(secured, seconds=4.0, patience_s=0.0))
    wait_until(lambda: run.progress and run.progress[-1].safe > 50, "50 messages that are safe")
    broker.kill()
    wait_until(lambda: run.progress[-1].connected == 0, "the loss to be seen")
    broker.start()
    summary = run.end().summary
    assert summary.safe == summary.published


def test_without_a_certificate_the_reason_is_said(secured):
    with pytest.raises(Transient, match="certificate"):
        measure(settings(secured, mqtt_cert="", mqtt_key="", patience_s=1.0))


def test_a_broker_of_another_authority_is_not_trusted(secured, tmp_path):
    provide(tmp_path / "other", [], datetime.now(UTC))
    with pytest.raises(Transient, match="TLS: its certificate is not trusted"):
        measure(settings(secured, mqtt_ca=str(tmp_path / "other" / "ca.pem"), patience_s=0.5))


def test_the_command_takes_the_files(secured):
    port, folder = secured
    files = ["--ca", str(folder / "ca.pem"), "--cert", str(folder / "vehicle.pem"), "--key", str(folder / "vehicle.key")]
    command = [sys.executable, "-m", "voltlake", "simulate", "--broker", f"mqtts://localhost:{port}", "--vehicles", "5", "--seconds", "1", *files]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_certificate_that_cannot_be_used_is_one_sentence(secured):
    _, folder = secured
    with pytest.raises(Terminal, match=r"cannot use the certificate .*vehicle.pem"):
        context(str(folder / "ca.pem"), str(folder / "vehicle.pem"), str(folder / "ingest.key"))
    with pytest.raises(Terminal, match=r"cannot use .*vehicle.key as authority"):
        context(str(folder / "vehicle.key"), "", "")
    with pytest.raises(Terminal, match="needs its certificate"):
        context("", "", str(folder / "vehicle.key"))


def test_an_address_says_host_port_and_whether_it_is_secured():
    assert address("mqtt://broker.example") == Address("broker.example", 1883, tls=False)
    assert address("mqtts://[::1]:9000/") == Address("::1", 9000, tls=True)
    for wrong in ("broker:1883", "mqtt://", "mqtt://x:99999", "mqtt://x:0", "mqtt://x/topic", "mqtt://me:secret@x"):
        with pytest.raises(Terminal) as caught:
            address(wrong)
        assert "secret" not in str(caught.value)
    assert msgspec.to_builtins(address("mqtt://x"))["tls"] is False
