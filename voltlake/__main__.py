"""`voltlake`: the command. `voltlake --help` lists what there is."""

import logging
import os
import sys

import typer

from contracts.errors import Broken
from voltlake.commands import alert_rules, alerts, demo, doctor, features, gold, lake, lakehouse, models, scenario, stack, users, vehicles
from voltlake.settings import surroundings

app = typer.Typer(name="voltlake", no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def front(context: typer.Context) -> None:
    """Electric-vehicle data from the sensor to the table, the feature, the model and the alert, losing nothing on the way.

    Start with 'voltlake demo', or 'voltlake doctor' where something is missing.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    context.obj = surroundings(os.environ)


for command in (demo.demo, stack.up, stack.down, stack.status, stack.logs, vehicles.simulate, vehicles.replay, lake.audit, lake.query, doctor.doctor):
    app.command()(command)
app.add_typer(features.app)
app.add_typer(models.app)
alerts.app.add_typer(alert_rules.app)
app.add_typer(alerts.app)
app.add_typer(users.app)
lakehouse.app.command()(gold.verify)
lakehouse.app.command()(gold.rebuild)
app.add_typer(lakehouse.app)
app.add_typer(gold.registry)
app.add_typer(scenario.app)


def main() -> None:
    """Exit code: 0 where all went well, 1 where something does not work (one line on stderr says what), 2 for wrong usage."""
    try:
        app()
    except Broken as error:
        sys.exit(f"voltlake: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
