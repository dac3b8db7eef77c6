"""Client of Tessera, a multi-tenant ERP and CRM suite.

`Client` talks to a suite; its attributes are the domains (`client.crm.accounts.list()`). Each domain has a module with
its messages (`tessera.crm.Account`). `tessera.values` turns amounts, numbers and days into Python's own types.
"""

from tessera.client import Client
from tessera.errors import TesseraError, Violation
from tessera.events import EventStream
from tessera.values import Amount, from_date, from_decimal, from_money, to_date, to_decimal, to_money

__all__ = [
    "Amount",
    "Client",
    "EventStream",
    "TesseraError",
    "Violation",
    "from_date",
    "from_decimal",
    "from_money",
    "to_date",
    "to_decimal",
    "to_money",
]
