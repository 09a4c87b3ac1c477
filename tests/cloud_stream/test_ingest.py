"""Ingest over real TLS: who may speak, what each refusal says, and that 200 means Kafka has it.

Kafka is librdkafka's mock cluster here: it speaks the protocol in memory, and is not Kafka.
"""

import gzip
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from road.certificates import Authority
from road.servers import MockKafka, client_context, free_port, ingest, ingest_environ, open_port, until

from cloud_stream.__main__ import main
from contracts.topics import REJECTED, TELEMETRY

CONTENT_TYPE = "application/vnd.kafka.json.v2+json"
Answer = tuple[int, dict[str, Any], dict[str, str]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def mock_kafka() -> MockKafka:
    return MockKafka()


@pytest.fixture(scope="module")
def port(authority: Authority, mock_kafka: MockKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    limits = {"INGEST_BODY_MAX_BYTES": "1000000", "INGEST_DECOMPRESSED_MAX_BYTES": "2000000"}
    with ingest(authority, tmp_path_factory.mktemp("ingest"), mock_kafka.bootstrap, **limits) as address:
        yield address


@pytest.fixture(scope="module")
def gateway(authority: Authority) -> ssl.SSLContext:
    return client_context(authority, authority.gateway("gw-1", "eu", "us"))


def envelope(vehicle: str, seq: int = 0, **more: object) -> dict[str, Any]:
    known = {"gateway_id": "gw-1", "region": "eu", "vehicle_id": vehicle, "kind": "telemetry", "boot_id": "0000000a", "seq": seq, "received_at": 1}
    return {**known, "payload": {"ts": 1, "signals": {"speed_kmh": 1.5}}, **more}


def record(vehicle: str, seq: int = 0, **more: object) -> dict[str, Any]:
    return {"key": vehicle, "value": envelope(vehicle, seq, **more)}


def post(port: int, context: ssl.SSLContext, content: bytes, topic: str = TELEMETRY, **headers: str) -> Answer:
    named = {"Content-Type": CONTENT_TYPE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return _ask(urllib.request.Request(f"https://127.0.0.1:{port}/topics/{topic}", data=content, headers=named, method="POST"), context)


def post_records(port: int, context: ssl.SSLContext, records: list[Any], topic: str = TELEMETRY) -> Answer:
    return post(port, context, json.dumps({"records": records}).encode(), topic)


def _ask(request: urllib.request.Request, context: ssl.SSLContext) -> Answer:
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as response:
            return response.status, json.loads(response.read()), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), dict(error.headers)


def refused(answer: Answer, status: int, error_code: int, says: str) -> dict[str, Any]:
    assert answer[0] == status, answer
    assert answer[1]["error_code"] == error_code
    assert says in answer[1]["message"]
    assert answer[1]["hint"]
    return answer[1]


def test_records_reach_kafka_byte_for_byte_and_in_order(port: int, gateway: ssl.SSLContext, mock_kafka: MockKafka) -> None:
    value = '{"gateway_id":"gw-1", "region":"us","vehicle_id":"BYTES-1","kind":"telemetry","boot_id":"0000000a","seq":7,"received_at":1'
    value += ',"payload":{"x" : 1.50}}'
    later = value.replace('"seq":7', '"seq":8')
    body = f'{{"records":[{{"key":"BYTES-1","value":{value}}},{{"value":{later},"key":"BYTES-1"}}]}}'.encode()
    status, answer, headers = post(port, gateway, gzip.compress(body), Content_Encoding="gzip")
    assert status == 200
    assert headers["Content-Type"].startswith("application/vnd.kafka.v2+json")
    assert [place["partition"] for place in answer["offsets"]] == [answer["offsets"][0]["partition"]] * 2
    assert answer["offsets"][1]["offset"] == answer["offsets"][0]["offset"] + 1
    with mock_kafka.reader(TELEMETRY) as kafka:
        found = until(lambda: len(mine := [each for each in kafka.poll() if each[1] == b"BYTES-1"]) == 2 and mine, "the records")
    assert [each[2].decode() for each in found] == [value, later]


def test_200_means_that_kafka_has_every_record(port: int, gateway: ssl.SSLContext, mock_kafka: MockKafka) -> None:
    status, answer, _ = post_records(port, gateway, [record(f"ALL-{number}", number) for number in range(500)])
    assert status == 200
    assert len(answer["offsets"]) == 500
    with mock_kafka.reader(TELEMETRY) as kafka:
        keys = until(lambda: len(found := {key for _, key, _ in kafka.poll() if key.startswith(b"ALL-")}) == 500 and found, "all records")
    assert keys == {f"ALL-{number}".encode() for number in range(500)}


def test_there_is_no_answer_before_kafka_has_answered(authority: Authority, gateway: ssl.SSLContext, tmp_path: Path) -> None:
    with ingest(authority, tmp_path, f"127.0.0.1:{free_port()}", INGEST_DELIVERY_TIMEOUT_MS="700") as address:
        answer = post_records(address, gateway, [record("NOBODY-1")])
        refused(answer, 503, 50301, "Kafka has not acknowledged 1 of 1 records")
        assert int(answer[2]["Retry-After"]) >= 1
        health = _ask(urllib.request.Request(f"https://127.0.0.1:{address}/health"), gateway)
        assert (health[0], health[1]) == (503, {"kafka": "down"})


def test_health_is_up_with_kafka(port: int, gateway: ssl.SSLContext) -> None:
    status, answer, _ = _ask(urllib.request.Request(f"https://127.0.0.1:{port}/health"), gateway)
    assert (status, answer) == (200, {"kafka": "up"})


def test_a_certificate_of_another_authority_is_refused_at_the_handshake(port: int, authority: Authority, tmp_path: Path) -> None:
    context = client_context(authority, Authority(tmp_path, "test CA").gateway("gw-1", "eu"))
    with pytest.raises(OSError, match=r"(?i)alert|eof|reset|closed|broken"):
        post_records(port, context, [record("CAR-1")])


def test_no_certificate_is_refused_at_the_handshake(port: int, authority: Authority) -> None:
    with pytest.raises(OSError, match=r"(?i)alert|eof|reset|closed|broken"):
        post_records(port, client_context(authority), [record("CAR-1")])


def test_a_gateway_speaking_for_another_region_is_refused(port: int, gateway: ssl.SSLContext, mock_kafka: MockKafka) -> None:
    answer = post_records(port, gateway, [record("REGION-1"), record("REGION-2", region="asia")])
    body = refused(answer, 403, 40301, "certificate is of 'gw-1' for eu, us")
    assert body["record"] == 1
    with mock_kafka.reader(TELEMETRY) as kafka:
        assert post_records(port, gateway, [record("REGION-3")])[0] == 200
        until(lambda: any(key == b"REGION-3" for _, key, _ in kafka.poll()), "a later record")
        assert not any(key in (b"REGION-1", b"REGION-2") for _, key, _ in kafka.records)


def test_a_gateway_speaking_as_another_gateway_is_refused(port: int, gateway: ssl.SSLContext) -> None:
    refused(post_records(port, gateway, [record("CAR-1", gateway_id="gw-2")]), 403, 40301, "is of gateway 'gw-2'")


def test_a_certificate_without_regions_permits_nothing(port: int, authority: Authority) -> None:
    context = client_context(authority, authority.gateway("gw-none"))
    refused(post_records(port, context, [record("CAR-1", gateway_id="gw-none")]), 403, 40301, "for no region")


@pytest.mark.parametrize(
    ("content", "status", "error_code", "says"),
    [
        (b"{", 400, 40002, "no JSON text"),
        (b"\xff\xfe", 400, 40002, "no JSON text"),
        (b'{"records":[{"key":"A","value":' + b"[" * 100_000, 400, 40002, "no JSON text"),
        (b"[]", 422, 42201, "right shape"),
        (b'{"records":{}}', 422, 42201, "$.records"),
        (b'{"records":[]}', 422, 42202, "no records"),
        (b'{"records":[{"value":{}}]}', 422, 42201, "$.records[0]"),
        (b'{"records":[{"key":"A","value":{}}]}', 422, 42203, "record 0 is no envelope"),
        (b'{"records":[{"key":"A","value":7}]}', 422, 42203, "record 0 is no envelope"),
        (json.dumps({"records": [record("A"), record("small letters")]}).encode(), 422, 42203, "record 1 is no envelope"),
        (json.dumps({"records": [record("A"), record("A\n")]}).encode(), 422, 42203, "record 1 is no envelope"),
        (json.dumps({"records": [record("A", seq=-1)]}).encode(), 422, 42203, "record 0 is no envelope"),
        (json.dumps({"records": [record("A"), {"key": "B", "value": envelope("A")}]}).encode(), 422, 42204, "key of record 1"),
        (json.dumps({"records": [record("A", kind="cells")]}).encode(), 422, 42205, "kind 'cells'"),
        (json.dumps({"records": [record("A", kind="weather")]}).encode(), 422, 42205, "kind 'weather'"),
    ],
)
def test_a_malformed_batch_is_refused_with_what_and_where(
    port: int, gateway: ssl.SSLContext, content: bytes, status: int, error_code: int, says: str
) -> None:
    refused(post(port, gateway, content), status, error_code, says)


def test_an_unknown_topic_method_type_or_encoding_is_refused(port: int, gateway: ssl.SSLContext) -> None:
    good = json.dumps({"records": [record("A")]}).encode()
    refused(post(port, gateway, good, topic="alerts.v1"), 404, 40401, "no topic 'alerts.v1'")
    refused(post(port, gateway, good, Content_Type="application/json"), 415, 41501, "Content-Type 'application/json'")
    refused(post(port, gateway, good, Content_Encoding="br"), 415, 41502, "Content-Encoding 'br'")
    refused(post(port, gateway, good, Content_Encoding="gzip"), 400, 40001, "no gzip stream")
    refused(post(port, gateway, gzip.compress(good)[:-9], Content_Encoding="gzip"), 400, 40001, "one whole gzip stream")
    for path, status in (("/topics/vehicle.telemetry.v1", 405), ("/elsewhere", 404)):
        answer = _ask(urllib.request.Request(f"https://127.0.0.1:{port}{path}"), gateway)
        assert answer[0] == status
        assert answer[1]["error_code"] == status * 100
        assert answer[1]["hint"]


def test_an_oversized_batch_is_refused(port: int, gateway: ssl.SSLContext) -> None:
    refused(post_records(port, gateway, [record("A", payload="x" * 1_000_000)]), 413, 41301, "larger than 1000000 bytes")
    large = gzip.compress(json.dumps({"records": [record("A", payload="x" * 950_000)]}).encode())
    body = refused(post(port, gateway, large, Content_Encoding="gzip"), 413, 41303, "record 0 is larger than 900000 bytes")
    assert body["record"] == 0


def test_a_body_without_a_length_is_bounded_too(port: int, gateway: ssl.SSLContext) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=gateway)
    connection.request("POST", f"/topics/{TELEMETRY}", iter([b" " * 100_000] * 11), {"Content-Type": CONTENT_TYPE}, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["error_code"]) == (413, 41301)
    connection.close()


def test_a_body_that_stalls_is_given_up(authority: Authority, gateway: ssl.SSLContext, mock_kafka: MockKafka, tmp_path: Path) -> None:
    with ingest(authority, tmp_path, mock_kafka.bootstrap, INGEST_BODY_TIMEOUT_S="0.3", INGEST_REQUESTS_MAX="1") as address:
        stalled = http.client.HTTPSConnection("127.0.0.1", address, context=gateway, timeout=30)
        stalled.putrequest("POST", f"/topics/{TELEMETRY}")
        for name, value in (("Content-Type", CONTENT_TYPE), ("Content-Length", "1000")):
            stalled.putheader(name, value)
        stalled.endheaders(b'{"records":')
        response = stalled.getresponse()
        assert (response.status, json.loads(response.read())["error_code"]) == (408, 40801)
        stalled.close()
        until(lambda: post_records(address, gateway, [record("A")])[0] == 200, "the place of the stalled request")


def test_a_zip_bomb_is_never_inflated_past_the_limit(port: int, gateway: ssl.SSLContext) -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(zeros.compress(bytes(2**20)) for _ in range(60)) + zeros.flush()
    assert len(bomb) < 1_000_000
    refused(post(port, gateway, bomb, Content_Encoding="gzip"), 413, 41302, "larger than 2000000 bytes once inflated")
    assert post_records(port, gateway, [record("A")])[0] == 200


def test_a_rejection_may_have_no_identity(port: int, gateway: ssl.SSLContext, mock_kafka: MockKafka) -> None:
    value = {"gateway_id": "gw-1", "region": "eu", "vehicle_id": "", "kind": "", "boot_id": "", "seq": -1, "received_at": 1, "reason": "bad_topic"}
    assert post_records(port, gateway, [{"key": "", "value": value}], REJECTED)[0] == 200
    with mock_kafka.reader(REJECTED) as kafka:
        until(lambda: any(json.loads(each)["reason"] == "bad_topic" for _, _, each in kafka.poll()), "the rejection")
    refused(post_records(port, gateway, [{"key": "", "value": value | {"region": "asia"}}], REJECTED), 403, 40301, "region 'asia'")


def test_too_much_in_flight_is_refused_with_retry_after(authority: Authority, gateway: ssl.SSLContext, tmp_path: Path) -> None:
    metrics = free_port()
    limits = {"INGEST_IN_FLIGHT_MAX_RECORDS": "5", "INGEST_DELIVERY_TIMEOUT_MS": "60000", "INGEST_METRICS_PORT": str(metrics)}
    with ingest(authority, tmp_path, f"127.0.0.1:{free_port()}", **limits) as address:
        waiting = http.client.HTTPSConnection("127.0.0.1", address, context=gateway)
        body = json.dumps({"records": [record("A", seq) for seq in range(5)]})
        waiting.request("POST", f"/topics/{TELEMETRY}", body, {"Content-Type": CONTENT_TYPE})

        def in_flight() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as page:
                return b"ingest_in_flight_records 5.0" in page.read()

        until(in_flight, "the first request to be in flight")
        answer = post_records(address, gateway, [record("B")])
        refused(answer, 429, 42901, "5 records wait for Kafka")
        assert int(answer[2]["Retry-After"]) >= 1
        waiting.close()


def test_an_orderly_stop_answers_what_is_in_hand(authority: Authority, gateway: ssl.SSLContext, mock_kafka: MockKafka, tmp_path: Path) -> None:
    port = free_port()
    environ = ingest_environ(authority, port, mock_kafka.bootstrap)
    with subprocess.Popen([sys.executable, "-m", "cloud_stream", "ingest"], env=environ, stderr=subprocess.PIPE) as process:
        until(lambda: open_port(port), "ingest")
        assert post_records(port, gateway, [record("A")])[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_wrong_words_and_settings_are_one_sentence(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = ingest_environ(authority, free_port(), "127.0.0.1:1")

    def run(words: list[str], **environ: str) -> tuple[int, str]:
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            code = main(words)
        (sentence,) = capsys.readouterr().err.strip().splitlines()
        return code, sentence

    assert run([]) == (2, "cloud_stream: cannot make sense of ''; see python -m cloud_stream --help")
    assert run(["ingest", "now"])[0] == 2
    code, sentence = run(["ingest"])
    assert code == 1
    assert "INGEST_CA" in sentence
    assert "unknown setting INGEST_COLOUR" in run(["ingest"], **good, INGEST_COLOUR="red")[1]
    assert "there is no file" in run(["ingest"], **(good | {"INGEST_CA": str(tmp_path / "none.pem")}))[1]
    (tmp_path / "bad.pem").write_text("no certificate")
    assert "cannot be used" in run(["ingest"], **(good | {"INGEST_CA": str(tmp_path / "bad.pem")}))[1]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "set INGEST_PORT to a free one" in run(["ingest"], **(good | {"INGEST_PORT": str(taken.getsockname()[1])}))[1]
