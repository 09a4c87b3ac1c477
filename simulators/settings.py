"""Settings of the simulator, from SIMULATOR_ variables; read once in `__main__`. Zero seconds means until stopped."""

import msgspec

from contracts.errors import Terminal
from contracts.identity import BOOT_ID, REGION, VEHICLE_ID
from contracts.settings import Secret
from simulators.shape import Shape


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a fleet and a replay have in common."""

    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 1883
    mqtt_user: str = ""
    mqtt_password: Secret = Secret("")
    mqtt_tls: bool = False
    mqtt_ca: str = ""
    """The authority to trust; the system's where empty."""
    mqtt_cert: str = ""
    mqtt_key: str = ""
    """Certificate and key that every vehicle shows."""
    regions: tuple[str, ...] = ("eu-north", "us-east")
    """Vehicles of a region whose gateways do not run are never told safe."""
    seconds: float = 0.0
    patience_s: float = 0.0
    """How long to wait for a broker at the start; 0 is without end."""
    connect_rate: float = 0.0
    """Connects a second; 0 is as fast as the broker takes them, 64 at a time."""
    connect_at_once: bool = False
    """All at a time: a storm, which a broker's accept queue may not survive."""
    reconnect_s: float = 0.0
    """All connections are cut and opened again so often; 0 is never."""
    drain_s: float = 30.0
    """How long to wait at the end until everything is safe; 0 does not wait, and does not judge."""
    ledger: str = ""
    """Folder of ledger and progress; without it an audit can only go by the counts in `state`."""
    registry: str = ""
    """File to write the vehicle master data to."""
    boot_id: str = ""
    """8 hex digits for all vehicles; drawn for each where it is empty. The same twice looks like duplicates to the platform."""
    resend_s: float = 10.0
    held_s: float = 30.0
    outbox_messages: int = 3600
    """Too low and an outage drops messages; too high and it fills the memory: some 700 bytes a message."""
    state_s: float = 10.0
    keep_alive_s: int = 20
    puback_is_safe: bool = False
    """For a bare broker without gateways: its PUBACK counts as safe. Never with gateways: a broker that dies then loses."""
    metrics_port: int = 0


class FleetSettings(Settings, frozen=True, kw_only=True):
    """A simulated fleet."""

    vehicles: int = 100
    rate_hz: float = 1.0
    seed: int = 1
    cells_s: float = 10.0
    hot_vehicles: int = -1
    """How many run hot, for alerts to show: no physics; -1 is one in fifty, at least one."""
    every_signal: bool = False
    prefix: str = "SIM"
    shape: Shape = "steady"
    models: tuple[str, ...] = ()
    """Which models; all where empty."""
    scenario: str = ""
    """A file of faults (YAML) that befall the vehicles."""
    labels: str = ""
    """File to write the labels of these faults to, as JSON lines."""
    part: int = 0
    parts: int = 1
    """This process has the vehicles whose number modulo `parts` is `part`; two with the same part look like duplicates."""


class ReplaySettings(Settings, frozen=True, kw_only=True):
    """Recordings replayed as vehicles."""

    files: tuple[str, ...] = ()
    mapping: str = ""
    """A mapping file (YAML) for recordings that no shipped mapping knows."""
    speed: float = 1.0
    """1 is the pace of the recording, 10 is ten times that, 0 is as fast as it becomes safe."""
    trips: tuple[str, ...] = ()
    """Only these trips; all where empty."""


def check(settings: Settings) -> None:
    """Raise Terminal with one sentence where a value makes no sense."""
    if not 0 < settings.mqtt_port < 65_536:
        raise Terminal(f"the MQTT port {settings.mqtt_port} is none; choose 1 to 65535")
    bad = [region for region in settings.regions if not REGION.fullmatch(region)]
    if bad or not settings.regions:
        raise Terminal(f"regions {', '.join(map(repr, bad)) or '(none)'} are malformed; a region is 1 to 24 of a-z, 0-9 and -")
    if settings.boot_id and not BOOT_ID.fullmatch(settings.boot_id):
        raise Terminal(f"boot id {settings.boot_id!r} is malformed; it is 8 lowercase hex digits")
    if not 5 <= settings.keep_alive_s <= 3600:
        raise Terminal(f"keep_alive_s is {settings.keep_alive_s:g}; it must be 5 to 3600")
    for name in ("seconds", "drain_s", "patience_s", "connect_rate", "reconnect_s"):
        _need(name, getattr(settings, name), 0)
    for name in ("resend_s", "held_s", "state_s"):
        _need(name, getattr(settings, name), 0.1)
    _need("outbox_messages", settings.outbox_messages, 1)
    if isinstance(settings, FleetSettings):
        _check_fleet(settings)
    elif isinstance(settings, ReplaySettings) and settings.speed != 0 and not 1 <= settings.speed <= 1000:
        raise Terminal(f"speed {settings.speed:g} is none; it is 0 (as fast as possible) or 1 to 1000: slower would date frames in the future")


def _check_fleet(settings: FleetSettings) -> None:
    _need("vehicles", settings.vehicles, 1)
    _need("cells_s", settings.cells_s, 0.1)
    if not 0.001 <= settings.rate_hz <= 100:
        raise Terminal(f"rate_hz is {settings.rate_hz:g}; it must be 0.001 to 100 frames a second and vehicle")
    if settings.shape == "ramp" and not settings.seconds:
        raise Terminal("a ramp needs an end: give the seconds of the run")
    if not 0 <= settings.part < settings.parts:
        raise Terminal(f"part {settings.part} of {settings.parts} does not exist; parts count from 0")
    if settings.parts > settings.vehicles:
        raise Terminal(
            f"{settings.vehicles} vehicles cannot be spread over {settings.parts} parts; simulate more vehicles or use fewer workers and shards"
        )
    if settings.labels and not settings.scenario:
        raise Terminal("labels are those of a scenario's faults; name a scenario too")
    if not VEHICLE_ID.fullmatch(f"{settings.prefix}-{settings.vehicles:05d}"):
        raise Terminal(f"prefix {settings.prefix!r} makes malformed vehicle ids; they are 1 to 32 of A-Z, 0-9 and -")


def _need(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise Terminal(f"{name} is {value:g}; it must be at least {least:g}")
