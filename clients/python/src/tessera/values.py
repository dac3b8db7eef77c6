"""Amounts, numbers and days between the contracts' messages and Python's own types. Never by way of a float."""

from __future__ import annotations

import datetime
import decimal
from typing import NamedTuple

from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

Exact = decimal.Decimal | int | str

NANOS = 1_000_000_000
# Enough for every digit of the largest Money and the longest Decimal, whatever the caller's own context rounds to.
_CONTEXT = decimal.Context(prec=1000, traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Inexact])


class Amount(NamedTuple):
    """An amount of money, with the currency that it is nothing without."""

    value: decimal.Decimal
    currency_code: str


def to_money(value: Exact, currency_code: str) -> Money:
    """Money from an exact number: `to_money("9.90", "EUR")`. More than nine decimals are refused, not rounded."""
    number = _exact(value)
    if len(currency_code) != 3 or not currency_code.isascii() or not currency_code.isupper():
        raise ValueError(f"{currency_code!r} is no currency code such as EUR")
    try:
        nanos = int(number.scaleb(9, _CONTEXT).to_integral_exact(context=_CONTEXT))
    except decimal.Inexact as error:
        raise ValueError(f"{number} has more than nine decimals") from error
    units, rest = divmod(abs(nanos), NANOS)
    if units >= 2**63:
        raise ValueError(f"{number} is larger than money can be")
    return Money(currency_code=currency_code, units=-units if nanos < 0 else units, nanos=-rest if nanos < 0 else rest)


def from_money(money: Money) -> Amount:
    """What a Money says. Its decimals are as many as it needs, and two at least."""
    if abs(money.nanos) >= NANOS or money.units * money.nanos < 0:
        raise ValueError(f"units {money.units} and nanos {money.nanos} are no amount")
    exact = decimal.Decimal(money.units * NANOS + money.nanos).scaleb(-9, _CONTEXT)
    plain = exact.normalize(_CONTEXT)
    decimals = max(2, -int(plain.as_tuple().exponent))
    return Amount(exact.quantize(decimal.Decimal(1).scaleb(-decimals), context=_CONTEXT), money.currency_code)


def to_decimal(value: Exact) -> Decimal:
    """A Decimal of the contracts from an exact number."""
    return Decimal(value=format(_exact(value), "f"))


def from_decimal(value: Decimal) -> decimal.Decimal:
    """The number in a Decimal of the contracts; an empty one is zero."""
    return _exact(value.value or "0")


def to_date(day: datetime.date) -> Date:
    """A Date of the contracts. A datetime is refused: which day it is depends on where one stands."""
    if isinstance(day, datetime.datetime):
        raise TypeError("give a date, such as moment.astimezone(zone).date()")
    return Date(year=day.year, month=day.month, day=day.day)


def from_date(date: Date) -> datetime.date:
    """The day in a Date; one without a year, month or day is refused."""
    if not (date.year and date.month and date.day):
        raise ValueError(f"{date.year:04}-{date.month:02}-{date.day:02} is no whole day")
    return datetime.date(date.year, date.month, date.day)


def _exact(value: Exact) -> decimal.Decimal:
    # A float has lost the number that was meant before it comes here, and a bool is an int only to Python.
    if isinstance(value, bool) or not isinstance(value, decimal.Decimal | int | str):
        raise TypeError(f"give a Decimal, an int or a str, not a {type(value).__name__}")
    try:
        number = decimal.Decimal(value)
    except decimal.InvalidOperation as error:
        raise ValueError(f"{value!r} is no number") from error
    if not number.is_finite():
        raise ValueError(f"{value!r} is no finite number")
    return number
