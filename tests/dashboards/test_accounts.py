"""Who may sign in, and what is kept of it."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from contracts.errors import Terminal
from dashboards.accounts import acts, sessions, tokens, users
from dashboards.accounts.limits import FAILURES, FAILURES_OF_ADDRESS, WINDOW_S, SignInLimit
from dashboards.accounts.store import FILE, Store
from tests.dashboards.made import PASSWORD


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "accounts")


def test_a_password_is_kept_as_argon2id_in_a_file_for_its_owner_alone(store: Store) -> None:
    users.put(store, "anna", PASSWORD, "operator")
    assert stat.S_IMODE(os.stat(store.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(store.path.parent).st_mode) == 0o700
    (hashed,) = store.rows("SELECT hash FROM users")[0]
    assert str(hashed).startswith("$argon2id$")
    assert not any(PASSWORD.encode() in file.read_bytes() for file in store.path.parent.iterdir())
    assert users.check(store, "anna", PASSWORD) is not None
    assert users.check(store, "anna", PASSWORD + "x") is None
    assert users.check(store, "nobody", PASSWORD) is None


def test_who_is_disabled_or_gets_a_new_password_is_signed_out(store: Store) -> None:
    users.put(store, "anna", PASSWORD, "operator")
    key = sessions.begin(store, "anna")
    assert sessions.visitor(store, key).role == "operator"
    users.put(store, "anna", PASSWORD[::-1], "viewer")
    assert sessions.visitor(store, key) is None
    key = sessions.begin(store, "anna")
    users.disable(store, "anna")
    assert sessions.visitor(store, key) is None
    assert users.check(store, "anna", PASSWORD[::-1]) is None


def test_a_session_outlives_the_process_and_its_key_is_not_in_the_file(store: Store) -> None:
    users.put(store, "anna", PASSWORD, "admin")
    key = sessions.begin(store, "anna")
    store.close()
    again = Store(store.path.parent)
    assert sessions.visitor(again, key).name == "anna"
    assert key.encode() not in (again.path.parent / FILE).read_bytes()
    sessions.end(again, key)
    assert sessions.visitor(again, key) is None


def test_a_token_stands_for_its_role_until_it_is_revoked(store: Store) -> None:
    token = tokens.issue(store, "wall", "viewer", 1)
    assert tokens.visitor(store, token).role == "viewer"
    assert tokens.issue(store, "wall", "viewer", 1) != token
    assert tokens.visitor(store, token) is None, "a new one of the same name ends the old"
    token = tokens.issue(store, "short", "viewer", 1e-9)
    assert tokens.visitor(store, token) is None, "it has ended"
    tokens.revoke(store, "wall")
    with pytest.raises(Terminal, match="no token"):
        tokens.revoke(store, "wall")


@pytest.mark.parametrize(
    ("name", "password", "role", "said"),
    [
        ("Anna Å", PASSWORD, "viewer", "name"),
        ("anna", "short", "viewer", "12 to 256"),
        ("anna", PASSWORD, "king", "no role"),
        ("", PASSWORD, "viewer", "name"),
    ],
)
def test_what_is_not_allowed_is_one_sentence(store: Store, name: str, password: str, role: str, said: str) -> None:
    with pytest.raises(Terminal, match=said):
        users.put(store, name, password, role)
    assert users.everyone(store) == []


def test_the_record_of_acts_is_only_added_to_and_a_change_shows(store: Store) -> None:
    for number in range(3):
        acts.record(store, "anna", "ack", f"alert-{number}", "{}")
    assert [act.subject for act in acts.newest(store)] == ["alert-2", "alert-1", "alert-0"]
    assert [act.subject for act in acts.newest(store, subject="alert-1")] == ["alert-1"]
    assert acts.broken_at(store) is None
    for forged in ("UPDATE acts SET who = 'bob'", "DELETE FROM acts WHERE number = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            store.rows(forged)
    with sqlite3.connect(store.path) as database:  # somebody who owns the file
        database.execute("DROP TRIGGER acts_stay")
        database.execute("UPDATE acts SET who = 'bob' WHERE number = 2")
    database.close()
    assert acts.broken_at(store) == 2


def test_failures_make_one_wait_and_success_forgets_them() -> None:
    limit, keys = SignInLimit(), ("from 1.2.3.4", "name anna")
    for second in range(FAILURES):
        assert limit.wait_s(keys, second) == 0
        limit.failed(keys, second)
    assert limit.wait_s(keys, 10) == pytest.approx(WINDOW_S - 10)
    assert limit.wait_s(("from 9.9.9.9", "name anna"), 10) > 0, "from another address too"
    assert limit.wait_s(("from 1.2.3.4", "name bob"), 10) == 0, "others behind the same address do not wait"
    for _ in range(FAILURES_OF_ADDRESS):
        limit.failed(("from 6.6.6.6",), 10)
    assert limit.wait_s(("from 6.6.6.6", "name carl"), 10) > 0
    assert limit.wait_s(keys, WINDOW_S + FAILURES) == 0
    limit.succeeded(keys)
    assert limit.wait_s(keys, 10) == 0
