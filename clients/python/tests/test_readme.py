"""The README's own lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tessera import Client

README = Path(__file__).parent.parent / "README.md"


def test_the_lines_of_the_readme_run(address: str, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    # What a newcomer copies must work as it stands; only address and login are put in.
    me = client.identity.auth.get_current_user()
    text = README.read_text(encoding="utf-8")
    for shown, real in (
        ("http://127.0.0.1:8080", address),
        ("demo@tessera.example", me.user.email),
        ("the password that the suite printed", "a long way to Tipperary"),
    ):
        assert shown in text
        text = text.replace(shown, real)
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    printed = capsys.readouterr().out
    assert "INVALID_FIELD ['account.display_name']" in printed
    assert "account.created" in printed
    assert [account.phone for account in client.crm.accounts.list_all()] == ["+49 30 1234"]
    opened = names["client"]
    assert isinstance(opened, Client)
    opened.close()
