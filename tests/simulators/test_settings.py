import msgspec
import pytest

from contracts.errors import Terminal
from contracts.settings import load
from simulators.__main__ import main
from simulators.settings import FleetSettings, ReplaySettings, check


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rate_hz": -1.0}, "rate_hz is -1"),
        ({"rate_hz": float("nan")}, "rate_hz is nan"),
        ({"vehicles": 0}, "vehicles is 0"),
        ({"seconds": -2.0}, "seconds is -2"),
        ({"mqtt_port": 70_000}, "70000"),
        ({"regions": ("EU North",)}, "'EU North'"),
        ({"regions": ()}, "none"),
        ({"boot_id": "xyz"}, "boot id 'xyz'"),
        ({"prefix": "sim car"}, "prefix 'sim car'"),
        ({"outbox_messages": 0}, "outbox_messages is 0"),
        ({"keep_alive_s": 1}, "keep_alive_s is 1"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(options, sentence):
    with pytest.raises(Terminal, match=sentence):
        check(msgspec.structs.replace(FleetSettings(), **options))


def test_a_replay_slower_than_real_would_date_frames_in_the_future_and_is_refused():
    with pytest.raises(Terminal, match=r"speed 0\.5"):
        check(ReplaySettings(speed=0.5))
    check(ReplaySettings(speed=0.0))


def test_settings_come_from_the_environment_and_the_password_prints_as_stars():
    environ = {"SIMULATOR_VEHICLES": "7", "SIMULATOR_REGIONS": "eu-north, us-east", "SIMULATOR_MQTT_PASSWORD": "hush"}
    settings = load(FleetSettings, environ, "SIMULATOR_")
    assert (settings.vehicles, settings.regions) == (7, ("eu-north", "us-east"))
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(("arguments", "environ"), [(["fly"], {}), (["fleet"], {"SIMULATOR_RATE_HZ": "-3"}), (["fleet"], {"SIMULATOR_WARP": "9"})])
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, environ, monkeypatch, capsys):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
