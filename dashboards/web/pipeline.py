"""How the road does: what each process said of itself over the last half hour."""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from dashboards.web.reply import answer

if TYPE_CHECKING:
    from dashboards.live.hub import Hub


class Pipeline:
    """The routes."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    def register(self, app: web.Application) -> None:
        """The route."""
        app.router.add_get("/api/pipeline", self.samples)
        app.router.add_get("/api/models", self.models)

    async def samples(self, _request: web.Request) -> web.Response:
        """By process: when it was read, and each metric's values at those times (null where it did not answer)."""
        return answer({"processes": {name: _columns(list(samples)) for name, samples in self._hub.board.samples.items()}})

    async def models(self, _request: web.Request) -> web.Response:
        """The models and versions that score now: for how many vehicles, and the newest score."""
        found: dict[tuple[str, str], list[int]] = {}
        for score in self._hub.scores.values():
            found.setdefault((score.model, score.version), []).append(score.event_ts)
        rows = [
            {"model": model, "version": version, "vehicles": len(times), "newest_ts": max(times)} for (model, version), times in sorted(found.items())
        ]
        fresh = self._hub.board.freshness
        return answer({"freshness": fresh, "models": {name: [row[name] for row in rows] for name in ("model", "version", "vehicles", "newest_ts")}})


def _columns(samples: list[Any]) -> dict[str, Any]:
    names = sorted({name for sample in samples for name in sample.values})
    return {
        "at": [sample.at_ms for sample in samples],
        "up": bool(samples and samples[-1].values),
        "values": {name: [sample.values.get(name) for sample in samples] for name in names},
    }
