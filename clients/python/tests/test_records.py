"""What is done with records every day."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from decimal import Decimal

import grpc
import pytest

from tessera import Client, TesseraError, Violation, catalog, crm, from_money, to_money


def failure(call: Callable[[], object]) -> TesseraError:
    with pytest.raises(TesseraError) as caught:
        call()
    return caught.value


def test_a_record_is_created_listed_and_changed_by_mask(client: Client) -> None:
    # An update with a mask must change the fields that it names and leave every other alone.
    made = client.crm.accounts.create(crm.Account(display_name="Acme", domain="acme.example", phone="1"))
    assert [account.id for account in client.crm.accounts.list().accounts] == [made.id]
    sent = crm.Account(id=made.id, display_name="not to be taken", phone="2", etag=made.etag)
    changed = client.crm.accounts.update(sent, update_mask=["phone"])
    assert (changed.display_name, changed.domain, changed.phone) == ("Acme", "acme.example", "2")
    assert changed.etag != made.etag
    assert client.crm.accounts.get(made.id) == changed


def test_a_stale_etag_is_refused(client: Client) -> None:
    # A lost update must fail by name, and with a code that tells it from a mere conflict of transactions.
    made = client.crm.accounts.create(crm.Account(display_name="Acme"))
    client.crm.accounts.update(crm.Account(id=made.id, phone="1", etag=made.etag), update_mask=["phone"])
    stale = crm.Account(id=made.id, phone="2", etag=made.etag)
    error = failure(lambda: client.crm.accounts.update(stale, update_mask=["phone"]))
    assert (error.code, error.domain, error.reason) == (grpc.StatusCode.ABORTED, "erp", "STALE_ETAG")
    assert client.crm.accounts.get(made.id).phone == "1"


def test_every_broken_rule_is_named(client: Client) -> None:
    # A validation error must carry one violation a field, so that a form can show each beside its field.
    wrong = crm.Account(display_name="", code="x" * 41, parent_id="nobody")
    error = failure(lambda: client.crm.accounts.create(wrong))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    fields = {violation.field for violation in error.violations}
    assert fields == {"account.display_name", "account.code", "account.parent_id"}
    assert all(isinstance(violation, Violation) and violation.description for violation in error.violations)
    assert "account.code" in str(error)


def test_pages_hold_every_record_once(client: Client) -> None:
    # 120 records in pages of 50 must be three pages that hold each record once.
    names = {f"Company {number:03}" for number in range(120)}
    todo = list(names)

    def create() -> None:
        while todo:
            client.crm.accounts.create(crm.Account(display_name=todo.pop()))

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pages = list(client.crm.accounts.pages(page_size=50, order_by="display_name"))
    assert [len(page.accounts) for page in pages] == [50, 50, 20]
    listed = [account.display_name for account in client.crm.accounts.list_all(page_size=50, order_by="display_name")]
    assert listed == sorted(names)
    some = client.crm.accounts.list_all(filter='display_name >= "Company 100"', page_size=7)
    assert {account.display_name for account in some} == {name for name in names if name >= "Company 100"}
    assert len(list(client.crm.accounts.search_all("company", page_size=50))) == 120


def test_a_record_of_another_tenant_does_not_exist(new_client: Callable[[], Client]) -> None:
    # One tenant must not even learn that another one's record exists.
    ours, theirs = new_client(), new_client()
    made = ours.crm.accounts.create(crm.Account(display_name="Ours"))
    error = failure(lambda: theirs.crm.accounts.get(made.id))
    nobody = failure(lambda: theirs.crm.accounts.get(str(uuid.uuid4())))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    assert (error.code, error.reason, error.domain) == (nobody.code, nobody.reason, nobody.domain)
    assert list(theirs.crm.accounts.list_all()) == []


@pytest.mark.parametrize(
    "name",
    ["Müller & Söhne", "株式会社テセラ", "שלום עולם", "🧩👩‍👩‍👧‍👦", "e\u0301 is not é", 'O\'Brien "quoted" \\ %s'],
)
def test_text_comes_back_as_it_was_sent(client: Client, name: str) -> None:
    # Every script must survive storing, filtering and labels, code point by code point.
    made = client.crm.accounts.create(crm.Account(display_name=name, labels={name: name}))
    found = client.crm.accounts.get(made.id)
    assert (found.display_name, dict(found.labels)) == (name, {name: name})
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assert [account.id for account in client.crm.accounts.list_all(filter=f'display_name = "{quoted}"')] == [made.id]


def test_a_request_id_is_answered_once(client: Client) -> None:
    # The same id again must return the first answer, and must be refused for another payload.
    request_id = str(uuid.uuid4())
    first = client.crm.accounts.create(crm.Account(display_name="Once"), request_id=request_id)
    again = client.crm.accounts.create(crm.Account(display_name="Once"), request_id=request_id)
    assert again == first
    error = failure(lambda: client.crm.accounts.create(crm.Account(display_name="Other"), request_id=request_id))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    # Without an id each call has one of its own.
    client.crm.accounts.create(crm.Account(display_name="Once"))
    assert len(client.crm.accounts.list().accounts) == 2


def test_money_is_exact(client: Client) -> None:
    # A price must come back to the cent, where a float would not.
    price = Decimal("90071992547409.93")
    product = catalog.Product(sku="A-1", name="Anvil", unit="piece", price=to_money(price, "EUR"))
    made = client.catalog.products.create(product)
    assert from_money(client.catalog.products.get(made.id).price) == (price, "EUR")


def test_a_domain_gives_its_own_reasons(client: Client, new_client: Callable[[], Client]) -> None:
    # An error of a domain's rule must name the domain, so that two reasons of one name stay apart.
    tenant = client.identity.tenants.get(client.identity.auth.get_current_user().tenant.id)
    other = new_client()
    error = failure(
        lambda: other.identity.auth.sign_up("Copy", tenant.slug, "a@example.com", "a long way to go", "EUR")
    )
    assert (error.code, error.domain, error.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "erp.identity",
        "SLUG_TAKEN",
    )
