"""Against a real broker and a scripted gateway."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from contracts.codec import decode_payload
from contracts.identity import KINDS, Identity
from simulators.ledger import read_ledgers
from simulators.run import read_progress, simulate
from simulators.settings import FleetSettings

REGIONS = ("eu-north", "us-east")
ROOT = Path(__file__).parents[2]


def both(_identity):
    return {"held", "safe"}


def silent(_identity):
    return set()


def settings(broker, folder, **more):
    options = {"vehicles": 20, "rate_hz": 5.0, "seconds": 2.0, "cells_s": 1.0, "drain_s": 30.0, "resend_s": 1.0, "regions": REGIONS}
    return FleetSettings(mqtt_port=broker.port, ledger=str(folder), **(options | more))


def ledgered(folder, field):
    ledgers = read_ledgers(folder)
    return {Identity(*stream, seq) for stream, entry in ledgers.items() for seq in getattr(entry, field)}


def test_everything_published_reaches_the_gateway_with_its_identity_and_is_told_safe(broker, gateway, tmp_path):
    scripted = gateway(broker.port, REGIONS, both)
    summary = simulate(settings(broker, tmp_path / "ledger"))
    assert summary.published == summary.safe == summary.held > 20 * 10
    assert summary.pending == summary.dropped == 0
    assert scripted.without_identity == 0
    assert scripted.identities() == ledgered(tmp_path / "ledger", "published") == ledgered(tmp_path / "ledger", "safe")
    assert {one.kind for one in scripted.identities()} == set(KINDS)
    for identity, payload in scripted.payloads.items():
        assert decode_payload(identity.kind, payload).ts > 0
    assert read_progress(tmp_path) == [summary]
    assert summary.finished


def test_the_state_tells_the_counts_and_that_the_vehicle_left(broker, gateway, tmp_path, wait_until):
    scripted = gateway(broker.port, REGIONS, both)
    simulate(settings(broker, tmp_path / "ledger"))
    wait_until(lambda: len(scripted.states) == 20 and not any(one.online for one in scripted.states.values()), "20 vehicles offline")
    for vehicle, state in scripted.states.items():
        for kind in KINDS:
            seqs = [one.seq for one in scripted.identities() if one.vehicle_id == vehicle and one.kind == kind]
            assert state.published[kind] == len(seqs) == max(seqs) + 1


def test_a_vehicle_whose_unit_dies_is_said_offline_by_its_last_will(broker, gateway, wait_until):
    scripted = gateway(broker.port, REGIONS, both)
    variables = {"SIMULATOR_MQTT_PORT": str(broker.port), "SIMULATOR_VEHICLES": "5"}
    process = subprocess.Popen([sys.executable, "-m", "simulators", "fleet"], cwd=ROOT, env=os.environ | variables, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: sum(one.online for one in scripted.states.values()) == 5, "5 vehicles online")
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not any(one.online for one in scripted.states.values()), "5 vehicles offline")


def test_after_a_broker_dies_all_that_is_not_held_is_sent_again(broker, gateway, running, tmp_path, wait_until):
    folder = tmp_path / "ledger"
    scripted = gateway(broker.port, REGIONS, lambda one: {"held"} if one.kind == "cells" else set())
    run = running(simulate, settings(broker, folder, seconds=5.0, drain_s=5.0, held_s=600.0))
    wait_until(lambda: len(ledgered(folder, "held")) >= 20, "20 messages that are told held")
    broker.kill()
    held, before = ledgered(folder, "held"), scripted.counts()
    broker.start()
    unheld = [one for one in before if one.kind != "cells"]
    wait_until(lambda: all(scripted.counts()[one] > before[one] for one in unheld), "everything not held to come again")
    scripted.says = lambda one: {"held"} if one.kind == "cells" else {"held", "safe"}
    summary = run.end()
    assert all(scripted.counts()[one] == 1 for one in held), "held messages were sent again"
    assert scripted.identities() == ledgered(folder, "published")
    assert {one.kind for one in ledgered(folder, "published") - ledgered(folder, "safe")} == {"cells"}
    assert summary.pending == summary.published - summary.safe
    assert summary.dropped == 0


def test_held_messages_that_never_become_safe_are_sent_again(broker, gateway, tmp_path):
    """The gateway died with its disk, or its ack was lost."""
    scripted = gateway(broker.port, REGIONS, silent)

    def dies_with_its_disk(identity):
        return {"held"} if scripted.seen[identity] == 1 else {"held", "safe"}

    scripted.says = dies_with_its_disk
    summary = simulate(settings(broker, tmp_path / "ledger", seconds=1.0, resend_s=600.0, held_s=0.5))
    assert summary.pending == 0
    assert summary.safe == summary.published
    assert min(scripted.counts().values()) == 2


def test_what_no_gateway_answers_is_sent_again_until_one_does(broker, gateway, tmp_path):
    scripted = gateway(broker.port, REGIONS, silent)
    scripted.says = lambda identity: {"held", "safe"} if scripted.seen[identity] == 3 else set()
    summary = simulate(settings(broker, tmp_path / "ledger", seconds=1.0, resend_s=0.3))
    assert summary.pending == 0
    assert min(scripted.counts().values()) >= 3


def test_a_broker_that_is_not_there_yet_is_waited_for_and_said_so(absent_broker, gateway, running, tmp_path, wait_until, caplog):
    caplog.set_level(logging.INFO, "simulators")
    run = running(simulate, settings(absent_broker, tmp_path / "ledger", seconds=1.0))
    wait_until(lambda: any("trying again" in one.getMessage() for one in caplog.records), "a line that says what is waited for")
    assert run.progress[-1].published == 0, "no frame is due before the vehicles can send"
    absent_broker.start()
    gateway(absent_broker.port, REGIONS, both)
    summary = run.end()
    assert summary.pending == 0
    assert summary.safe == summary.published >= 20 * 5


def test_a_full_outbox_drops_and_the_ledger_says_what(broker, gateway, tmp_path):
    gateway(broker.port, REGIONS, silent)
    summary = simulate(settings(broker, tmp_path / "ledger", outbox_messages=4, drain_s=0.0))
    assert summary.dropped == summary.published - summary.pending > 0
    assert summary.pending <= 20 * 3 * 4
    assert len(ledgered(tmp_path / "ledger", "dropped")) == summary.dropped
    assert ledgered(tmp_path / "ledger", "safe") == set()


def test_a_bare_broker_can_be_loaded_without_gateways(broker, tmp_path):
    summary = simulate(settings(broker, tmp_path / "ledger", puback_is_safe=True))
    assert summary.acknowledged == summary.published == summary.safe


def test_a_process_that_is_told_to_stop_waits_until_all_is_safe_and_prints_its_summary(broker, gateway, wait_until):
    scripted = gateway(broker.port, REGIONS, both)
    variables = {"SIMULATOR_MQTT_PORT": str(broker.port), "SIMULATOR_VEHICLES": "5"}
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators", "fleet"], cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: len(scripted.identities()) > 10, "some messages")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    summary = json.loads(out)
    assert summary["safe"] == summary["published"] == len(scripted.identities())
