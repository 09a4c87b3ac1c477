"""`voltlake users`."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dashboards.accounts import acts, sessions, tokens, users
from dashboards.accounts.store import Store

ROOT = Path(__file__).parents[2]
PASSWORD = "a long enough password"


def run(data: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voltlake", "users", *words, "--data", str(data)]
    return subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_user_is_added_listed_and_disabled(data: Path) -> None:
    added = run(data, "add", "anna", "--role", "operator", "--stdin", given=f"{PASSWORD}\n")
    assert (added.returncode, added.stdout) == (0, "anna may sign in as operator\n")
    store = Store(data / "accounts")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert users.check(store, "anna", PASSWORD).role == "operator"
    key = sessions.begin(store, "anna")
    generated = run(data, "add", "bob", "--generate").stdout.split()[-1]
    assert users.check(store, "bob", generated).role == "viewer"
    token = run(data, "token", "wall", "--days", "2").stdout.strip()
    assert tokens.visitor(store, token).role == "viewer"
    listed = run(data, "list").stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [["anna", "operator"], ["bob", "viewer"], ["wall", "viewer"]]
    assert token not in listed
    assert run(data, "disable", "anna").returncode == 0
    assert sessions.visitor(store, key) is None
    assert run(data, "token", "wall", "--revoke").returncode == 0
    assert tokens.visitor(store, token) is None
    done = [(act.act, act.subject) for act in reversed(acts.newest(store))]
    assert done == [("user set", "anna"), ("user set", "bob"), ("token made", "wall"), ("user disabled", "anna"), ("token revoked", "wall")]
    store.close()


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("add", "anna", "--stdin"), "short\n", "12 to 256"),
        (("add", "anna", "--role", "king", "--generate"), "", "there is no role 'king'"),
        (("disable", "nobody"), "", "there is no user 'nobody'"),
        (("token", "no such", "--revoke"), "", "there is no token"),
    ],
)
def test_what_cannot_be_is_one_sentence(data: Path, words: tuple[str, ...], given: str, said: str) -> None:
    refused = run(data, *words, given=given)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
