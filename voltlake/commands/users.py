"""`voltlake users`: who may sign in to the dashboards, and API tokens for programs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Terminal
from voltlake.commands.options import DATA, Data, say

if TYPE_CHECKING:
    from dashboards.accounts.store import Store

app = typer.Typer(name="users", no_args_is_help=True, help="Who may sign in to the dashboards, and API tokens for programs.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="a to z first, then also 0 to 9 and . _ -")]
Role = Annotated[str, typer.Option("--role", help="viewer looks; operator also acts on alerts; admin also sees who did what.")]


@contextmanager
def _store(data: Path) -> Iterator["Store"]:
    from dashboards.accounts.store import Store
    from voltlake.stack.layout import Layout

    store = Store(Layout(data.resolve()).accounts)
    try:
        yield store
    finally:
        store.close()


@app.command()
def add(
    name: Name,
    role: Role = "viewer",
    data: Data = DATA,
    *,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the password from standard input; else it is asked for, or generated.")] = False,
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it, once.")] = False,
) -> None:
    """Add a user, or give a known one a new password and role; that ends their sessions. Works while the stack runs.

    Example: voltlake users add anna --role operator --generate
    """
    from dashboards.accounts import acts, users

    if generate or not (stdin or sys.stdin.isatty()):
        password = users.generated()
        generate = True
    elif stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = getpass(f"Password for {name}: ")
        if getpass("Once more: ") != password:
            raise Terminal("the two are not the same; nothing was changed")
    with _store(data) as store:
        users.put(store, name, password, role)
        acts.record(store, "voltlake users", "user set", name, role)
    say(f"{name} may sign in as {role}" + (f" with {password}" if generate else ""))


@app.command(name="list")
def everyone(data: Data = DATA) -> None:
    """Users and tokens, without their secrets.

    Example: voltlake users list
    """
    from dashboards.accounts import tokens, users

    with _store(data) as store:
        for user in users.everyone(store):
            say(f"{user.name:<32}  {user.role:<8}  since {_day(user.created_ms)}{'  disabled' if user.disabled else ''}")
        for one in tokens.everyone(store):
            say(f"{one.name:<32}  {one.role:<8}  token until {_day(one.expires_ms)}")


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


@app.command()
def disable(name: Name, data: Data = DATA) -> None:
    """Let a user sign in no more, and end their sessions.

    Example: voltlake users disable anna
    """
    from dashboards.accounts import acts, users

    with _store(data) as store:
        users.disable(store, name)
        acts.record(store, "voltlake users", "user disabled", name)
    say(f"{name} may not sign in any more")


@app.command()
def token(
    name: Name,
    role: Role = "viewer",
    days: Annotated[float, typer.Option("--days", help="How long it lives.")] = 90,
    data: Data = DATA,
    *,
    revoke: Annotated[bool, typer.Option("--revoke", help="End the token of that name instead.")] = False,
) -> None:
    """Make an API token for a program, as for the live feed, and print it, once; or end it.

    Example: voltlake users token wallboard --days 365
    """
    from dashboards.accounts import acts, tokens

    with _store(data) as store:
        if revoke:
            tokens.revoke(store, name)
            acts.record(store, "voltlake users", "token revoked", name)
            say(f"the token {name} opens nothing any more")
            return
        made = tokens.issue(store, name, role, days)
        acts.record(store, "voltlake users", "token made", name, f"{role}, {days:g} days")
    say(made)
